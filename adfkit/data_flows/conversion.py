"""Conversions between types, as data flows make them: a value that does not fit becomes null, fractions are cut off.

https://learn.microsoft.com/azure/data-factory/data-flow-conversion-functions
"""

from __future__ import annotations

from adfkit.data_flows.streams import Typed
from adfkit.data_flows.types import (
    BINARY,
    BOOLEAN,
    DATE,
    DOUBLE,
    LONG,
    STRING,
    TIMESTAMP,
    ArrayType,
    Decimal,
    MapType,
    StructType,
    Type,
    common,
    is_integral,
    is_number,
    quote,
    text,
    to_duckdb,
)


def convert(value: Typed, type: Type) -> str:
    """SQL of the value as another type."""
    source = value.type
    if source is None or source == type:
        return f"CAST({value.sql} AS {to_duckdb(type)})" if source is None else value.sql
    if type == STRING:
        return _to_string(value)
    if isinstance(source, StructType) and isinstance(type, StructType):
        return _struct(value, source, type)
    if is_integral(type) and (isinstance(source, Decimal) or (is_number(source) and not is_integral(source))):
        return f"TRY_CAST(trunc({value.sql}) AS {to_duckdb(type)})"
    if source in (DATE, TIMESTAMP) and is_number(type):
        return f"TRY_CAST(epoch_ms({value.sql}) AS {to_duckdb(type)})"
    if type in (DATE, TIMESTAMP) and is_number(source):
        return f"CAST(make_timestamp_ms({convert(value, LONG)}) AS {to_duckdb(type)})"
    if source == STRING and is_number(type):
        if is_integral(type):
            fraction = f"TRY_CAST(trunc(TRY_CAST(trim({value.sql}) AS DOUBLE)) AS {to_duckdb(type)})"
            whole = f"TRY_CAST(trim({value.sql}) AS {to_duckdb(type)})"
            return f"(CASE WHEN contains({value.sql}, '.') THEN {fraction} ELSE {whole} END)"
        return f"TRY_CAST(trim({value.sql}) AS {to_duckdb(type)})"
    if source == STRING and type == BINARY:
        return f"encode({value.sql})"
    return f"TRY_CAST({value.sql} AS {to_duckdb(type)})"


def typed(value: Typed, type: Type) -> Typed:
    return Typed(convert(value, type), type)


def common_type(values: list[Typed]) -> Type | None:
    """The type that holds all of the values; None where all are null."""
    found: Type | None = None
    for value in values:
        if value.type is not None:
            found = value.type if found is None else common(found, value.type)
    return found


def unify(values: list[Typed]) -> tuple[list[str], Type]:
    """SQL of the values in one type."""
    type = common_type(values) or STRING
    return [convert(value, type) for value in values], type


def comparable(first: Typed, second: Typed) -> tuple[str, str]:
    """Two values as they are compared: a text beside a number is read as a number."""
    kinds = {first.type, second.type}
    if STRING in kinds and any(kind is not None and is_number(kind) for kind in kinds):
        return convert(first, DOUBLE), convert(second, DOUBLE)
    if STRING in kinds and BOOLEAN in kinds:
        return convert(first, BOOLEAN), convert(second, BOOLEAN)
    if STRING in kinds and (TIMESTAMP in kinds or DATE in kinds):
        return convert(first, TIMESTAMP), convert(second, TIMESTAMP)
    (one, other), _ = unify([first, second])
    return one, other


def _to_string(value: Typed) -> str:
    if isinstance(value.type, ArrayType | StructType | MapType):
        return f"CAST(to_json({value.sql}) AS VARCHAR)"
    if value.type == BINARY:
        return f"decode({value.sql})"
    return f"CAST({value.sql} AS VARCHAR)"


def _struct(value: Typed, source: StructType, type: StructType) -> str:
    """A hierarchy with other fields: by name, those that are missing null."""
    parts = []
    for name, of in type.fields:
        had = source.field(name)
        part = Typed(f"struct_extract({value.sql}, {text(name)})", had) if had else Typed("NULL", None)
        parts.append(f"{quote(name)} := {convert(part, of)}")
    return f"(CASE WHEN {value.sql} IS NULL THEN NULL ELSE struct_pack({', '.join(parts)}) END)"
