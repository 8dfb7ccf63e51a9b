"""Aggregate and window functions.

https://learn.microsoft.com/azure/data-factory/data-flow-aggregate-functions
"""

from __future__ import annotations

from adfkit.data_flows import syntax
from adfkit.data_flows.compiler import Compiler
from adfkit.data_flows.conversion import convert
from adfkit.data_flows.errors import ScriptError
from adfkit.data_flows.functions.registry import function
from adfkit.data_flows.streams import Typed
from adfkit.data_flows.types import (
    DOUBLE,
    INTEGER,
    LONG,
    STRING,
    ArrayType,
    Decimal,
    Type,
    is_integral,
    is_number,
    to_duckdb,
)

_STATISTICS = {
    "stddev": "stddev_samp",
    "stddevSample": "stddev_samp",
    "stddevPopulation": "stddev_pop",
    "variance": "var_samp",
    "varianceSample": "var_samp",
    "variancePopulation": "var_pop",
    "skewness": "skewness",
    "kurtosis": "kurtosis",
}
_RANKS = {"rank": "rank", "denseRank": "dense_rank", "rowNumber": "row_number"}


@function("sum", "sumDistinct", least=1, most=1)
def _sum(compiler: Compiler, call: syntax.Call) -> Typed:
    return _total(compiler, call, _value(compiler, call), "DISTINCT " if call.name == "sumDistinct" else "")


@function("sumIf", least=2, most=2)
def _sum_if(compiler: Compiler, call: syntax.Call) -> Typed:
    condition = compiler.with_(aggregate=None).boolean(call.arguments[0])
    value = _value(compiler, call, 1)
    return _total(compiler, call, Typed(f"CASE WHEN {condition} THEN {value.sql} END", value.type), "")


@function("avg", "mean", "avgIf", "meanIf", least=1, most=2)
def _average(compiler: Compiler, call: syntax.Call) -> Typed:
    value = _conditional(compiler, call)
    return Typed(_aggregated(compiler, call, f"avg({convert(value, DOUBLE)})"), DOUBLE)


@function("min", "max", "minIf", "maxIf", least=1, most=2)
def _extreme(compiler: Compiler, call: syntax.Call) -> Typed:
    value = _conditional(compiler, call)
    return Typed(_aggregated(compiler, call, f"{call.name[:3]}({value.sql})"), value.type or STRING)


@function("count", least=0, most=None)
def _count(compiler: Compiler, call: syntax.Call) -> Typed:
    """Rows; with a column those where it is not null."""
    inner = compiler.with_(aggregate=None)
    values = [inner.compile(node).sql for node in call.arguments]
    what = "*"
    if values:
        what = f"CASE WHEN {' AND '.join(f'{value} IS NOT NULL' for value in values)} THEN 1 END"
    return Typed(_aggregated(compiler, call, f"count({what})"), LONG)


@function("countDistinct", "approxDistinctCount", least=1, most=None)
def _count_distinct(compiler: Compiler, call: syntax.Call) -> Typed:
    inner = compiler.with_(aggregate=None)
    values = [inner.compile(node).sql for node in call.arguments]
    what = values[0] if len(values) == 1 else f"({', '.join(values)})"
    return Typed(_aggregated(compiler, call, f"count(DISTINCT {what})"), LONG)


@function("countIf", least=1, most=1)
def _count_if(compiler: Compiler, call: syntax.Call) -> Typed:
    condition = compiler.with_(aggregate=None).boolean(call.arguments[0])
    return Typed(_aggregated(compiler, call, f"count(CASE WHEN {condition} THEN 1 END)"), LONG)


@function("first", "last", least=1, most=2)
def _end(compiler: Compiler, call: syntax.Call) -> Typed:
    """The first or last value, as rows came; null counts unless the second argument is true."""
    value = _value(compiler, call)
    without_nulls = len(call.arguments) > 1 and bool(compiler.constant(call.arguments[1]))
    if compiler.over:
        nulls = " IGNORE NULLS" if without_nulls else ""
        return Typed(_aggregated(compiler, call, f"{call.name}_value({value.sql}{nulls})"), value.type or STRING)
    order = f" ORDER BY {compiler.order}" if compiler.order else ""
    only = f" FILTER (WHERE {value.sql} IS NOT NULL)" if without_nulls else ""
    return Typed(_aggregated(compiler, call, f"{call.name}({value.sql}{order}){only}"), value.type or STRING)


