"""Columns that are found when the flow runs: by name, position or path.

https://learn.microsoft.com/azure/data-factory/concepts-data-flow-schema-drift
"""

from __future__ import annotations

from adfkit.data_flows import syntax
from adfkit.data_flows.compiler import Compiler, literal
from adfkit.data_flows.errors import ScriptError
from adfkit.data_flows.functions.registry import function
from adfkit.data_flows.streams import Typed
from adfkit.data_flows.types import BOOLEAN, STRING, ArrayType


@function("byName", least=1, most=2)
def _by_name(compiler: Compiler, call: syntax.Call) -> Typed:
    """The column of this name, or null where there is none."""
    name, *streams = (compiler.constant_text(node) for node in call.arguments)
    return compiler.find(name, streams) or literal(None, STRING)


@function("byPosition", least=1, most=1)
def _by_position(compiler: Compiler, call: syntax.Call) -> Typed:
    position = int(compiler.constant(call.arguments[0]))
    columns = [(alias, column) for alias, column in compiler.columns if column.marker is None]
    if not 1 <= position <= len(columns):
        raise ScriptError(f"there is no column at position {position}; there are {len(columns)}", call.line)
    alias, column = columns[position - 1]
    return Typed(f"{alias}.{column.id}", column.type)


@function("byPath", least=1, most=2)
def _by_path(compiler: Compiler, call: syntax.Call) -> Typed:
    from adfkit.data_flows.parser import parse_expression

    return compiler.compile(parse_expression(compiler.constant_text(call.arguments[0]), call.line))


@function("hasColumn", least=1, most=2)
def _has_column(compiler: Compiler, call: syntax.Call) -> Typed:
    name, *streams = (compiler.constant_text(node) for node in call.arguments)
    return literal(compiler.find(name, streams) is not None, BOOLEAN)


@function("columnNames", most=1)
def _column_names(compiler: Compiler, call: syntax.Call) -> Typed:
    wanted = frozenset(compiler.constant_text(node) for node in call.arguments)
    names = [column.name for _, column in compiler.columns if column.marker is None and wanted <= column.streams]
    return literal(names, ArrayType(STRING))


@function("byNames", "columns", least=0, most=2)
def _by_names(compiler: Compiler, call: syntax.Call) -> Typed:
    raise ScriptError(f"'{call.name}' yields several columns: it stands within a hash function only", call.line)


def expand(compiler: Compiler, node: syntax.Node) -> list[Typed]:
    """The values that an argument of a hash function stands for: several for `byNames` and `columns`."""
    if isinstance(node, syntax.Call) and node.name == "columns":
        return [Typed(f"{alias}.{column.id}", column.type) for alias, column in compiler.columns if not column.marker]
    if isinstance(node, syntax.Call) and node.name == "byNames":
        names = compiler.constant(node.arguments[0])
        return [compiler.find(str(name)) or literal(None, STRING) for name in names]
    return [compiler.compile(node)]
