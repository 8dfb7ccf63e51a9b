"""What an expression refers to by name: functions, activities, parameters, variables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from adfkit.expressions.syntax import Call, Expression, Literal, Node, Property, expressions, walk
from adfkit.expressions.template import parse_template


class ReferenceKind(Enum):
    """What kind of thing a name stands for; the value is what people call it."""

    FUNCTION = "function"
    ACTIVITY = "activity"
    PARAMETER = "parameter"
    GLOBAL_PARAMETER = "global parameter"
    VARIABLE = "variable"
    SYSTEM_VARIABLE = "system variable"
    DATASET_PARAMETER = "dataset parameter"
    LINKED_SERVICE_PARAMETER = "linked service parameter"


@dataclass(frozen=True, slots=True)
class Reference:
    """A name in an expression and the offset where it stands. `safe` where `?.` takes its absence."""

    kind: ReferenceKind
    name: str
    position: int
    safe: bool = False


_BY_NAME = {"activity": ReferenceKind.ACTIVITY, "variables": ReferenceKind.VARIABLE}
_MEMBERS = {
    "pipeline": ReferenceKind.SYSTEM_VARIABLE,
    "dataset": ReferenceKind.DATASET_PARAMETER,
    "linkedservice": ReferenceKind.LINKED_SERVICE_PARAMETER,
}
_PIPELINE_MEMBERS = {"parameters": ReferenceKind.PARAMETER, "globalparameters": ReferenceKind.GLOBAL_PARAMETER}


def references_of(expression: Expression) -> Iterator[Reference]:
    """Every reference of one expression that is known without evaluating it."""
    for node in walk(expression.root):
        if isinstance(node, Call):
            yield from _call_references(node)
        elif isinstance(node, Property):
            yield from _property_references(node)


def _call_references(node: Call) -> Iterator[Reference]:
    yield Reference(ReferenceKind.FUNCTION, node.name, node.position)
    kind = _BY_NAME.get(node.name.lower())
    if kind is None or len(node.arguments) != 1:
        return
    match node.arguments[0]:
        case Literal(value=str() as name, position=position):
            yield Reference(kind, name, position)


def _property_references(node: Property) -> Iterator[Reference]:
    if not isinstance(node.key, Literal) or not isinstance(node.key.value, str):
        return
    kind = _kind_of_members(node.target)
    name = node.key.value
    if kind is ReferenceKind.SYSTEM_VARIABLE and name.lower() in _PIPELINE_MEMBERS:
        return
    if kind is not None:
        yield Reference(kind, name, node.position, node.safe)


def _kind_of_members(target: Node) -> ReferenceKind | None:
    match target:
        case Call(name=name):
            return _MEMBERS.get(name.lower())
        case Property(target=Call(name=name), key=Literal(value=str() as member)) if name.lower() == "pipeline":
            return _PIPELINE_MEMBERS.get(member.lower())
    return None


@dataclass(frozen=True, slots=True)
class References:
    """The names used in a tree, as written, each once, in the order in which they appear."""

    functions: tuple[str, ...] = ()
    activities: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    global_parameters: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    system_variables: tuple[str, ...] = ()
    dataset_parameters: tuple[str, ...] = ()
    linked_service_parameters: tuple[str, ...] = ()


def references(tree: Any) -> References:
    """The names that the live strings of a tree of JSON, or of an `Expression`, use. Raises ExpressionSyntaxError."""
    found = tree_expressions(tree) if not isinstance(tree, Expression) else iter([("", tree)])
    names: dict[ReferenceKind, dict[str, None]] = {kind: {} for kind in ReferenceKind}
    for _, expression in found:
        for reference in references_of(expression):
            names[reference.kind].setdefault(reference.name)
    return References(
        functions=tuple(names[ReferenceKind.FUNCTION]),
        activities=tuple(names[ReferenceKind.ACTIVITY]),
        parameters=tuple(names[ReferenceKind.PARAMETER]),
        global_parameters=tuple(names[ReferenceKind.GLOBAL_PARAMETER]),
        variables=tuple(names[ReferenceKind.VARIABLE]),
        system_variables=tuple(names[ReferenceKind.SYSTEM_VARIABLE]),
        dataset_parameters=tuple(names[ReferenceKind.DATASET_PARAMETER]),
        linked_service_parameters=tuple(names[ReferenceKind.LINKED_SERVICE_PARAMETER]),
    )


def live_strings(tree: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each string of a tree of JSON with its path, such as `activities[0].typeProperties.url`."""
    match tree:
        case str():
            yield path, tree
        case dict():
            for key, element in tree.items():
                yield from live_strings(element, f"{path}.{key}" if path else str(key))
        case list() | tuple():
            for index, element in enumerate(tree):
                yield from live_strings(element, f"{path}[{index}]")


def tree_expressions(tree: Any, path: str = "") -> Iterator[tuple[str, Expression]]:
    """Each live expression of a tree of JSON with the path of its string. Raises ExpressionSyntaxError."""
    for place, text in live_strings(tree, path):
        for expression in expressions(parse_template(text)):
            yield place, expression
