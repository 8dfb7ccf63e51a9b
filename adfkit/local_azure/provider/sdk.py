"""What the installed azure-native SDK declares for a type: inputs, outputs, and the objects inside them.

Importing an SDK module takes a second or more, but a program that registers a resource has imported it already.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Union, get_args, get_origin

import pulumi._types as pulumi_types

from adfkit.local_azure.provider.types import AzureType

_VERSION = re.compile(r"Uses Azure REST API version ([0-9a-z-]+)\.")


@cache
def inputs(type: AzureType) -> Mapping[str, Any]:
    """The type's inputs by name, each with its Python type."""
    return pulumi_types.input_type_types(_class(type, "Args"))


@cache
def outputs(type: AzureType) -> Mapping[str, Any]:
    """The type's outputs by name, each with its Python type."""
    return pulumi_types.resource_types(_class(type))


@cache
def required(type: AzureType) -> frozenset[str]:
    """The inputs that have to be given."""
    arguments = _class(type, "Args")
    names = pulumi_types.input_type_py_to_pulumi_names(arguments)
    parameters = inspect.signature(arguments.__init__).parameters.values()
    return frozenset(names[each.name] for each in parameters if each.default is each.empty and each.name in names)


def api_version(type: AzureType) -> str | None:
    """The API version that the class's docstring names."""
    match = _VERSION.search(inspect.getsource(_class(type)))
    return match[1] if match else None


def members(annotation: Any) -> Mapping[str, Any] | None:
    """The members of an object type (of all, where it is one of several); None where it is no declared object."""
    declared: dict[str, Any] = {}
    for each in _alternatives(annotation):
        found: Mapping[str, Any] = {}
        if isinstance(each, type) and pulumi_types.is_input_type(each):
            found = pulumi_types.input_type_types(each)
        elif isinstance(each, type) and pulumi_types.is_output_type(each):
            found = pulumi_types.output_type_types(each)
        elif _is_map(each):
            return None
        for name, inner in found.items():  # alternatives may have members of one name and different types
            declared[name] = Union[declared[name], inner] if name in declared else inner  # noqa: UP007
    return declared or None


def element(annotation: Any) -> Any:
    """The type of a list's elements or a map's values; None where it is neither."""
    for each in _alternatives(annotation):
        origin, arguments = get_origin(each), get_args(each)
        if isinstance(origin, type) and arguments and issubclass(origin, Sequence | Mapping):
            return arguments[-1]
    return None


def _is_map(annotation: Any) -> bool:
    origin = get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _alternatives(annotation: Any) -> list[Any]:
    """The types that a value may have: a union's members, but for those that stand for values to come."""
    if get_origin(annotation) is Union or type(annotation).__name__ == "UnionType":
        return [found for each in get_args(annotation) for found in _alternatives(each)]
    return [annotation]


def _class(type: AzureType, suffix: str = "") -> Any:
    module = importlib.import_module(f"pulumi_azure_native.{type.module}")
    return getattr(module, f"{type.class_name}{suffix}")