@function("collect", "collectUnique", least=1, most=1)
def _collect(compiler: Compiler, call: syntax.Call) -> Typed:
    """The values that are not null as an array."""
    value = _value(compiler, call)
    type = value.type or STRING
    order = f" ORDER BY {compiler.order}" if compiler.order and call.name == "collect" else ""
    distinct = "DISTINCT " if call.name == "collectUnique" else ""
    made = _aggregated(
        compiler, call, f"list({distinct}{convert(value, type)}{order}) FILTER (WHERE {value.sql} IS NOT NULL)"
    )
    return Typed(f"coalesce({made}, CAST([] AS {to_duckdb(ArrayType(type))}))", ArrayType(type))


@function(*_STATISTICS, least=1, most=1)
def _statistic(compiler: Compiler, call: syntax.Call) -> Typed:
    value = convert(_value(compiler, call), DOUBLE)
    return Typed(_aggregated(compiler, call, f"{_STATISTICS[call.name]}({value})"), DOUBLE)


@function(*_RANKS)
def _rank(compiler: Compiler, call: syntax.Call) -> Typed:
    return Typed(f"CAST({_RANKS[call.name]}() OVER ({_window(compiler, call)}) AS INTEGER)", INTEGER)


@function("cumeDist")
def _cumulated(compiler: Compiler, call: syntax.Call) -> Typed:
    return Typed(f"cume_dist() OVER ({_window(compiler, call)})", DOUBLE)


@function("nTile", least=0, most=1)
def _tile(compiler: Compiler, call: syntax.Call) -> Typed:
    count = int(compiler.constant(call.arguments[0])) if call.arguments else 1
    return Typed(f"CAST(ntile({count}) OVER ({_window(compiler, call)}) AS INTEGER)", INTEGER)


@function("lag", "lead", least=1, most=3)
def _neighbour(compiler: Compiler, call: syntax.Call) -> Typed:
    value = _value(compiler, call)
    offset = int(compiler.constant(call.arguments[1])) if len(call.arguments) > 1 else 1
    default = ""
    if len(call.arguments) > 2:
        default = f", {convert(compiler.with_(aggregate=None).compile(call.arguments[2]), value.type or STRING)}"
    sql = f"{call.name}({value.sql}, {offset}{default}) OVER ({_window(compiler, call)})"
    return Typed(sql, value.type or STRING)


def _value(compiler: Compiler, call: syntax.Call, position: int = 0) -> Typed:
    return compiler.with_(aggregate=None).compile(call.arguments[position])


def _conditional(compiler: Compiler, call: syntax.Call) -> Typed:
    """The value of `avg(value)`, or of `avgIf(condition, value)`."""
    if not call.name.endswith("If"):
        return _value(compiler, call)
    if len(call.arguments) != 2:
        raise ScriptError(f"'{call.name}' takes a condition and a value", call.line)
    condition = compiler.with_(aggregate=None).boolean(call.arguments[0])
    value = _value(compiler, call, 1)
    return Typed(f"CASE WHEN {condition} THEN {value.sql} END", value.type)


def _total(compiler: Compiler, call: syntax.Call, value: Typed, distinct: str) -> Typed:
    type: Type = value.type or LONG
    if not is_number(type):
        value, type = Typed(convert(value, DOUBLE), DOUBLE), DOUBLE
    result: Type = LONG if is_integral(type) else Decimal(38, type.scale) if isinstance(type, Decimal) else DOUBLE
    return Typed(f"CAST({_aggregated(compiler, call, f'sum({distinct}{value.sql})')} AS {to_duckdb(result)})", result)


def _aggregated(compiler: Compiler, call: syntax.Call, sql: str) -> str:
    if compiler.aggregate is None:
        raise ScriptError(f"the aggregate function '{call.name}' cannot stand here", call.line)
    return compiler.aggregate(sql)


def _window(compiler: Compiler, call: syntax.Call) -> str:
    if compiler.over is None:
        raise ScriptError(f"the window function '{call.name}' stands in window transformations only", call.line)
    return compiler.over
