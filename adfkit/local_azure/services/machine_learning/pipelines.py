"""A pipeline component as a graph of command steps: what each runs, in what environment, on which inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.service import Json
from adfkit.local_azure.services.machine_learning import errors
from adfkit.local_azure.services.machine_learning.assets import COMPONENTS, require_version

BINDING: Final = re.compile(
    r"\$\{\{\s*parent\.(?:inputs\.(?P<input>\w+)|jobs\.(?P<step>\w+)\.outputs\.(?P<output>\w+))\s*\}\}"
)
FOLDERS: Final = frozenset({"uri_folder", "uri_file", "custom_model", "mlflow_model"})
"""Types whose value is an address, given to a step as a path (or, in mode `direct`, as it is)."""
LITERALS: Final = frozenset({"string", "integer", "number", "boolean"})


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output that a component declares."""

    type: str
    mode: str = ""
    optional: bool = False
    default: str | None = None

    @property
    def is_data(self) -> bool:
        """Whether it stands for files rather than for a value."""
        return self.type in FOLDERS


@dataclass(frozen=True, slots=True)
class Source:
    """Where a step's input comes from: an input of the pipeline, an output of another step, or a constant."""

    input: str | None = None
    step: str | None = None
    output: str | None = None
    constant: str | None = None
    mode: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One command step. `code` and `environment` are ids of asset versions; `code` may be absent."""

    name: str
    display_name: str
    command: str
    code: str | None
    environment: str
    inputs: Mapping[str, Port]
    outputs: Mapping[str, Port]
    sources: Mapping[str, Source]
    variables: Mapping[str, str]
    compute: str | None

    @property
    def needs(self) -> frozenset[str]:
        """The steps whose outputs this one reads."""
        return frozenset(source.step for source in self.sources.values() if source.step)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline component's inputs and steps."""

    inputs: Mapping[str, Port]
    steps: Mapping[str, Step]


def load(platform: Platform, component: str) -> Pipeline:
    """Read a pipeline component version and the components of its steps.

    Raises:
        AzureError: 404 for a component that is not there, 501 for what local Azure can't run, by name.
    """
    resource = require_version(platform, COMPONENTS, component)
    spec = resource.properties.get("componentSpec") or {}
    if spec.get("type") != "pipeline":
        raise not_implemented(f"the deployment of a component of type '{spec.get('type')}'; pipeline components are")
    if spec.get("outputs"):
        raise not_implemented("outputs of a pipeline component")
    steps = {name: _step(platform, name, node) for name, node in (spec.get("jobs") or {}).items()}
    pipeline = Pipeline(_ports(spec.get("inputs")), steps)
    _check(pipeline)
    return pipeline


def invocation_inputs(pipeline: Pipeline, given: Mapping[str, Any]) -> dict[str, str]:
    """The values of the pipeline's inputs from an invocation's `InputData`, defaults filled in.

    Raises:
        AzureError: 400 `BadArgument` for an unknown, missing or ill-typed input.
    """
    if unknown := sorted(set(given) - set(pipeline.inputs)):
        known = ", ".join(sorted(pipeline.inputs))
        raise errors.invalid_input(f"Unknown input: {', '.join(unknown)}. The component has {known}.")
    values: dict[str, str] = {}
    for name, port in pipeline.inputs.items():
        if name in given:
            values[name] = _given(name, port, given[name])
        elif port.default is not None:
            values[name] = port.default
        elif not port.optional:
            raise errors.invalid_input(f"The input '{name}' ({port.type}) is missing.")
    return values


def _given(name: str, port: Port, value: Any) -> str:
    if not isinstance(value, Mapping):
        raise errors.invalid_input(f"The input '{name}' is not an object with JobInputType and Uri or Value.")
    lowered = {str(key).lower(): each for key, each in value.items()}
    kind = str(lowered.get("jobinputtype", "")).lower()
    key = "uri" if port.is_data else "value"
    expected = port.type.replace("_", "") if port.is_data else "literal"
    if kind != expected or lowered.get(key) is None:
        raise errors.invalid_input(
            f"The input '{name}' is of type {port.type}: JobInputType '{expected}' with '{key}' is wanted, "
            f"not '{lowered.get('jobinputtype')}'."
        )
    return str(lowered[key])


def _step(platform: Platform, name: str, node: Json) -> Step:
    if node.get("type", "command") != "command":
        raise not_implemented(f"pipeline step '{name}' of type '{node.get('type')}'")
    if node.get("distribution"):
        raise not_implemented(f"the distribution of step '{name}'")
    spec = require_version(platform, COMPONENTS, str(node.get("componentId"))).properties["componentSpec"]
    if spec.get("type") != "command":
        raise not_implemented(f"pipeline step '{name}' with a component of type '{spec.get('type')}'")
    compute = node.get("computeId") or node.get("compute")
    return Step(
        name=name,
        display_name=str(node.get("display_name") or spec.get("display_name") or name),
        command=str(spec["command"]),
        code=spec.get("code"),
        environment=str(spec["environment"]),
        inputs=_ports(spec.get("inputs")),
        outputs=_ports(spec.get("outputs")),
        sources={key: _source(value) for key, value in (node.get("inputs") or {}).items()},
        variables={**(spec.get("environment_variables") or {}), **(node.get("environment_variables") or {})},
        compute=str(compute).removeprefix("azureml:").rsplit("/", 1)[-1] if compute else None,
    )


def _ports(declared: Mapping[str, Any] | None) -> dict[str, Port]:
    ports = {}
    for name, port in (declared or {}).items():
        default = port.get("default")
        ports[name] = Port(
            type=str(port.get("type")),
            mode=str(port.get("mode") or "").lower(),
            optional=str(port.get("optional", False)).lower() == "true",
            default=None if default is None else str(default),
        )
        if ports[name].type not in FOLDERS | LITERALS:
            raise not_implemented(f"the input or output '{name}' of type '{port.get('type')}'")
    return ports


def _source(value: Any) -> Source:
    given = value if isinstance(value, Mapping) else {"value": value}
    mode = str(given.get("mode") or "").lower()
    text = str(given.get("value", given.get("uri", "")))
    match = BINDING.fullmatch(text)
    if match is None:
        if "${{" in text:
            raise not_implemented(f"the binding '{text}'")
        return Source(constant=text, mode=mode)
    return Source(input=match["input"], step=match["step"], output=match["output"], mode=mode)


def _check(pipeline: Pipeline) -> None:
    """Every binding names something there is, and no step waits for itself."""
    for step in pipeline.steps.values():
        for name, source in step.sources.items():
            if source.input is not None and source.input not in pipeline.inputs:
                raise errors.validation(f"Step '{step.name}' takes '{name}' from the unknown input '{source.input}'.")
            if source.step is not None and source.output not in getattr(pipeline.steps.get(source.step), "outputs", ()):
                raise errors.validation(
                    f"Step '{step.name}' takes '{name}' from the unknown output '{source.output}' of '{source.step}'."
                )
        missing = [n for n, p in step.inputs.items() if n not in step.sources and not p.optional and p.default is None]
        if missing:
            raise errors.validation(f"Step '{step.name}' lacks the input '{missing[0]}'.")
    done: set[str] = set()
    while ready := {name for name, step in pipeline.steps.items() if name not in done and step.needs <= done}:
        done |= ready
    if circular := sorted(set(pipeline.steps) - done):
        raise errors.validation(f"Steps wait for each other: {', '.join(circular)}.")
