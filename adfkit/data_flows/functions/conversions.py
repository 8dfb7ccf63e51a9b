"""Functions that convert: `toInteger`, `toString` and so on.

https://learn.microsoft.com/azure/data-factory/data-flow-conversion-functions
"""

from __future__ import annotations

from adfkit.data_flows import syntax
from adfkit.data_flows.compiler import Compiler
from adfkit.data_flows.conversion import convert
from adfkit.data_flows.errors import unsupported
from adfkit.data_flows.formats import to_strftime
from adfkit.data_flows.functions.registry import function
from adfkit.data_flows.streams import Typed
from adfkit.data_flows.types import (
    BINARY,
    BOOLEAN,
    BYTE,
    DATE,
    DOUBLE,
    FLOAT,
    INTEGER,
    LONG,
    SHORT,
    STRING,
    TIMESTAMP,
    Decimal,
    Type,
    text,
    to_duckdb,
)

_TARGETS: dict[str, Type] = {
    "toByte": BYTE,
    "toShort": SHORT,
    "toInteger": INTEGER,
    "toLong": LONG,
    "toFloat": FLOAT,
    "toDouble": DOUBLE,
    "toBoolean": BOOLEAN,
    "toBinary": BINARY,
}


@function(*_TARGETS, least=1, most=3)
def _converted(compiler: Compiler, call: syntax.Call) -> Typed:
    if len(call.arguments) > 1:
        raise unsupported(f"a number format in '{call.name}'", call.line)
    type = _TARGETS[call.name]
    return Typed(convert(compiler.compile(call.arguments[0]), type), type)


@function("toDecimal", least=1, most=5)
def _to_decimal(compiler: Compiler, call: syntax.Call) -> Typed:
    if len(call.arguments) > 3:
        raise unsupported("a number format in 'toDecimal'", call.line)
    digits = [int(compiler.constant(node)) for node in call.arguments[1:]]
    type = Decimal(*(digits or (10, 0)))
    value = compiler.compile(call.arguments[0])
    return Typed(
        f"TRY_CAST({convert(value, STRING) if value.type == STRING else value.sql} AS {to_duckdb(type)})", type
    )


@function("toDate", least=1, most=3)
def _to_date(compiler: Compiler, call: syntax.Call) -> Typed:
    time = _parsed(compiler, call)
    return Typed(f"CAST({time} AS DATE)", DATE)


@function("toTimestamp", least=1, most=3)
def _to_timestamp(compiler: Compiler, call: syntax.Call) -> Typed:
    return Typed(_parsed(compiler, call), TIMESTAMP)


@function("toString", least=1, most=4)
def _to_string(compiler: Compiler, call: syntax.Call) -> Typed:
    value = compiler.compile(call.arguments[0])
    if len(call.arguments) == 1:
        return Typed(convert(value, STRING), STRING)
    if value.type not in (DATE, TIMESTAMP) or len(call.arguments) > 3:
        raise unsupported("a number format in 'toString'", call.line)
    moment = convert(value, TIMESTAMP)
    if len(call.arguments) == 3:
        zone = convert(compiler.compile(call.arguments[2]), STRING)
        moment = f"(({moment} AT TIME ZONE 'UTC') AT TIME ZONE {zone})"
    pattern = to_strftime(compiler.constant_text(call.arguments[1]), call.line)
    return Typed(f"strftime({moment}, {text(pattern)})", STRING)


def parse_time(value: str, pattern: str, line: int) -> str:
    """SQL of a timestamp from a text in a Java pattern; null where it is not of it."""
    return f"CAST(try_strptime({value}, {text(to_strftime(pattern, line))}) AS TIMESTAMP)"


def _parsed(compiler: Compiler, call: syntax.Call) -> str:
    value = compiler.compile(call.arguments[0])
    if len(call.arguments) == 1 or value.type != STRING:
        return convert(value, TIMESTAMP)
    moment = parse_time(value.sql, compiler.constant_text(call.arguments[1]), call.line)
    if len(call.arguments) == 3:
        zone = convert(compiler.compile(call.arguments[2]), STRING)
        moment = f"(({moment} AT TIME ZONE {zone}) AT TIME ZONE 'UTC')"
    return moment
