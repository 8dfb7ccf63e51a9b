"""Collection functions, on arrays, objects and strings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from adfkit.expressions import utf16
from adfkit.expressions.errors import EvaluationError
from adfkit.expressions.functions.signatures import ARRAY, INTEGER, REGISTRY, STRING, Invocation, Parameter
from adfkit.expressions.values import Value, find_key, same, to_text, type_name

collection = REGISTRY.category("collection")

_ARRAY_OR_STRING = ARRAY | STRING


@collection(
    "contains",
    2,
    "two parameters : the collection of items to search within and the object to find within the collection",
    Parameter(
        frozenset({"Object", "Array", "String"}),
        "its first argument 'collection' to be a dictionary (object), an array or a string",
    ),
)
def contains(call: Invocation, container: Value, value: Value) -> bool:
    if isinstance(container, list):
        return any(same(element, value) for element in container)
    if not isinstance(value, str):
        raise call.error(
            "expects parameters of matching types: a dictionary and a key (string), an array and a value "
            "(object), or a "
            f"string and a substring. The provided types '{type_name(container)}' and '{type_name(value)}' are "
            "incompatible."
        )
    if isinstance(container, Mapping):
        return find_key(container, value) is not None
    return value in container


@collection(
    "empty",
    1,
    "one parameter: the object, array or string to test for emptiness",
    Parameter(frozenset({"Object", "Array", "String", "Null"}), "its parameter to be an object, an array or a string"),
)
def empty(call: Invocation, value: Value) -> bool:
    return not value


@collection(
    "length",
    1,
    "one parameter: an array or a string the length of which is returned",
    Parameter(_ARRAY_OR_STRING, "its parameter to be an array or a string"),
    counted="parameters",
)
def length(call: Invocation, value: Value) -> int:
    return len(utf16.units(value) if isinstance(value, str) else value)


@collection(
    "first",
    1,
    "one parameter: the array or string of which the first element will be returned",
    Parameter(_ARRAY_OR_STRING, "its parameter be an array or a string"),
)
def first(call: Invocation, value: Value) -> Value:
    return _end(value, slice(0, 1))


@collection(
    "last",
    1,
    "one parameter: the array or string of which the last element will be returned",
    Parameter(_ARRAY_OR_STRING, "its parameter be an array or a string"),
)
def last(call: Invocation, value: Value) -> Value:
    return _end(value, slice(-1, None))


def _end(value: Value, place: slice) -> Value:
    if isinstance(value, str):
        return utf16.text(utf16.units(value)[place])
    found = value[place]
    return found[0] if found else None


def _slice(value: Value, place: slice) -> Value:
    return utf16.text(utf16.units(value)[place]) if isinstance(value, str) else value[place]


@collection(
    "skip",
    2,
    "two parameters: the collection to skip the objects from as the first parameter and the count of objects to "
    "skip as "
    "the second parameter",
    Parameter(_ARRAY_OR_STRING, "its first parameter 'collection' to be an array or a string"),
    Parameter(INTEGER, "its second parameter 'count' to be an integer"),
)
def skip(call: Invocation, value: Value, count: int) -> Value:
    if count < 0:
        raise call.error(
            f"parameters are out of range: 'count' must be a positive integer. The provided value is '{count}'."
        )
    return _slice(value, slice(count, None))


@collection(
    "take",
    2,
    "two parameters: the collection to take the objects from as the first parameter and the count of objects to "
    "take as "
    "the second parameter",
    Parameter(_ARRAY_OR_STRING, "its first parameter 'collection' to be an array or a string"),
    Parameter(INTEGER, "its second parameter 'count' to be an integer"),
)
def take(call: Invocation, value: Value, count: int) -> Value:
    if count < 0:
        raise call.error(
            f"parameters are out of range: 'count' must be a positive integer. The provided valus is '{count}'."
        )
    return _slice(value, slice(0, count))


@collection(
    "join",
    2,
    "two parameters: the array of elements to join as the first parameter, and the element separator as the second "
    "parameter",
    Parameter(ARRAY, "its first parameter to be an array"),
    Parameter(STRING, "its second parameter to be of type string"),
)
def join(call: Invocation, values: list[Value], separator: str) -> str:
    return separator.join(map(to_text, values))


_COLLECTIONS = "either a comma separated list of arrays or a comma separated list of objects as its parameters"


def _check_collections(call: Invocation, values: tuple[Value, ...]) -> None:
    types = list(dict.fromkeys(map(type_name, values)))
    if len(types) > 1:
        raise EvaluationError(
            f"Template language function '{call.name}' expects parameters of same type, but found "
            f"'{','.join(types)}' distinct types."
        )
    if types[0] not in ("Array", "Object"):
        raise call.error(f"expects {_COLLECTIONS}. The function was invoked with parameters of type '{types[0]}'.")


def _distinct(values: Iterable[Value]) -> list[Value]:
    found: list[Value] = []
    for value in values:
        if not any(same(value, other) for other in found):
            found.append(value)
    return found


@collection("union", (2, None), _COLLECTIONS)
def union(call: Invocation, *values: Value) -> Value:
    _check_collections(call, values)
    if isinstance(values[0], Mapping):
        return {key: element for value in values for key, element in value.items()}
    return _distinct(element for value in values for element in value)


@collection("intersection", (2, None), _COLLECTIONS)
def intersection(call: Invocation, *values: Value) -> Value:
    _check_collections(call, values)
    chosen, others = values[0], values[1:]
    if isinstance(chosen, Mapping):
        return {
            key: element
            for key, element in chosen.items()
            if all(key in other and same(element, other[key]) for other in others)
        }
    return _distinct(
        element for element in chosen if all(any(same(element, found) for found in other) for other in others)
    )
