"""The types that values have between a source and a sink, and those of DuckDB that stand for them.

https://learn.microsoft.com/azure/data-factory/copy-activity-schema-and-type-mapping#data-type-mapping
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TO_DUCKDB: Final[Mapping[str, str]] = {
    "Boolean": "BOOLEAN",
    "Byte": "UTINYINT",
    "SByte": "TINYINT",
    "Int16": "SMALLINT",
    "Int32": "INTEGER",
    "Int64": "BIGINT",
    "UInt16": "USMALLINT",
    "UInt32": "UINTEGER",
    "UInt64": "UBIGINT",
    "Single": "FLOAT",
    "Double": "DOUBLE",
    "Decimal": "DECIMAL(38,18)",
    "String": "VARCHAR",
    "Date": "DATE",
    "DateTime": "TIMESTAMP",
    "DateTimeOffset": "TIMESTAMP WITH TIME ZONE",
    "TimeSpan": "TIME",
    "Guid": "UUID",
    "Byte[]": "BLOB",
}
INTEGRAL: Final = frozenset({"Byte", "SByte", "Int16", "Int32", "Int64", "UInt16", "UInt32", "UInt64"})
FRACTIONAL: Final = frozenset({"Single", "Double", "Decimal"})
_FROM_DUCKDB: Final = {
    **{duckdb: interim for interim, duckdb in TO_DUCKDB.items()},
    "TIMESTAMP_S": "DateTime",
    "TIMESTAMP_MS": "DateTime",
    "TIMESTAMP_NS": "DateTime",
    "HUGEINT": "Decimal",
    "UHUGEINT": "Decimal",
    "TIME": "TimeSpan",
    '"NULL"': "String",
}
_NAMES: Final = {name.lower(): name for name in TO_DUCKDB} | {
    "bool": "Boolean",
    "int": "Int32",
    "long": "Int64",
    "short": "Int16",
    "float": "Single",
    "bytearray": "Byte[]",
    "byte array": "Byte[]",
    "timestamp": "DateTime",
}


def interim_type(duckdb: str) -> str | None:
    """The interim type of a DuckDB type; None for those that hold others (lists, structures, maps)."""
    return "Decimal" if duckdb.startswith("DECIMAL") and not duckdb.endswith("]") else _FROM_DUCKDB.get(duckdb)


def known_type(name: str) -> str | None:
    """An interim type as a mapping writes it, in any case; None where there is no such type."""
    return _NAMES.get(name.lower())


def quote(name: str) -> str:
    """An identifier for SQL."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text literal for SQL."""
    return "'" + value.replace("'", "''") + "'"
