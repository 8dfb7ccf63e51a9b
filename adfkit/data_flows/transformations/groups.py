"""Transformations over groups of rows: aggregate, window, pivot, unpivot."""

from __future__ import annotations

from collections.abc import Sequence

from adfkit.data_flows import syntax
from adfkit.data_flows.compiler import Compiler, literal
from adfkit.data_flows.conversion import convert, unify
from adfkit.data_flows.errors import ScriptError, unsupported
from adfkit.data_flows.streams import Built, Output, Stream, Typed
from adfkit.data_flows.transformations.registry import Context, transformation
from adfkit.data_flows.transformations.rows import ordering
from adfkit.data_flows.transformations.rules import Made, assignments
from adfkit.data_flows.types import STRING

_IN_ORDER = frozenset({"first", "last", "collect"})
_WHOLE = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"


@transformation("aggregate", calls=("groupBy",))
def aggregate(context: Context) -> Built:
    """One row a group; without `groupBy` one row."""
    node = context.transformation
    rows = context.compiler()
    output, groups = _grouped(rows, node)
    ordered = any(
        isinstance(part, syntax.Call) and part.name in _IN_ORDER for a in node.arguments for part in syntax.walk(a)
    )
    compiler = rows.with_(aggregate=lambda sql: sql, order="i.row" if ordered else None)
    for made in _values(compiler, node, "groupBy"):
        value = made.compile(compiler)
        output.put(made.name, value, type=value.type or STRING)
    by = f" GROUP BY {', '.join(groups)}" if groups else ""
    return Built(tuple(output.columns), output.select(f"FROM {_source(context.first, ordered)} AS i{by}"))


def _source(stream: Stream, ordered: bool) -> str:
    return f"(SELECT *, row_number() OVER () AS row FROM {stream.relation})" if ordered else stream.relation


def _grouped(compiler: Compiler, node: syntax.Transformation) -> tuple[Output, list[str]]:
    """The columns of `groupBy(...)`, and their SQL."""
    output, groups = Output(), []
    call = node.call("groupBy")
    for made in assignments(compiler, call.arguments) if call else ():
        value = made.compile(compiler)
        output.add(made.name, value, _lineage(compiler, made), type=value.type or STRING)
        groups.append(value.sql)
    return output, groups


def _lineage(compiler: Compiler, made: Made) -> frozenset[str]:
    if isinstance(made.value, syntax.Name):
        for _, column in compiler.columns:
            if column.name == made.value.name and frozenset(made.value.streams) <= column.streams:
                return column.streams
    return frozenset()


def _values(compiler: Compiler, node: syntax.Transformation, *apart: str) -> list[Made]:
    """The columns that are assigned, `apart` the calls that mean something else."""
    rest = [
        argument
        for argument in node.arguments
        if not isinstance(argument, syntax.Property | syntax.Definitions)
        and not (isinstance(argument, syntax.Call) and argument.name in apart)
    ]
    return list(assignments(compiler, rest))


@transformation("window", properties=("startRowOffset", "endRowOffset"), calls=("over", "asc", "desc"))
def window(context: Context) -> Built:
    """Columns computed over the rows around each row: all of its partition, or those between two offsets."""
    node, rows, output = context.transformation, context.compiler(), Output()
    call = node.call("over")
    partition = [rows.compile(item.value if isinstance(item, syntax.Assignment) else item).sql
                 for item in (call.arguments if call else ())]  # fmt: skip
    over = f"PARTITION BY {', '.join(partition)}" if partition else ""
    if node.calls("asc", "desc"):
        over = f"{over} ORDER BY {ordering(rows, node)}".strip()
    frame = _frame(rows, node)
    compiler = rows.with_(aggregate=lambda sql: f"{sql} OVER ({over} {frame})", over=over)
    output.keep(context.first.columns, "i")
    for made in _values(compiler, node, "over", "asc", "desc"):
        value = made.compile(compiler)
        output.put(made.name, value, type=value.type or STRING)
    return Built(tuple(output.columns), output.select(f"FROM {context.first.relation} AS i"), same_rows=True)


def _frame(compiler: Compiler, node: syntax.Transformation) -> str:
    start, end = node.property("startRowOffset"), node.property("endRowOffset")
    if start is None and end is None:
        return _WHOLE
    bounds = [
        _bound(int(compiler.constant(offset)) if offset else None, side)
        for offset, side in ((start, "PRECEDING"), (end, "FOLLOWING"))
    ]
    return f"ROWS BETWEEN {bounds[0]} AND {bounds[1]}"


