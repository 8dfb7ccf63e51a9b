"""Conversion of a column's values from one interim type to another, and what is said of a value that does not fit.

https://learn.microsoft.com/azure/data-factory/copy-activity-schema-and-type-mapping#data-type-conversion
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.file_formats.readers import Column
from adfkit.local_azure.services.data_factory.runtime.file_formats.types import (
    FRACTIONAL,
    INTEGRAL,
    TO_DUCKDB,
    text,
)
from adfkit.local_azure.services.data_factory.runtime.file_formats.writers import TIME_TEXT, as_text

TIMES: Final = frozenset({"Date", "DateTime", "DateTimeOffset"})
MARK: Final = "conversion failed: "
"""What an error of DuckDB begins with that is one of a conversion."""
_NET_PARTS: Final = {
    "yyyy": "%Y",
    "yy": "%y",
    "MMMM": "%B",
    "MMM": "%b",
    "MM": "%m",
    "M": "%-m",
    "dddd": "%A",
    "ddd": "%a",
    "dd": "%d",
    "d": "%-d",
    "HH": "%H",
    "H": "%-H",
    "hh": "%I",
    "h": "%-I",
    "mm": "%M",
    "m": "%-M",
    "ss": "%S",
    "s": "%-S",
    "fff": "%g",
    "ffffff": "%f",
    "tt": "%p",
    "zzz": "%z",
    "K": "%z",
}
_NET_FORMAT: Final = re.compile(r"'([^']*)'|\\(.)|([A-Za-z])\3*|[^A-Za-z'\\]+")


@dataclass(frozen=True, slots=True)
class ConversionSettings:
    """`typeConversionSettings`; the formats are DuckDB's."""

    truncate: bool = True
    booleans_as_numbers: bool = False
    time: str | None = None
    offset_time: str | None = None


@dataclass(frozen=True, slots=True)
class Converted:
    """A value in another type: SQL that fails on one that does not fit, and SQL of whether one does not."""

    sql: str
    type: str | None
    misfit: str | None = None


def read_settings(value: Any) -> ConversionSettings:
    """The settings of a translator.

    Raises:
        ActivityFailure: 2104, or one that is not supported by its name.
    """
    settings: Mapping[str, Any] = value or {}
    if not isinstance(settings, dict):
        raise errors.wrong_type("typeConversionSettings", "Object", settings)
    for name in ("timeSpanFormat", "culture"):
        if settings.get(name) and str(settings[name]).lower() not in ("en-us", "c"):
            raise errors.unsupported(f"'{name}' '{settings[name]}' of type conversions")
    return ConversionSettings(
        truncate=settings.get("allowDataTruncation", True) is not False,
        booleans_as_numbers=settings.get("treatBooleanAsNumber") is True,
        time=_strftime(settings.get("dateTimeFormat")),
        offset_time=_strftime(settings.get("dateTimeOffsetFormat")),
    )


def _strftime(pattern: Any) -> str | None:
    """A .NET date format as DuckDB's."""
    if not pattern:
        return None
    if not isinstance(pattern, str):
        raise errors.wrong_type("dateTimeFormat", "String", pattern)
    result = ""
    for match in _NET_FORMAT.finditer(pattern):
        if match[3]:
            if match[0] not in _NET_PARTS:
                raise errors.unsupported(f"'{match[0]}' in the date format '{pattern}'")
            result += _NET_PARTS[match[0]]
        else:
            literal = match[1] if match[1] is not None else match[2] or match[0]
            result += literal.replace("%", "%%")
    return result


def convert(column: Column, wanted: str | None, settings: ConversionSettings) -> Converted:
    """A column's value as another type; None for that which it has.

    Raises:
        ActivityFailure: the service has no such conversion, or it is not supported.
    """
    source = column.type
    if wanted is None or wanted == source:
        return Converted(column.sql, source)
    if source is None:
        if wanted != "String":
            raise errors.unsupported(f"the conversion of column '{column.name}' from an object or array to {wanted}")
        return Converted(column.sql, "String")
    if wanted == "String":
        pattern = settings.offset_time if source == "DateTimeOffset" else settings.time if source in TIMES else None
        if pattern and source == "Date":
            return Converted(f"strftime({column.sql}, {text(pattern)})", "String")
        return Converted(as_text(column.sql, source, text(pattern) if pattern else TIME_TEXT), "String")
    if "Byte[]" in (source, wanted):
        raise errors.unsupported(f"the conversion of column '{column.name}' from {source} to {wanted}")
    if "Boolean" in (source, wanted) and source != "String" and not settings.booleans_as_numbers:
        raise _no_conversion(column, wanted)
    tried = _tried(column.sql, source, wanted, settings)
    misfit = f"({column.sql} IS NOT NULL AND {tried} IS NULL)"
    before = text(f"{MARK}Exception occurred when converting value '")
    behind = text(f"' for column name '{column.name}' from type '{source}' to type '{wanted}'.")
    message = f"{before} || CAST({column.sql} AS VARCHAR) || {behind}"
    return Converted(f"CASE WHEN {misfit} THEN error({message}) ELSE {tried} END", wanted, misfit)


def _tried(sql: str, source: str, wanted: str, settings: ConversionSettings) -> str:
    """SQL that is null where a value does not fit."""
    type = TO_DUCKDB[wanted]
    if source == "String":
        return _parsed(sql, wanted, type, settings)
    if wanted in INTEGRAL and source in FRACTIONAL:
        whole = f"TRY_CAST(trunc({sql}) AS {type})"
        return whole if settings.truncate else f"CASE WHEN trunc({sql}) = {sql} THEN {whole} END"
    if wanted == "Date" and source in TIMES and not settings.truncate:
        return f"CASE WHEN date_trunc('day', {sql}) = {sql} THEN TRY_CAST({sql} AS DATE) END"
    return f"TRY_CAST({sql} AS {type})"


def _parsed(sql: str, wanted: str, type: str, settings: ConversionSettings) -> str:
    trimmed = f"trim({sql})"
    if wanted in INTEGRAL:  # a cast would round a fraction, which the service refuses
        return f"CASE WHEN regexp_full_match({trimmed}, '[+-]?[0-9]+') THEN TRY_CAST({trimmed} AS {type}) END"
    if wanted == "Boolean" and not settings.booleans_as_numbers:
        return f"CASE lower({trimmed}) WHEN 'true' THEN true WHEN 'false' THEN false END"
    pattern = settings.offset_time if wanted == "DateTimeOffset" else settings.time if wanted in TIMES else None
    if pattern:
        return f"CAST(try_strptime({trimmed}, {text(pattern)}) AS {type})"
    return f"TRY_CAST({trimmed} AS {type})"


def _no_conversion(column: Column, wanted: str) -> errors.ActivityFailure:
    return errors.unsupported(
        f"the conversion of column '{column.name}' from {column.type} to {wanted} without 'treatBooleanAsNumber'"
    )
