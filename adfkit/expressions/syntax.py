"""The syntax tree of the expression language.

Positions are offsets into the text of the expression without its leading `@`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Literal:
    """`'text'`, `12`, `1.5`, `true`, `null`."""

    value: str | int | float | bool | None
    position: int


@dataclass(frozen=True, slots=True)
class Call:
    """`name(argument, ...)`; `name` as written, function names don't regard case."""

    name: str
    arguments: tuple[Node, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Property:
    """`target.key`, `target['key']`, `target[0]`; `safe` for `?.` and `?[`, which yield null where there is none."""

    target: Node
    key: Node
    safe: bool
    position: int


Node = Literal | Call | Property


@dataclass(frozen=True, slots=True)
class Expression:
    """A whole expression: its text without `@`, and its tree. `offset` is where the text starts in its template."""

    text: str
    root: Node
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Text:
    """A string without a live part, its escapes resolved."""

    value: str


@dataclass(frozen=True, slots=True)
class Template:
    """String interpolation: text and `@{...}` in turn; always yields a string."""

    parts: tuple[Text | Expression, ...]


Parsed = Text | Expression | Template


def children(node: Node) -> tuple[Node, ...]:
    """The direct parts of a node, in the order of the text."""
    match node:
        case Literal():
            return ()
        case Call(arguments=arguments):
            return arguments
        case Property(target=target, key=key):
            return (target, key)


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, from the outside in."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(reversed(children(current)))


def expressions(parsed: Parsed) -> tuple[Expression, ...]:
    """The live expressions of a parsed string."""
    match parsed:
        case Text():
            return ()
        case Expression():
            return (parsed,)
        case Template(parts=parts):
            return tuple(part for part in parts if isinstance(part, Expression))


def to_text(node: Node) -> str:
    """The node as an expression again, in one canonical spelling."""
    match node:
        case Literal(value=value):
            return _literal_text(value)
        case Call(name=name, arguments=arguments):
            return f"{name}({', '.join(to_text(argument) for argument in arguments)})"
        case Property(target=target, key=Literal(value=str() as name), safe=safe) if _is_identifier(name):
            return f"{to_text(target)}{'?' if safe else ''}.{name}"
        case Property(target=target, key=key, safe=safe):
            return f"{to_text(target)}{'?' if safe else ''}[{to_text(key)}]"


def _is_identifier(name: str) -> bool:
    return name.isascii() and name.isidentifier()


def _literal_text(value: str | int | float | bool | None) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case _:
            return repr(value)
