"""The shapes of artifacts as `azure-mgmt-datafactory` declares them: which fields each type has, and which it needs.

The SDK's own deserializer takes anything; its classes tell what the service takes. An expression may stand for any
value but an object that the service needs to know before a run.
"""

from __future__ import annotations

import difflib
import functools
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adfkit.artifacts.errors import Problem, Severity
from adfkit.artifacts.model import Artifact, Json, Kind

_ROOTS = {
    Kind.CREDENTIAL: "Credential",
    Kind.INTEGRATION_RUNTIME: "IntegrationRuntime",
    Kind.LINKED_SERVICE: "LinkedService",
    Kind.DATASET: "Dataset",
    Kind.DATA_FLOW: "DataFlow",
    Kind.PIPELINE: "Pipeline",
    Kind.TRIGGER: "Trigger",
}
_SCALARS: dict[type, str] = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}
READ_ONLY = frozenset({"runtimeState", "lastPublishTime"})
"""Set by the service, not by who puts the artifact, yet part of the JSON that it exports."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a model: `model` is the class of its value, its items or its values, by `container`."""

    required: bool
    discriminator: bool
    container: str
    model: type | None
    scalar: type | None


def check_model(artifact: Artifact) -> Iterator[Problem]:
    """Problems of an artifact against the SDK's classes; a field that is like none of theirs is a warning only."""
    for path, message, severity in _check(artifact.properties, _class(_ROOTS[artifact.kind]), "$"):
        yield Problem(artifact.source, str(artifact), path, message, severity)


Found = tuple[str, str, Severity]


def _check(value: Any, model: type, path: str) -> Iterator[Found]:
    if not isinstance(value, dict):
        yield path, f"must be an object, not {value!r}", Severity.ERROR
        return
    concrete = model
    discriminators = [name for name, field in fields(model).items() if field.discriminator]
    if discriminators and subtypes(model):
        found = _subtype(value, model, discriminators[0])
        if isinstance(found, str):
            yield path, found, Severity.ERROR
            return
        concrete = found
    known = fields(concrete)
    spelt = {name.lower(): name for name in known}  # the service takes field names in any case
    given: Json = {spelt.get(str(name).lower(), str(name)): item for name, item in value.items()}
    for needed, field in known.items():
        if field.required and given.get(needed) is None:
            yield path, f"{_label(concrete, value)} needs '{needed}'", Severity.ERROR
    for name, item in given.items():
        if name in known:
            yield from _check_field(item, known[name], f"{path}.{name}")
        elif name not in READ_ONLY:
            # the service drops what it does not know: a misspelt field would do nothing
            close = difflib.get_close_matches(name, known, 1, 0.75)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            yield (
                path,
                f"{_label(concrete, value)} has no '{name}'{hint}",
                Severity.ERROR if close else Severity.WARNING,
            )


def _check_field(value: Any, field: Field, path: str) -> Iterator[Found]:
    if value is None:
        return
    if field.scalar is not None:
        accepted = (int, float) if field.scalar is float else field.scalar
        if not isinstance(value, accepted) or (isinstance(value, bool) and field.scalar is not bool):
            yield path, f"must be {_SCALARS[field.scalar]}, not {value!r}", Severity.ERROR
    elif field.model is None:
        return
    elif field.container == "list":
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _check(item, field.model, f"{path}[{index}]")
        else:
            yield path, f"must be an array, not {value!r}", Severity.ERROR
    elif field.container == "dict":
        if isinstance(value, dict):
            for name, item in value.items():
                yield from _check(item, field.model, f"{path}.{name}")
        else:
            yield path, f"must be an object, not {value!r}", Severity.ERROR
    else:
        yield from _check(value, field.model, path)


def _subtype(value: Json, model: type, discriminator: str) -> type | str:
    """The class that a value's discriminator names, or what is wrong with it."""
    given = value.get(discriminator)
    if given is None:
        return f"{_named(value)} needs '{discriminator}'"
    known = subtypes(model)
    if given in known:
        return known[given]
    close = difflib.get_close_matches(str(given), known, 1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return f"'{given}' is no type of {_words(model.__name__)}{hint}"


@functools.cache
def subtypes(model: type) -> Mapping[str, type]:
    """The classes below a model by their discriminator value, at any depth; empty where there is no choice."""
    found: dict[str, type] = {}
    for name, child in getattr(model, "__mapping__", {}).items():
        if not issubclass(child, model) or child is model:
            continue
        below = subtypes(child)
        found.update(below or {name: child})  # a class with classes below it only groups them, as `Execution` does
    return found


@functools.cache
def fields(model: type) -> Mapping[str, Field]:
    """The fields of a model by their name in JSON."""
    from azure.mgmt.datafactory import models

    found: dict[str, Field] = {}
    hints = typing.get_type_hints(model, {"_models": models, **vars(typing)})
    for base in reversed(model.__mro__):
        for attribute, declared in vars(base).items():
            if type(declared).__name__ == "_RestField" and attribute in hints:
                name = declared._rest_name_input or attribute
                found[name] = _field(hints[attribute], declared)
    return found


def _field(hint: Any, declared: Any) -> Field:
    options = [option for option in _options(hint) if option is not type(None)]
    writable = declared._visibility is None or "create" in declared._visibility
    required = writable and type(None) not in _options(hint)
    container, inner = "", options[0] if len(options) == 1 else Any
    origin = typing.get_origin(inner)
    if origin in (list, dict):
        container, inner = origin.__name__, typing.get_args(inner)[-1]
    model = inner if isinstance(inner, type) and hasattr(inner, "_deserialize") else None
    scalar = inner if not container and inner in _SCALARS else None
    if declared._is_discriminator:
        scalar, model = None, None
    return Field(required, declared._is_discriminator, container, model, scalar)


def _options(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _class(name: str) -> type:
    from azure.mgmt.datafactory import models  # takes most of a second to import

    found: type = getattr(models, name)
    return found


def _label(model: type, value: Json) -> str:
    name = value.get("name")
    words = _words(model.__name__).removesuffix(" type properties")
    return f"the {words} '{name}'" if isinstance(name, str) and words.endswith("activity") else f"the {words}"


def _named(value: Json) -> str:
    name = value.get("name")
    return f"'{name}'" if isinstance(name, str) else "it"


def _words(name: str) -> str:
    """A class name in words, as in `if condition activity`."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
