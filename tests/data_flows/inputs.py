"""Rows generated for the sources of a data flow, from the columns that its script declares or names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import duckdb

from adfkit.data_flows import syntax
from adfkit.data_flows.engine import Engine
from adfkit.data_flows.parser import parse
from adfkit.data_flows.types import (
    BINARY,
    BOOLEAN,
    DATE,
    STRING,
    TIMESTAMP,
    ArrayType,
    Decimal,
    MapType,
    StructType,
    Type,
    is_number,
    quote,
    text,
    to_duckdb,
)

ROWS = 6


def run_on_generated_inputs(script: str) -> Engine:
    """Parse and run a script, every source with six rows."""
    parsed, connection = parse(script), duckdb.connect()
    given = {item.name: argument(item.type) for item in parsed.parameters if item.default is None}
    engine = Engine(parsed, connection, given)
    for source in parsed.of_kind("source"):
        columns = [(column.name, column.type) for column in source.definitions("output") or ()]
        columns = columns or [(name, STRING) for name in names(parsed)]
        rows = (
            "SELECT " + ", ".join(f"{value(type, name, row)} AS {quote(name)}" for name, type in columns)
            for row in range(ROWS)
        )
        relation = quote(f"raw {source.name}")
        connection.execute(f"CREATE TABLE {relation} AS {' UNION ALL '.join(rows)}")
        engine.add_source(source.name, relation)
    engine.run()
    return engine


def argument(type: Type) -> Any:
    """A value for a parameter without default."""
    if type == BOOLEAN:
        return True
    if type == TIMESTAMP:
        return datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    return 1 if is_number(type) else "x"


def names(script: syntax.Script) -> list[str]:
    """Columns that a script without a schema finds by name."""
    found = [
        part.arguments[0].value
        for node in script.transformations
        for top in node.arguments
        for part in syntax.walk(top)
        if isinstance(part, syntax.Call) and part.name == "byName" and isinstance(part.arguments[0], syntax.Literal)
    ]
    return list(dict.fromkeys(found)) or ["id", "name"]


def value(type: Type, name: str, row: int) -> str:
    """SQL of a value: texts are numbers in every second row."""
    return f"CAST({_value(type, name, row)} AS {to_duckdb(type)})"


def _value(type: Type, name: str, row: int) -> str:
    match type:
        case ArrayType(of):
            return f"[{value(of, name, row)}, {value(of, name, row + 1)}]"
        case StructType(fields):
            parts = [f"{quote(field)} := {value(of, field, row)}" for field, of in fields]
            return f"struct_pack({', '.join(parts)})" if parts else "{'_': 'x'}"
        case MapType(key, of):
            return f"map([{value(key, name, row)}], [{value(of, name, row)}])"
        case Decimal():
            return f"{row}.5"
    if type == STRING:
        return text(str(row) if row % 2 else f"{name} {row}")
    if type == BOOLEAN:
        return "TRUE" if row % 2 else "FALSE"
    if type == BINARY:
        return "'ab'::BLOB"
    return f"DATE '2024-01-{row + 1:02}'" if type in (DATE, TIMESTAMP) else str(row)
