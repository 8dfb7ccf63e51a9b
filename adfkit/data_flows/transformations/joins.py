"""Transformations of several streams: join, lookup, exists, union."""

from __future__ import annotations

from adfkit.data_flows import syntax
from adfkit.data_flows.conversion import convert
from adfkit.data_flows.errors import ScriptError, unsupported
from adfkit.data_flows.streams import Built, Column, Output, Typed
from adfkit.data_flows.transformations.registry import Context, transformation
from adfkit.data_flows.transformations.rows import ordering, positional
from adfkit.data_flows.types import BOOLEAN, Type, common, to_duckdb

_JOINS = {"inner": "INNER", "left": "LEFT", "right": "RIGHT", "outer": "FULL", "cross": "INNER"}


@transformation("join", inputs=2, properties=("joinType", "matchType", "ignoreSpaces"))
def join(context: Context) -> Built:
    """All columns of both streams; namesakes stay, told apart by their streams."""
    node = context.transformation
    kind = node.text("joinType") or "inner"
    if kind not in _JOINS:
        raise unsupported(f"the join type '{kind}'", node.line)
    if node.text("matchType") not in (None, "exact") or node.flag("ignoreSpaces"):
        raise unsupported("a fuzzy join", node.line)
    found = positional(node)
    if len(found) != 1 and not (kind == "cross" and not found):
        raise ScriptError("'join' takes one condition", node.line)
    condition = context.compiler().boolean(found[0]) if found else "TRUE"
    output = _both(context)
    left, right = context.inputs
    sql = f"FROM {left.relation} AS i {_JOINS[kind]} JOIN {right.relation} AS j ON {condition}"
    return Built(tuple(output.columns), output.select(sql))


@transformation("lookup", inputs=2, properties=("multiple", "pickup"), calls=("asc", "desc"))
def lookup(context: Context) -> Built:
    """A left join that knows whether it matched; with `multiple: false` at most one match a row."""
    node = context.transformation
    compiler = context.compiler()
    conditions = [f for f in positional(node) if not (isinstance(f, syntax.Call) and f.name in ("asc", "desc"))]
    if len(conditions) != 1:
        raise ScriptError("'lookup' takes one condition", node.line)
    output = _both(context)
    output.add("", Typed("j.matched", BOOLEAN), type=BOOLEAN, marker="match")
    left, right = context.inputs
    matches = f"(SELECT *, TRUE AS matched FROM {right.relation})"
    condition = compiler.boolean(conditions[0])
    if node.flag("multiple", default=True):
        sql = f"FROM {left.relation} AS i LEFT JOIN {matches} AS j ON {condition}"
        return Built(tuple(output.columns), output.select(sql))
    order = f" ORDER BY {ordering(compiler, node)}" if node.calls("asc", "desc") else ""
    last = "count(*) OVER (PARTITION BY i.row)" if node.text("pickup") == "last" else "1"
    numbered = f"(SELECT *, row_number() OVER () AS row FROM {left.relation})"
    pick = f"QUALIFY row_number() OVER (PARTITION BY i.row{order}) = {last}"
    sql = f"FROM {numbered} AS i LEFT JOIN {matches} AS j ON {condition} {pick} ORDER BY i.row"
    return Built(tuple(output.columns), output.select(sql), same_rows=True)


@transformation("exists", inputs=2, properties=("negate",))
def exists(context: Context) -> Built:
    """The rows of the first stream for which the second has one, or with `negate: true` none."""
    node = context.transformation
    found = positional(node)
    if len(found) != 1:
        raise ScriptError("'exists' takes one condition", node.line)
    condition = context.compiler().boolean(found[0])
    kind = "ANTI" if node.flag("negate") else "SEMI"
    left, right = context.inputs
    return Built(left.columns, f"SELECT i.* FROM {left.relation} AS i {kind} JOIN {right.relation} AS j ON {condition}")


@transformation("union", inputs=2, most=None, properties=("byName",))
def union(context: Context) -> Built:
    """The rows of all streams: columns by name, absent ones null, or by position."""
    names: dict[object, tuple[str, Type]] = {}
    by_name = context.transformation.flag("byName")
    for stream in context.inputs:
        for position, column in enumerate(stream.visible):
            key: object = column.name if by_name else position
            name, type = names.get(key, (column.name, column.type))
            names[key] = (name, common(type, column.type))
    selects, output = [], Output()
    for stream in context.inputs:
        output = Output()
        columns: dict[object, Column] = {
            column.name if by_name else position: column for position, column in enumerate(stream.visible)
        }
        for wanted, (name, type) in names.items():
            found = columns.get(wanted)
            value = convert(Typed(f"i.{found.id}", found.type), type) if found else f"CAST(NULL AS {to_duckdb(type)})"
            output.add(name, Typed(value, type), type=type)
        selects.append(output.select(f"FROM {stream.relation} AS i"))
    return Built(tuple(output.columns), " UNION ALL ".join(selects))


def _both(context: Context) -> Output:
    output = Output()
    for alias, stream in zip("ij", context.inputs, strict=True):
        output.keep([column for column in stream.columns if alias == "i" or column.marker is None], alias)
    return output
