"""The syntax tree of a data flow script.

https://learn.microsoft.com/azure/data-factory/data-flow-script
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from adfkit.data_flows.types import Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Any part of an expression; `line` is of the script, from 1."""

    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal(Node):
    """A string, number, boolean or null. `type` is its data flow type; null's is None."""

    value: Any
    type: Type | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Name(Node):
    """A column, in `streams` order as written: `a@b@column` has streams `("a", "b")`."""

    name: str
    streams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(Node):
    """`$name`, or `$$`, the matched column, as the name `$`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hash(Node):
    """`#item` and its like, within the function that goes through an array."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Local(Node):
    """`:name`, a local variable of the transformation."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Node):
    """`of.name`."""

    of: Node
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Index(Node):
    """`of[index]`, from 1."""

    of: Node
    index: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Node):
    """`name(arguments)`; operators are calls of the function that documentation gives for them."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheCall(Node):
    """`sink#lookup(arguments)` or `sink#outputs()`: rows of a cached sink."""

    sink: str
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Array(Node):
    """`[a, b]`."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping(Node):
    """`[key -> value]`."""

    entries: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Struct(Node):
    """`@(name = value)`."""

    fields: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment(Node):
    """`target = value`, a column with its expression; `type` is what `? (...)` after the value declares."""

    target: Node
    value: Node
    type: Type | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Property(Node):
    """`name: value`."""

    name: str
    value: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDefinition(Node):
    """`name as type 'format'`, one column of `output(...)` or `input(...)`."""

    name: str
    type: Type
    format: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions(Node):
    """`output(...)` or `input(...)`."""

    name: str
    columns: tuple[ColumnDefinition, ...]


@dataclass(frozen=True, slots=True)
class ParameterDefinition:
    """A parameter of the data flow with its default."""

    name: str
    type: Type
    default: Node | None
    line: int


@dataclass(frozen=True, slots=True)
class StreamReference:
    """An incoming stream: `name`, or `name@branch` for one of those that a split makes."""

    name: str
    branch: str | None = None

    def __str__(self) -> str:
        return f"{self.name}@{self.branch}" if self.branch else self.name


@dataclass(frozen=True, slots=True)
class Transformation:
    """`inputs kind(arguments) ~> name@(branches)`."""

    name: str
    kind: str
    inputs: tuple[StreamReference, ...]
    arguments: tuple[Node, ...]
    branches: tuple[str, ...]
    line: int
    column: int = 1

    def property(self, name: str) -> Node | None:
        """The value of `name: value`, or None."""
        found = (node for node in self.arguments if isinstance(node, Property) and node.name == name)
        return next((node.value for node in found), None)

    def flag(self, name: str, default: bool = False) -> bool:
        """A property that is `true` or `false`."""
        value = self.property(name)
        if isinstance(value, Call) and value.name in ("true", "false"):
            return value.name == "true"
        return bool(value.value) if isinstance(value, Literal) else default

    def text(self, name: str) -> str | None:
        """A property that is a literal text."""
        value = self.property(name)
        return value.value if isinstance(value, Literal) and isinstance(value.value, str) else None

    def call(self, *names: str) -> Call | None:
        """The first argument that is a call of one of these."""
        return next((node for node in self.arguments if isinstance(node, Call) and node.name in names), None)

    def calls(self, *names: str) -> list[Call]:
        """Every argument that is a call of one of these, in order."""
        return [node for node in self.arguments if isinstance(node, Call) and node.name in names]

    def definitions(self, name: str) -> tuple[ColumnDefinition, ...] | None:
        """The columns of `output(...)` or `input(...)`, or None where there is none."""
        found = (node for node in self.arguments if isinstance(node, Definitions) and node.name == name)
        return next((node.columns for node in found), None)


@dataclass(frozen=True, slots=True)
class Script:
    """A whole script, transformations in the order in which they stand."""

    parameters: tuple[ParameterDefinition, ...] = ()
    transformations: tuple[Transformation, ...] = field(default=())

    def of_kind(self, kind: str) -> list[Transformation]:
        return [transformation for transformation in self.transformations if transformation.kind == kind]


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    for item in fields(node):
        yield from _walk_value(getattr(node, item.name))


def _walk_value(value: Any) -> Iterator[Node]:
    if isinstance(value, Node):
        yield from walk(value)
    elif isinstance(value, tuple):
        for item in value:
            yield from _walk_value(item)
