"""Dates and times; all in UTC."""

from __future__ import annotations

from datetime import UTC

from adfkit.data_flows import syntax
from adfkit.data_flows.compiler import Compiler
from adfkit.data_flows.conversion import convert
from adfkit.data_flows.functions.registry import function, template
from adfkit.data_flows.streams import Typed
from adfkit.data_flows.types import DATE, INTEGER, LONG, STRING, TIMESTAMP, text, to_duckdb

for _name, _part in {
    "year": "year",
    "month": "month",
    "dayOfMonth": "day",
    "dayOfYear": "dayofyear",
    "weekOfYear": "week",
    "hour": "hour",
    "minute": "minute",
    "second": "second",
}.items():
    template(_name, f"CAST({_part}({{0}}) AS INTEGER)", (TIMESTAMP,), INTEGER)
template("dayOfWeek", "CAST(dayofweek({0}) + 1 AS INTEGER)", (TIMESTAMP,), INTEGER)  # Sunday is 1
template("millisecond", "CAST(millisecond({0}) % 1000 AS INTEGER)", (TIMESTAMP,), INTEGER)
template("lastDayOfMonth", "last_day({0})", (DATE,), DATE)
template("monthsBetween", "CAST(date_diff('month', {1}, {0}) AS DOUBLE)", (TIMESTAMP, TIMESTAMP), None)
for _name, _milliseconds in {"seconds": 1000, "minutes": 60_000, "hours": 3_600_000, "days": 86_400_000,
                             "weeks": 604_800_000, "milliseconds": 1}.items():  # fmt: skip
    template(_name, f"({{0}} * {_milliseconds})", (LONG,), LONG)


@function("currentUTC", "currentTimestamp", most=1)
def _now(compiler: Compiler, _: syntax.Call) -> Typed:
    moment = compiler.environment.now.astimezone(UTC).replace(tzinfo=None)
    return Typed(f"TIMESTAMP {text(moment.isoformat(sep=' '))}", TIMESTAMP)


@function("currentDate", most=1)
def _today(compiler: Compiler, call: syntax.Call) -> Typed:
    moment = _now(compiler, call).sql
    if call.arguments:
        moment = f"(({moment} AT TIME ZONE 'UTC') AT TIME ZONE {convert(compiler.compile(call.arguments[0]), STRING)})"
    return Typed(f"CAST({moment} AS DATE)", DATE)


@function("addDays", "subDays", "addMonths", "subMonths", least=2, most=2)
def _moved(compiler: Compiler, call: syntax.Call) -> Typed:
    time = compiler.compile(call.arguments[0])
    type = DATE if time.type == DATE else TIMESTAMP
    count = convert(compiler.compile(call.arguments[1]), INTEGER)
    symbol = "+" if call.name.startswith("add") else "-"
    unit = "to_days" if call.name.endswith("Days") else "to_months"
    return Typed(f"CAST({convert(time, type)} {symbol} {unit}({count}) AS {to_duckdb(type)})", type)


@function("fromUTC", "toUTC", least=1, most=2)
def _zoned(compiler: Compiler, call: syntax.Call) -> Typed:
    time = convert(compiler.compile(call.arguments[0]), TIMESTAMP)
    if len(call.arguments) == 1:
        return Typed(time, TIMESTAMP)
    zone = convert(compiler.compile(call.arguments[1]), STRING)
    first, second = ("'UTC'", zone) if call.name == "fromUTC" else (zone, "'UTC'")
    return Typed(f"(({time} AT TIME ZONE {first}) AT TIME ZONE {second})", TIMESTAMP)
