"""Transformations of hierarchies: flatten, parse, stringify."""

from __future__ import annotations

from adfkit.data_flows import syntax
from adfkit.data_flows.compiler import Compiler, Path, member, path_of
from adfkit.data_flows.conversion import convert
from adfkit.data_flows.errors import ScriptError, unsupported
from adfkit.data_flows.streams import Built, Output, Typed
from adfkit.data_flows.transformations.columns import mapped
from adfkit.data_flows.transformations.registry import Context, transformation
from adfkit.data_flows.types import STRING, ArrayType, MapType, StructType, Type, text, to_duckdb


@transformation("foldDown", calls=("unroll", "mapColumn"))
def fold_down(context: Context) -> Built:
    """Flatten: a row for each item of an array, which may lie in another array.

    Without an unroll root a row whose array is empty stays, with nulls; with one it goes.
    https://learn.microsoft.com/azure/data-factory/data-flow-flatten
    """
    node = context.transformation
    unrolls, mapping = node.calls("unroll"), node.call("mapColumn")
    if not unrolls or mapping is None:
        raise ScriptError("flatten takes 'unroll' and 'mapColumn'", node.line)
    compiler, source = context.compiler(), f"FROM {context.first.relation} AS i"
    unrolled: dict[Path, Typed] = {}
    for call in unrolls:
        source += _unroll(compiler, call, unrolled)
    output = mapped(compiler.with_(unrolled=unrolled), node, mapping, context.first)
    return Built(tuple(output.columns), output.select(source))


def _unroll(compiler: Compiler, call: syntax.Call, unrolled: dict[Path, Typed]) -> str:
    """Joins each row with the items of every array on the path; `unrolled` learns what paths then mean."""
    paths = [path_of(node) for node in call.arguments]
    if not paths or None in paths:
        raise ScriptError("'unroll' takes the path of an array", call.line)
    path, root = paths[0] or (), (paths[1] if len(paths) > 1 else None) or ()
    joins = ""
    value = compiler.compile(syntax.Name(name=path[0], line=call.line))
    for depth in range(1, len(path) + 1):
        if depth > 1:
            value = member(value, path[depth - 1], call.line)
        if path[:depth] in unrolled:
            value = unrolled[path[:depth]]
        elif isinstance(value.type, ArrayType):
            alias = f"u{len(unrolled)}"
            kind = "INNER" if depth <= len(root) else "LEFT"
            joins += f" {kind} JOIN LATERAL (SELECT unnest({value.sql}) AS item) AS {alias} ON TRUE"
            value = unrolled[path[:depth]] = Typed(f"{alias}.item", value.type.of)
    if not unrolled:
        raise ScriptError(f"'{'.'.join(path)}' is no array: it is {value.type}", call.line)
    return joins


@transformation("parse", properties=("format", "documentForm"))
def parse(context: Context) -> Built:
    """Texts of JSON as hierarchies of the type that stands after `?`."""
    node, compiler, output = context.transformation, context.compiler(), Output()
    if (node.text("format") or "json").lower() != "json":
        raise unsupported(f"parsing '{node.text('format')}'", node.line)
    output.keep(context.first.columns, "i")
    for argument in node.arguments:
        if isinstance(argument, syntax.Property):
            continue
        if not isinstance(argument, syntax.Assignment) or not isinstance(argument.target, syntax.Name):
            raise unsupported("this argument of 'parse'", argument.line)
        if argument.type is None:
            raise unsupported("'parse' without the type of its column", argument.line)
        value = convert(compiler.compile(argument.value), STRING)
        valid = f"CASE WHEN json_valid({value}) THEN {value} END"
        sql = f"from_json({valid}, {text(_structure(argument.type))})"
        output.put(
            argument.target.name, Typed(f"CAST({sql} AS {to_duckdb(argument.type)})", argument.type), type=argument.type
        )
    return Built(tuple(output.columns), output.select(f"FROM {context.first.relation} AS i"), same_rows=True)


@transformation("stringify", properties=("format",))
def stringify(context: Context) -> Built:
    """Hierarchies as texts of JSON."""
    node, compiler, output = context.transformation, context.compiler(), Output()
    if (node.text("format") or "json").lower() != "json":
        raise unsupported(f"stringifying as '{node.text('format')}'", node.line)
    output.keep(context.first.columns, "i")
    for argument in node.arguments:
        if isinstance(argument, syntax.Property):
            continue
        if not isinstance(argument, syntax.Assignment) or not isinstance(argument.target, syntax.Name):
            raise unsupported("this argument of 'stringify'", argument.line)
        output.put(argument.target.name, Typed(convert(compiler.compile(argument.value), STRING), STRING), type=STRING)
    return Built(tuple(output.columns), output.select(f"FROM {context.first.relation} AS i"), same_rows=True)


def _structure(type: Type) -> str:
    """A type as DuckDB's `from_json` wants it: JSON of names and types."""
    import json

    return json.dumps(_shape(type))


def _shape(type: Type) -> object:
    if isinstance(type, StructType):
        return {name: _shape(of) for name, of in type.fields}
    if isinstance(type, ArrayType):
        return [_shape(type.of)]
    if isinstance(type, MapType):
        return to_duckdb(type)
    return to_duckdb(type)
