"""The stack's settings, typed: every value that differs between environments, checked before anything is deployed.

They stand in `stacks/Pulumi.<stack>.yaml` under `adfkit:`; the region stands under `azure-native:location`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from infra.trigger_settings import Trigger, TumblingWindow

NAMESPACE = "adfkit:"
NOT_SET = UUID(int=0)
LOCATION = "azure-native:location"
HINTS = {
    f"{NAMESPACE}function_app.client_id": ": the Entra application that callers of the function app ask tokens for; "
    "the comment in the file tells how to set it"
}


class Technique(StrEnum):
    """How an ingestion's transform runs."""

    AZURE_FUNCTION = "azure_function"
    DURABLE_FUNCTION = "durable_function"
    BATCH = "batch"
    DATABRICKS = "databricks"
    DATA_FLOW = "data_flow"


IN_FUNCTION_APP = frozenset({Technique.AZURE_FUNCTION, Technique.DURABLE_FUNCTION})
"""The techniques whose transforms the function app runs."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
VmSize = Annotated[str, Field(pattern=r"^(?i:standard)_[A-Za-z0-9_]+$")]


class Settings(BaseModel):
    """A part of the settings: frozen, and without room for a misspelt key."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Storage(Settings):
    """The lake and the services' account. Deleted blobs and containers can be restored for `soft_delete_days`."""

    redundancy: Literal["Standard_LRS", "Standard_ZRS", "Standard_GRS", "Standard_GZRS"]
    soft_delete_days: Annotated[int, Field(ge=1, le=365)]


class FunctionApp(Settings):
    """The Flex Consumption app. `client_id` is the Entra application that its callers ask tokens for.

    It may be left out of the stack file until the stack is deployed: a preview goes on with a placeholder.
    """

    client_id: UUID = NOT_SET
    instance_memory_mb: Literal[512, 2048, 4096]
    maximum_instances: Annotated[int, Field(ge=40, le=1000)]

    @property
    def audience(self) -> str:
        """The identifier URI of the Entra application, which tokens for the app are issued for."""
        return f"api://{self.client_id}"


class Batch(Settings):
    """The Batch pool, scaled between no node and `maximum_nodes` by its pending tasks.

    `task_slots_per_node` tasks run on a node at once; each has as many threads as the node has cores for it.
    """

    vm_size: VmSize
    maximum_nodes: Annotated[int, Field(ge=1, le=100)]
    task_slots_per_node: Annotated[int, Field(ge=1, le=256)] = 1


class Databricks(Settings):
    """The workspace's pricing tier, and the cluster that is made for each run of a notebook.

    `spark_version` is a Databricks runtime. Nodes come from the pool `instance_pool_id` where one is given, and start
    faster; else they are made, of `node_type`.
    """

    sku: Literal["premium", "trial"]
    spark_version: Annotated[str, Field(pattern=r"^\d+\.\d+\.x-[a-z0-9.-]+$")]
    node_type: VmSize
    workers: Annotated[int, Field(ge=1, le=100)]
    instance_pool_id: Annotated[str, Field(min_length=1)] | None = None


class MachineLearning(Settings):
    """The compute cluster, scaled down to no node after `idle_minutes`."""

    vm_size: VmSize
    maximum_nodes: Annotated[int, Field(ge=1, le=100)]
    idle_minutes: Annotated[int, Field(ge=2, le=240)]


class Monitoring(Settings):
    """Logs are kept for `retention_days`."""

    retention_days: Annotated[int, Field(ge=30, le=730)]


class DataFactory(Settings):
    """The factory, how often its pipelines try an activity again, and how they wait for the machine learning job."""

    public_network_access: bool
    poll_seconds: Annotated[int, Field(ge=1, le=600)]
    retries: Annotated[int, Field(ge=0, le=10)]
    run_timeout_hours: Annotated[int, Field(ge=1, le=24)]


class MachineLearningCall(Settings):
    """How an ingestion's machine learning pipeline is called."""

    call: Literal["batch_endpoint"]


class Ingestion(Settings):
    """One source, one transform, one technique, one dataset: `source` is the folder in `landing`.

    `tasks` is how many tasks the technique `batch` splits the transform into, by partition. Without a trigger an
    ingestion runs when it is asked to.
    """

    source: Name
    transform: Name
    technique: Technique
    tasks: Annotated[int, Field(ge=1, le=100)] | None = None
    trigger: Trigger | None = None
    machine_learning: MachineLearningCall

    @model_validator(mode="after")
    def _split(self) -> Self:
        if self.tasks is not None and self.technique is not Technique.BATCH:
            raise ValueError(f"'tasks' is for the technique 'batch', not '{self.technique}'")
        return self


