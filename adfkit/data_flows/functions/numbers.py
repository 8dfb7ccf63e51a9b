"""Arithmetic, and what `+` and `-` mean for texts and times.

https://learn.microsoft.com/azure/data-factory/data-flow-expression-functions
"""

from __future__ import annotations

from adfkit.data_flows import syntax
from adfkit.data_flows.compiler import Compiler
from adfkit.data_flows.conversion import convert, typed, unify
from adfkit.data_flows.errors import ScriptError
from adfkit.data_flows.functions.registry import function, template
from adfkit.data_flows.streams import Typed
from adfkit.data_flows.types import (
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    LONG,
    STRING,
    TIMESTAMP,
    ArrayType,
    Decimal,
    Type,
    is_integral,
    is_number,
)

template("sqrt", "sqrt({0})", (DOUBLE,), DOUBLE)
template("cbrt", "cbrt({0})", (DOUBLE,), DOUBLE)
template("power", "pow({0}, {1})", (DOUBLE, DOUBLE), DOUBLE)
template("sin", "sin({0})", (DOUBLE,), DOUBLE)
template("cos", "cos({0})", (DOUBLE,), DOUBLE)
template("tan", "tan({0})", (DOUBLE,), DOUBLE)
template("factorial", "factorial({0})", (INTEGER,), LONG)
template("isEven", "({0} % 2 = 0)", (LONG,), BOOLEAN)
template("isOdd", "({0} % 2 <> 0)", (LONG,), BOOLEAN)

_SYMBOLS = {"add": "+", "minus": "-", "multiply": "*", "mod": "%", "pMod": "%"}


@function("add", "minus", "multiply", "mod", "pMod", least=2, most=2)
def _arithmetic(compiler: Compiler, call: syntax.Call) -> Typed:
    first, second = (compiler.compile(node) for node in call.arguments)
    if call.name == "add" and STRING in (first.type, second.type):
        return Typed(f"({convert(first, STRING)} || {convert(second, STRING)})", STRING)
    if call.name == "add" and isinstance(first.type, ArrayType):
        sql, type = unify([first, second])
        return Typed(f"list_concat({sql[0]}, {sql[1]})", type)
    if first.type in (DATE, TIMESTAMP):
        return _shifted(first, second, call)
    if call.name == "add" and second.type in (DATE, TIMESTAMP):
        return _shifted(second, first, call)
    left, right = _number(first, call), _number(second, call)
    sql, type = unify([left, right])
    if call.name == "pMod":
        return Typed(f"(({sql[0]} % {sql[1]} + {sql[1]}) % {sql[1]})", type)
    if isinstance(type, Decimal):
        return _decimal(left, right, call.name)
    return Typed(f"({sql[0]} {_SYMBOLS[call.name]} {sql[1]})", type)


@function("divide", least=2, most=2)
def _divide(compiler: Compiler, call: syntax.Call) -> Typed:
    """As Spark divides: a fraction, also of whole numbers; by zero null."""
    first, second = (convert(_number(compiler.compile(node), call), DOUBLE) for node in call.arguments)
    return Typed(f"({first} / nullif({second}, 0))", DOUBLE)


@function("negate", least=1, most=1)
def _negate(compiler: Compiler, call: syntax.Call) -> Typed:
    value = _number(compiler.compile(call.arguments[0]), call)
    return Typed(f"(-{value.sql})", value.type)


@function("abs", "ceil", "floor", least=1, most=1)
def _whole(compiler: Compiler, call: syntax.Call) -> Typed:
    value = _number(compiler.compile(call.arguments[0]), call)
    if call.name != "abs" and is_integral(value.type or INTEGER):
        return value
    return typed(Typed(f"{call.name}({value.sql})", DOUBLE if value.type == DOUBLE else value.type), value.type or LONG)


@function("round", least=1, most=3)
def _round(compiler: Compiler, call: syntax.Call) -> Typed:
    """To `scale` digits, halves away from zero."""
    if len(call.arguments) == 3:
        raise ScriptError("the rounding mode of 'round' is not supported", call.line)
    value = _number(compiler.compile(call.arguments[0]), call)
    scale = compiler.constant(call.arguments[1]) if len(call.arguments) > 1 else 0
    rounded = f"round({value.sql}, {int(scale or 0)})"
    return Typed(f"CAST({rounded} AS {_sql(value.type)})", value.type)


@function("random", most=1)
def _random(_: Compiler, __: syntax.Call) -> Typed:
    return Typed("random()", DOUBLE)


def _number(value: Typed, call: syntax.Call) -> Typed:
    """A number; texts are read as such."""
    if value.type is None:
        return Typed("CAST(NULL AS INTEGER)", INTEGER)
    if value.type == STRING:
        return typed(value, DOUBLE)
    if not is_number(value.type):
        raise ScriptError(f"'{call.name}' takes numbers, not a value of type {value.type}", call.line)
    return value


def _decimal(left: Typed, right: Typed, name: str) -> Typed:
    """Decimals keep their digits behind the point, as many as 38 digits leave room for."""
    one, other = _as_decimal(left.type), _as_decimal(right.type)
    scale = one.scale + other.scale if name == "multiply" else max(one.scale, other.scale)
    type = Decimal(38, min(scale, 18))
    if name == "multiply" and one.precision + other.precision > 38:
        return typed(Typed(f"({convert(left, DOUBLE)} * {convert(right, DOUBLE)})", DOUBLE), type)
    sql = f"({convert(left, one)} {_SYMBOLS[name]} {convert(right, other)})"
    return Typed(f"CAST({sql} AS {_sql(type)})", type)


def _as_decimal(type: Type | None) -> Decimal:
    return type if isinstance(type, Decimal) else Decimal(20, 0)


def _shifted(time: Typed, by: Typed, call: syntax.Call) -> Typed:
    """A timestamp moved by milliseconds, a date by days."""
    if call.name not in ("add", "minus"):
        raise ScriptError(f"'{call.name}' takes numbers, not a value of type {time.type}", call.line)
    symbol = _SYMBOLS[call.name]
    if by.type in (DATE, TIMESTAMP):
        difference = f"date_diff('day', {convert(by, DATE)}, {convert(time, DATE)})"
        if time.type == TIMESTAMP:
            difference = f"date_diff('millisecond', {convert(by, TIMESTAMP)}, {time.sql})"
        return Typed(difference, LONG)
    unit = "to_days" if time.type == DATE else "to_milliseconds"
    count = convert(by, INTEGER if time.type == DATE else LONG)
    return Typed(f"CAST({time.sql} {symbol} {unit}({count}) AS {_sql(time.type)})", time.type)


def _sql(type: Type | None) -> str:
    from adfkit.data_flows.types import to_duckdb

    return to_duckdb(type or DOUBLE)
