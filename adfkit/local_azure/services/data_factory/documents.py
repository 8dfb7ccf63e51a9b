"""The hooks of the factory's artifacts: what is checked and kept on a write, shown on a read, refused on a delete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from adfkit.data_flows.engine import check
from adfkit.data_flows.errors import DataFlowError
from adfkit.data_flows.parser import parse
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resource_id import ResourceId
from adfkit.local_azure.resources import Resource, Resources
from adfkit.local_azure.service import ArmRequest, Json
from adfkit.local_azure.services.data_factory import errors, pipelines
from adfkit.local_azure.services.data_factory.expressions import artifact_problems
from adfkit.local_azure.services.data_factory.references import KINDS, references
from adfkit.local_azure.services.data_factory.runtime.data_flows.definition import MAPPING_DATA_FLOW, script_text
from adfkit.local_azure.services.data_factory.runtime.sealing import Sealer, mask_secure_strings, seal_secure_strings
from adfkit.local_azure.services.data_factory.shapes import SHAPES
from adfkit.local_azure.services.data_factory.triggers.definitions import DefinitionError, read, supported

NAMESPACE: Final = "Microsoft.DataFactory/factories"
WITHOUT_TYPE: Final = frozenset({"pipelines", "globalParameters"})
"""Kinds whose `properties` have no `type`."""


class Documents:
    """The hooks, for one sealer."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    async def put(self, request: ArmRequest) -> Json:
        """Check an artifact and return what to store.

        Raises:
            AzureError: 400 `BadRequest`, or `TriggerEnabledCannotUpdate`.
        """
        kind, properties = _kind(request.id), request.body.get("properties")
        if not isinstance(properties, dict):
            raise errors.bad_request("The request body has no 'properties'.", request.id.text)
        if kind not in WITHOUT_TYPE and not isinstance(properties.get("type"), str):
            raise errors.bad_request("The 'properties' have no 'type'.", request.id.text)
        if kind == "triggers":
            properties = _trigger(request, properties)
        _check_content(request.id, kind, properties)
        for reference in _missing(request.platform.resources, request.id, properties):
            raise errors.invalid_reference(reference, request.id)
        return {"properties": seal_secure_strings(properties, self._sealer)}

    async def delete(self, request: ArmRequest) -> None:
        """Refuse where another artifact names this one.

        Raises:
            AzureError: 400 `BadRequest`, or `TriggerEnabledCannotUpdate`.
        """
        existing = request.require()
        if existing.properties.get("runtimeState") == "Started":
            raise errors.trigger_enabled(request.id)
        for document in _documents(request.platform.resources, request.id.parent):
            if document.id.lower() != request.id.key and _names(document, request.id):
                raise errors.referenced_by(document.name, request.id)

    @staticmethod
    def show(_: Platform, resource: Resource) -> Json:
        """The body with its ETag; secrets are stars."""
        return {"properties": mask_secure_strings(resource.properties), "etag": resource.etag}


def show_factory(_: Platform, resource: Resource) -> Json:
    """A factory as the service shows it."""
    properties = {
        "provisioningState": "Succeeded",
        "createTime": resource.created_at,
        "version": "2018-06-01",
        **resource.properties,
    }
    return {**resource.body, "properties": properties, "eTag": f'"{resource.etag}"'}


def _kind(id: ResourceId) -> str:
    return id.type.rsplit("/", 1)[1]


def _trigger(request: ArmRequest, properties: Json) -> Json:
    """A trigger keeps its state, which start and stop alone change."""
    state = request.existing.properties.get("runtimeState") if request.existing else None
    if state == "Started":
        raise errors.trigger_enabled(request.id)
    if request.existing and _windows(properties) != _windows(request.existing.properties):
        raise errors.window_cannot_change(request.id)
    return {**properties, "runtimeState": "Stopped"}


def _windows(properties: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """What the windows of a tumbling window trigger are laid by; None for another trigger."""
    if properties.get("type") != "TumblingWindowTrigger":
        return None
    try:
        windows = read(properties).windows  # type: ignore[union-attr]
    except DefinitionError:  # told with the rest of the content
        return None
    return windows.frequency, windows.interval, windows.start


def _check_content(id: ResourceId, kind: str, properties: Json) -> None:
    if kind == "pipelines":
        target, problems = f"Pipeline/{id.name}", pipelines.problems(properties)
    elif kind == "triggers" and supported(properties):
        target, problems = id.text, _trigger_problems(properties)
    else:
        target, problems = id.text, list(SHAPES[kind](properties, "properties")) if kind in SHAPES else []
        if not problems:  # a data flow's script has an expression language of its own
            problems = _script_problems(properties) if kind == "dataflows" else artifact_problems(properties)
    if problems:
        raise errors.invalid_artifact(target, problems)


def _trigger_problems(properties: Json) -> list[str]:
    try:
        read(properties)
    except DefinitionError as error:
        return [str(error)]
    return artifact_problems(properties)


def _script_problems(properties: Json) -> list[str]:
    if properties.get("type") != MAPPING_DATA_FLOW:
        return []
    try:
        return [str(problem) for problem in check(parse(script_text(properties)))]
    except DataFlowError as error:
        return [str(error)]


def _missing(resources: Resources, id: ResourceId, properties: Json) -> Iterator[str]:
    for kind, name in references(properties):
        if resources.get(f"{id.parent}/{kind}/{name}") is None:
            yield name


def _documents(resources: Resources, factory_id: str) -> Iterator[Resource]:
    for kind in KINDS.values():
        yield from resources.children(factory_id, f"{NAMESPACE}/{kind}")


def _names(document: Resource, id: ResourceId) -> bool:
    wanted = (_kind(id).lower(), id.name.lower())
    return any((kind.lower(), name.lower()) == wanted for kind, name in references(document.properties))
