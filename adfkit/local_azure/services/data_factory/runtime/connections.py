"""Datasets and linked services as an activity uses them: found, their parameters filled in, expressions evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adfkit.expressions import Scope
from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.services.data_factory.runtime.errors import RunError
from adfkit.local_azure.services.data_factory.runtime.factory import Factory, Kind
from adfkit.local_azure.services.data_factory.runtime.parameters import resolve_parameters
from adfkit.local_azure.services.data_factory.runtime.scopes import (
    dataset_scope,
    evaluate,
    linked_service_scope,
)


@dataclass(frozen=True, slots=True)
class LinkedService:
    """A linked service; `properties` are its type properties, evaluated."""

    name: str
    type: str
    properties: Mapping[str, Any]

    @property
    def credential(self) -> str | None:
        """The name of the credential that it connects with, or None for the factory's own identity."""
        reference = self.properties.get("credential")
        return reference.get("referenceName") if isinstance(reference, Mapping) else None


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset; `properties` are its type properties, evaluated."""

    name: str
    type: str
    properties: Mapping[str, Any]
    linked_service: LinkedService


def resolve_dataset(context: ActivityContext, reference: Mapping[str, Any] | None, property_name: str) -> Dataset:
    """The dataset of a `DatasetReference`.

    Raises:
        ActivityFailure: the reference, or what it names, is missing; an expression or a parameter is wrong.
    """
    if not reference:
        raise errors.required_property(property_name)
    scope = context.execution.scope(context.frame)
    name, definition = _find(context.factory, "datasets", "dataset", reference["referenceName"])
    parameters = _parameters(definition, reference, scope, f"dataset '{name}'")
    inside = dataset_scope(scope, parameters)
    properties = evaluate(definition.get("typeProperties") or {}, inside)
    linked_service = _linked_service(context.factory, definition["linkedServiceName"], inside)
    return Dataset(name, definition["type"], properties, linked_service)


def resolve_linked_service(context: ActivityContext, reference: Mapping[str, Any]) -> LinkedService:
    """The linked service of an activity's `LinkedServiceReference`.

    Raises:
        ActivityFailure: as for datasets.
    """
    return _linked_service(context.factory, reference, context.execution.scope(context.frame))


def _linked_service(factory: Factory, reference: Mapping[str, Any], scope: Scope) -> LinkedService:
    name, definition = _find(factory, "linkedservices", "linked service", reference["referenceName"])
    parameters = _parameters(definition, reference, scope, f"linked service '{name}'")
    properties = evaluate(definition.get("typeProperties") or {}, linked_service_scope(scope, parameters))
    return LinkedService(name, definition["type"], properties)


def _find(factory: Factory, kind: Kind, word: str, name: str) -> tuple[str, Mapping[str, Any]]:
    found = factory.artifacts.find(kind, name)
    if found is None:
        raise errors.missing_reference(word, name)
    return found


def _parameters(
    definition: Mapping[str, Any], reference: Mapping[str, Any], scope: Scope, owner: str
) -> dict[str, Any]:
    given = evaluate(reference.get("parameters") or {}, scope)
    try:
        return resolve_parameters(definition.get("parameters") or {}, given, owner)
    except RunError as error:
        raise errors.ActivityFailure("BadRequest", str(error)) from error