def _bound(offset: int | None, side: str) -> str:
    if offset is None:
        return f"UNBOUNDED {side}"
    return "CURRENT ROW" if offset == 0 else f"{abs(offset)} {'PRECEDING' if offset < 0 else 'FOLLOWING'}"


@transformation("pivot", properties=("columnNaming", "lateral"), calls=("groupBy", "pivotBy"))
def pivot(context: Context) -> Built:
    """A column for each value of the pivot key; `columnNaming` puts `$N` (the aggregate's name) and `$V` together."""
    node, rows = context.transformation, context.compiler()
    call = node.call("pivotBy")
    if call is None or not call.arguments:
        raise ScriptError("'pivot' takes 'pivotBy'", node.line)
    output, groups = _grouped(rows, node)
    if not groups:
        raise ScriptError("'pivot' takes 'groupBy'", node.line)
    key = rows.compile(call.arguments[0])
    naming = node.text("columnNaming") or "$N$V"
    for value in _pivot_values(context, call, key):
        same = f"({key.sql} IS NOT DISTINCT FROM {literal(value, key.type or STRING).sql})"
        compiler = rows.with_(aggregate=lambda sql, same=same: _only(sql, same))
        for made in _values(compiler, node, "groupBy", "pivotBy"):
            typed = made.compile(compiler)
            label = "null" if value is None else str(value)
            output.put(naming.replace("$N", made.name).replace("$V", label), typed, type=typed.type or STRING)
    return Built(
        tuple(output.columns), output.select(f"FROM {context.first.relation} AS i GROUP BY {', '.join(groups)}")
    )


def _only(sql: str, condition: str) -> str:
    """An aggregate over some rows, one with a filter of its own too."""
    if sql.endswith(")") and " FILTER (WHERE " in sql:
        return f"{sql[:-1]} AND {condition})"
    return f"{sql} FILTER (WHERE {condition})"


def _pivot_values(context: Context, call: syntax.Call, key: Typed) -> Sequence[object]:
    """The values given beside the key, else those that the rows have, in order."""
    if len(call.arguments) > 1:
        given = call.arguments[1]
        nodes = given.items if isinstance(given, syntax.Array) else call.arguments[1:]
        return [context.compiler().constant(node) for node in nodes]
    values = context.environment.constant(
        f"(SELECT list(DISTINCT {key.sql} ORDER BY {key.sql}) FROM {context.first.relation} AS i)"
    )
    return list(values or ())


@transformation("unpivot", properties=("lateral", "ignoreNullPivots"), calls=("ungroupBy",))
def unpivot(context: Context) -> Built:
    """A row for each column that is not grouped by: its name, and its value."""
    node, rows = context.transformation, context.compiler()
    call, definitions = node.call("ungroupBy"), node.definitions("output")
    if call is None or not definitions or len(definitions) != 2:
        raise unsupported("'unpivot' without 'ungroupBy' and 'output' with a key and a value", node.line)
    kept = list(assignments(rows, call.arguments))
    names = {made.value.name for made in kept if isinstance(made.value, syntax.Name)}
    columns = [column for column in context.first.visible if column.name not in names]
    if not columns:
        raise ScriptError("'unpivot' has no column to turn into rows", node.line)
    values, type = unify([Typed(f"i.{column.id}", column.type) for column in columns])
    keys = [literal(column.name, STRING).sql for column in columns]
    output = Output()
    for made in kept:
        value = made.compile(rows)
        output.add(made.name, value, type=value.type or STRING)
    for definition, found in zip(definitions, (Typed("u.key", STRING), Typed("u.value", type)), strict=True):
        output.add(definition.name, Typed(convert(found, definition.type), definition.type), type=definition.type)
    pairs = ", ".join(f"{{'key': {key}, 'value': {value}}}" for key, value in zip(keys, values, strict=True))
    where = " WHERE u.value IS NOT NULL" if node.flag("ignoreNullPivots", default=True) else ""
    source = (
        f"FROM {context.first.relation} AS i, (SELECT unnest([{pairs}], recursive := true)) AS u(key, value){where}"
    )
    return Built(tuple(output.columns), output.select(source))