class StackSettings(Settings):
    """All settings of a stack.

    A new role assignment takes up to `role_propagation_seconds` to reach the services that check it: so long a step of
    the deployment that needs one tries again. `sample_data` lets who deploys upload samples to the lake.
    `adfkit prune` removes run folders that no dataset version refers to when they are `retention_days` old.
    """

    location: Annotated[str, Field(pattern=r"^[a-z0-9]+$")]
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{1,9}$")]
    tags: dict[str, str]
    sample_data: bool = False
    role_propagation_seconds: Annotated[int, Field(ge=0, le=1800)]
    retention_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    storage: Storage
    function_app: FunctionApp
    batch: Batch
    databricks: Databricks
    machine_learning: MachineLearning
    monitoring: Monitoring
    data_factory: DataFactory
    ingestions: Annotated[dict[Name, Ingestion], Field(min_length=1)]

    @model_validator(mode="after")
    def _dependencies(self) -> Self:
        windows = {name for name, each in self.ingestions.items() if isinstance(each.trigger, TumblingWindow)}
        for name, ingestion in self.ingestions.items():
            needed = ingestion.trigger.depends_on if isinstance(ingestion.trigger, TumblingWindow) else []
            for other in (each.ingestion for each in needed):
                if other is not None and other not in windows - {name}:
                    raise ValueError(
                        f"ingestions.{name}.trigger.depends_on: '{other}' is no other ingestion with a tumbling_window"
                    )
        return self

    @property
    def techniques(self) -> frozenset[Technique]:
        """The techniques that the stack's ingestions use."""
        return frozenset(ingestion.technique for ingestion in self.ingestions.values())


def read() -> StackSettings:
    """The settings of the stack that is being deployed.

    Raises:
        pulumi.RunError: they are wrong; the text names every bad value, its key, the file, and what is allowed.
    """
    file = f"stacks/Pulumi.{pulumi.get_stack()}.yaml"
    raw = {**get_config_env(), **CONFIG.get()}
    values = {key.removeprefix(NAMESPACE): _value(key) for key in raw if key.startswith(NAMESPACE)}
    if LOCATION in raw:
        values["location"] = raw[LOCATION]
    settings = check(values, file)
    if settings.function_app.client_id == NOT_SET:
        key = f"{NAMESPACE}function_app.client_id"
        problem = f"{file}: {key}: is missing{HINTS[key]}"
        if not pulumi.runtime.is_dry_run():
            raise pulumi.RunError(problem)
        pulumi.warn(problem)
    return settings


def check(values: Mapping[str, Any], file: str) -> StackSettings:
    """Check the values of a stack file, as `read` does.

    Raises:
        pulumi.RunError: as for `read`.
    """
    try:
        return StackSettings.model_validate(values)
    except ValidationError as error:
        problems = [f"{file}: {_problem(detail)}" for detail in error.errors()]
        raise pulumi.RunError("\n".join(problems)) from None


def _value(key: str) -> Any:
    config = pulumi.Config(NAMESPACE.rstrip(":"))
    name = key.removeprefix(NAMESPACE)
    try:
        return config.get_object(name)
    except pulumi.ConfigTypeError:  # a plain string is no JSON
        return config.get(name)


def _problem(detail: ErrorDetails) -> str:
    where = [str(part) for part in detail["loc"] if part != "[key]"]
    if "trigger" in where:  # behind it pydantic says which type of trigger it took the settings for
        del where[where.index("trigger") + 1 : where.index("trigger") + 2]
    key = LOCATION if where[:1] == ["location"] else NAMESPACE + ".".join(where)
    given, context = detail["input"], detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return f"{key}: is missing{HINTS.get(key, '')}"
        case "model_type" | "dict_type":
            return f"{key}: {given!r} is not a mapping of settings"
        case "too_short":
            return f"{key}: is empty"
        case "extra_forbidden":
            return f"{key}: is not a setting"
        case "enum" | "literal_error":
            expected = context["expected"].replace(" or ", ", ").replace("'", "")
            return f"{key}: {given!r} is not one of {expected}"
        case "value_error":
            return f"{key}: {context['error']}" if where else f"{NAMESPACE}{context['error']}"
        case "union_tag_not_found":
            return f"{key}.type: is missing"
        case "union_tag_invalid":
            return f"{key}.type: {context['tag']!r} is not one of {context['expected_tags'].replace(chr(39), '')}"
        case "string_pattern_mismatch":
            return f"{key}: {given!r} does not match {context['pattern']}"
        case _:
            return f"{key}: {given!r}: {detail['msg'].lower()}"
