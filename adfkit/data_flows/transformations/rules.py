"""Columns that transformations make: one by one, and by rules over those that are there.

https://learn.microsoft.com/azure/data-factory/concepts-data-flow-column-pattern
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adfkit.data_flows import syntax
from adfkit.data_flows.compiler import Compiler, literal
from adfkit.data_flows.errors import ScriptError, unsupported
from adfkit.data_flows.streams import Column, Typed
from adfkit.data_flows.syntax import Node
from adfkit.data_flows.types import INTEGER, STRING, text


@dataclass(frozen=True, slots=True)
class Made:
    """A column to be made: its name, and the column that `$$` stands for in its value, if a rule matched one."""

    name: str
    value: Node
    matched: Typed | None = None
    column: Column | None = None

    def compile(self, compiler: Compiler) -> Typed:
        return compiler.with_(matched=self.matched).compile(self.value)


def assignments(compiler: Compiler, nodes: Sequence[Node]) -> Iterator[Made]:
    """The columns that `name = value` and `each(...)` stand for, in order.

    Raises:
        UnsupportedError: an argument is neither.
    """
    for node in nodes:
        if isinstance(node, syntax.Assignment):
            yield Made(target_name(compiler, node.target), node.value)
        elif isinstance(node, syntax.Name | syntax.Member):
            yield Made(node.name, node)
        elif isinstance(node, syntax.Call) and node.name == "each":
            yield from _matches(compiler, node)
        elif not (isinstance(node, syntax.Call) and node.name == "partitionBy"):
            raise unsupported("this argument", node.line)


def target_name(compiler: Compiler, node: Node) -> str:
    """The name of a column that is assigned to: as it stands, or of an expression that yields it."""
    if isinstance(node, syntax.Name) and not node.streams:
        return node.name
    if isinstance(node, syntax.Member):
        raise unsupported("a column within a hierarchy as a target", node.line)
    if isinstance(node, syntax.Local):
        raise unsupported("a local variable", node.line)
    return compiler.constant_text(node)


def _matches(compiler: Compiler, node: syntax.Call) -> Iterator[Made]:
    condition = node.arguments[0] if node.arguments else None
    if not isinstance(condition, syntax.Call) or condition.name not in ("match", "patternMatch"):
        raise unsupported("a rule without 'match' or 'patternMatch'", node.line)
    columns = [(alias, column) for alias, column in compiler.columns if column.marker is None]
    found = _matching(compiler, condition, [column for _, column in columns])
    targets = [argument for argument in node.arguments[1:] if isinstance(argument, syntax.Assignment)]
    if len(targets) != len(node.arguments) - 1:
        raise unsupported("this argument of 'each'", node.line)
    for (alias, column), matches in zip(columns, found, strict=True):
        if not matches:
            continue
        value = Typed(f"{alias}.{column.id}", column.type)
        if not targets:
            yield Made(column.name, syntax.Parameter(name="$", line=node.line), value, column)
        name = compiler.with_(matched=literal(column.name, STRING))
        for target in targets:
            yield Made(target_name(name, target.target), target.value, value, column)


def _matching(compiler: Compiler, condition: syntax.Call, columns: Sequence[Column]) -> list[bool]:
    """Which columns a rule's condition holds for."""
    if not condition.arguments:
        raise ScriptError(f"'{condition.name}' takes a condition", condition.line)
    parts = []
    for position, column in enumerate(columns, 1):
        if condition.name == "patternMatch":
            pattern = compiler.constant_text(condition.arguments[0])
            parts.append(f"regexp_full_match({text(column.name)}, {text(pattern)})")
            continue
        names = {
            "name": literal(column.name, STRING),
            "type": literal(str(column.type).partition("(")[0], STRING),
            "position": literal(position, INTEGER),
            "stream": literal(next(iter(sorted(column.streams)), ""), STRING),
            "origin": literal(next(iter(sorted(column.streams)), ""), STRING),
        }
        parts.append(compiler.with_(columns=(), names=names).boolean(condition.arguments[0]))
    return [bool(value) for value in compiler.environment.constant(f"[{', '.join(parts)}]")] if parts else []
