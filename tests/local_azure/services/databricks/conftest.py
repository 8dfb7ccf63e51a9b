"""A Databricks workspace, and the official client signed in to it with an Entra token."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.errors import DatabricksError
from databricks.sdk.service import compute, jobs, workspace

from adfkit.local_azure import cloud
from tests.conftest import LocalAzure

APPLICATION = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"
ARM = {"base_url": cloud.RESOURCE_MANAGER, "credential_scopes": [f"{cloud.RESOURCE_MANAGER}.default"]}
SUBSCRIPTION = f"/subscriptions/{cloud.SUBSCRIPTION_ID}"
QUICK = {"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC", "spark.driver.memory": "1g"}
"""A Java that is soon there, for runs of seconds."""
CLUSTER = compute.ClusterSpec(
    spark_version="17.3.x-scala2.13", node_type_id="Standard_D4ds_v5", num_workers=1, spark_conf=QUICK
)
State = jobs.RunLifeCycleState
ENDED = (State.TERMINATED, State.INTERNAL_ERROR, State.SKIPPED)
SECONDS = 500
"""A first run makes its Python environment; on a busy machine that takes minutes."""


@dataclass
class Databricks:
    """One workspace, and short ways to what tests do with it."""

    local_azure: LocalAzure
    client: WorkspaceClient
    resources: ResourceManagementClient
    roles: AuthorizationManagementClient
    id: str

    def notebook(self, path: str, *cells: str, language: str = "PYTHON") -> str:
        """Import a notebook in source form; returns its path."""
        self.client.workspace.mkdirs(path.rpartition("/")[0] or "/")
        comment = {"PYTHON": "#", "SQL": "--"}[language]
        text = f"{comment} Databricks notebook source\n" + f"\n\n{comment} COMMAND ----------\n\n".join(cells) + "\n"
        self.client.workspace.import_(
            path,
            content=base64.b64encode(text.encode()).decode(),
            format=workspace.ImportFormat.SOURCE,
            language=workspace.Language(language),
            overwrite=True,
        )
        return path

    def submit(self, path: str, parameters: dict[str, str] | None = None, **options: Any) -> Any:
        """Begin a run of one notebook on a new cluster."""
        return self.client.jobs.submit(run_name="test", tasks=[task(path, parameters, **options)])

    def run(self, path: str, parameters: dict[str, str] | None = None, **options: Any) -> jobs.RunOutput:
        """Run a notebook to its end, however that is; what it gave."""
        return self.ended(self.submit(path, parameters, **options))

    def ended(self, waiter: Any) -> jobs.RunOutput:
        """What the one task of a run gave, once it has ended."""
        return self.client.jobs.get_run_output(self.ended_run(waiter).tasks[0].run_id)

    def ended_run(self, waiter: Any) -> jobs.Run:
        """A run, once it has ended, however that is."""
        return self.until(waiter.run_id, lambda run: run.state.life_cycle_state in ENDED)

    def until(self, run_id: int, done: Callable[[jobs.Run], bool]) -> jobs.Run:
        """A run, once it is as wanted."""
        deadline = time.monotonic() + SECONDS
        while not done(run := self.client.jobs.get_run(run_id)):
            assert time.monotonic() < deadline, f"after {SECONDS} s the run is {run.state}"
            time.sleep(0.1)
        return run


def task(path: str, parameters: dict[str, str] | None = None, key: str = "main", **options: Any) -> jobs.SubmitTask:
    """A task that runs a notebook, by default on a cluster of its own."""
    notebook = jobs.NotebookTask(notebook_path=path, base_parameters=parameters)
    if "existing_cluster_id" not in options:
        options.setdefault("new_cluster", CLUSTER)
    return jobs.SubmitTask(task_key=key, notebook_task=notebook, **options)


def make_workspace(local_azure: LocalAzure) -> Databricks:
    """Make a workspace; the environment must point at local Azure."""
    unique = uuid4().hex[:8]
    group = f"rg-databricks-{unique}"
    resources = ResourceManagementClient(local_azure.credential, cloud.SUBSCRIPTION_ID, **ARM)
    resources.resource_groups.create_or_update(group, {"location": "westeurope"})
    id = f"{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Databricks/workspaces/dbw-{unique}"
    managed = f"{SUBSCRIPTION}/resourceGroups/{group}-managed"
    body = {
        "location": "westeurope",
        "sku": {"name": "premium"},
        "properties": {"managedResourceGroupId": managed, "computeMode": "Hybrid"},
    }
    made: Any = resources.resources.begin_create_or_update_by_id(id, body, api_version="2024-05-01").result()
    client = connect(local_azure, made.properties["workspaceUrl"])
    roles = AuthorizationManagementClient(local_azure.credential, cloud.SUBSCRIPTION_ID, **ARM)
    return Databricks(local_azure, client, resources, roles, id)


def connect(local_azure: LocalAzure, host: str) -> WorkspaceClient:
    """The official client, with a token of the deployer."""
    token = local_azure.credential.get_token(f"{APPLICATION}/.default").token
    return WorkspaceClient(config=Config(host=f"https://{host}", token=token, retry_timeout_seconds=5))


def wait_for(look: Callable[[], Any]) -> Any:
    """What `look` finds, once it finds something; what is not there yet is no error."""
    end, last = time.monotonic() + SECONDS, ""
    while time.monotonic() < end:
        try:
            if found := look():
                return found
        except (DatabricksError, HttpResponseError) as error:
            last = str(error)
        time.sleep(0.1)
    raise AssertionError(f"nothing came in {SECONDS} seconds; {last}")


def credential_of(environment: dict[str, str]) -> ClientSecretCredential:
    """The deployer of a local Azure."""
    return ClientSecretCredential(
        environment["AZURE_TENANT_ID"],
        environment["AZURE_CLIENT_ID"],
        environment["AZURE_CLIENT_SECRET"],
        authority=environment["AZURE_AUTHORITY_HOST"],
    )


def gone(process: int) -> bool:
    """Whether a process has ended, also where nobody has asked yet how."""
    try:
        return " Z " in Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture(scope="session")
def made_workspace(local_azure_session: LocalAzure) -> Databricks:
    """Made once a test run."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in local_azure_session.environment.items():
            patch.setenv(name, value)
        return make_workspace(local_azure_session)


@pytest.fixture
def databricks(made_workspace: Databricks, local_azure: LocalAzure) -> Iterator[Databricks]:
    """The workspace that tests share; each has a folder of its own in it."""
    yield made_workspace


@pytest.fixture(scope="session")
def another_workspace() -> Callable[[LocalAzure], Databricks]:
    """Makes one in another local Azure."""
    return make_workspace
