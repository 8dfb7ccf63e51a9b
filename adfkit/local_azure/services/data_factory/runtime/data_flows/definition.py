"""The data flow that an activity names: its script, and where its sources and sinks lie."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from adfkit.data_flows.errors import DataFlowError
from adfkit.data_flows.parser import parse
from adfkit.data_flows.syntax import Script, Transformation
from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.connections import (
    Dataset,
    LinkedService,
    resolve_dataset,
    resolve_linked_service,
)
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.services.data_factory.runtime.data_flows.errors import of_error

MAPPING_DATA_FLOW: Final = "MappingDataFlow"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a source or a sink lies: a dataset, or a linked service where the script itself says the rest."""

    dataset: Dataset | None
    linked_service: LinkedService


@dataclass(frozen=True, slots=True)
class DataFlow:
    """A data flow, found and parsed; `places` are by the names of sources and sinks."""

    name: str
    text: str
    script: Script
    places: Mapping[str, Place]
    parameters: Mapping[str, Any]

    def node(self, name: str | None) -> Transformation | None:
        """The transformation of this name."""
        return next((node for node in self.script.transformations if node.name == name), None)


def script_text(properties: Mapping[str, Any]) -> str:
    """The script of a data flow's properties, which stands in one text or in lines."""
    typed = properties.get("typeProperties") or {}
    lines = typed.get("scriptLines")
    return "\n".join(lines) if lines else str(typed.get("script") or "")


def find(context: ActivityContext) -> DataFlow:
    """The data flow of an activity, with the parameters that the activity gives to it and to its datasets.

    Raises:
        ActivityFailure: it is not there, or wrong.
    """
    # the official client writes the one, the service's own editor the other
    reference = context.raw("dataFlow") or context.raw("dataflow")
    if not reference:
        raise errors.required_property("dataFlow")
    found = context.factory.artifacts.find("dataflows", str(reference["referenceName"]))
    if found is None:
        raise errors.missing_reference("data flow", str(reference["referenceName"]))
    name, properties = found
    if properties.get("type") != MAPPING_DATA_FLOW:
        raise errors.unsupported(f"the data flow '{name}' of type '{properties.get('type')}'")
    text = script_text(properties)
    try:
        script = parse(text)
    except DataFlowError as error:
        raise of_error(error) from error
    places = dict(_places(context, properties.get("typeProperties") or {}, reference))
    parameters = context.evaluate(reference.get("parameters") or {})
    return DataFlow(name, text, script, places, parameters)


def _places(
    context: ActivityContext, properties: Mapping[str, Any], reference: Mapping[str, Any]
) -> Iterator[tuple[str, Place]]:
    given = reference.get("datasetParameters") or {}
    for declared in (*(properties.get("sources") or ()), *(properties.get("sinks") or ())):
        name = str(declared["name"])
        if declared.get("flowlet"):
            raise errors.unsupported(f"the flowlet of '{name}' in a data flow")
        if declared.get("dataset"):
            dataset = resolve_dataset(context, {**declared["dataset"], "parameters": given.get(name) or {}}, "dataset")
            yield name, Place(dataset, dataset.linked_service)
        elif declared.get("linkedService"):
            linked = {**declared["linkedService"]}
            linked["parameters"] = {**(linked.get("parameters") or {}), **(given.get(name) or {})}
            yield name, Place(None, resolve_linked_service(context, linked))
