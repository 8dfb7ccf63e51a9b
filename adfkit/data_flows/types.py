"""The types of data flows, and what DuckDB calls them.

https://learn.microsoft.com/azure/data-factory/concepts-data-flow-expression-builder
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Scalar:
    """A type with no parts: `string`, `integer`, `timestamp` and so on."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Decimal:
    """A decimal number of `precision` digits, `scale` of them behind the point."""

    precision: int = 10
    scale: int = 0

    def __str__(self) -> str:
        return f"decimal({self.precision},{self.scale})"


@dataclass(frozen=True, slots=True)
class ArrayType:
    """An array; `of` is the type of its items."""

    of: Type

    def __str__(self) -> str:
        return f"{self.of}[]"


@dataclass(frozen=True, slots=True)
class StructType:
    """A hierarchy of named fields."""

    fields: tuple[tuple[str, Type], ...]

    def field(self, name: str) -> Type | None:
        return next((type for field, type in self.fields if field == name), None)

    def __str__(self) -> str:
        return "(" + ", ".join(f"{name} as {type}" for name, type in self.fields) + ")"


@dataclass(frozen=True, slots=True)
class MapType:
    """A map from keys of one type to values of one."""

    key: Type
    value: Type

    def __str__(self) -> str:
        return f"[{self.key},{self.value}]"


Type = Scalar | Decimal | ArrayType | StructType | MapType

STRING: Final = Scalar("string")
BOOLEAN: Final = Scalar("boolean")
BYTE: Final = Scalar("byte")
SHORT: Final = Scalar("short")
INTEGER: Final = Scalar("integer")
LONG: Final = Scalar("long")
FLOAT: Final = Scalar("float")
DOUBLE: Final = Scalar("double")
DATE: Final = Scalar("date")
TIMESTAMP: Final = Scalar("timestamp")
BINARY: Final = Scalar("binary")

_DUCKDB: Final[dict[Type, str]] = {
    STRING: "VARCHAR",
    BOOLEAN: "BOOLEAN",
    BYTE: "TINYINT",
    SHORT: "SMALLINT",
    INTEGER: "INTEGER",
    LONG: "BIGINT",
    FLOAT: "FLOAT",
    DOUBLE: "DOUBLE",
    DATE: "DATE",
    TIMESTAMP: "TIMESTAMP",
    BINARY: "BLOB",
}
_FROM_DUCKDB: Final[dict[str, Type]] = {name: type for type, name in _DUCKDB.items()} | {
    "UTINYINT": SHORT,
    "USMALLINT": INTEGER,
    "UINTEGER": LONG,
    "UBIGINT": Decimal(20, 0),
    "HUGEINT": Decimal(38, 0),
    "TIMESTAMP WITH TIME ZONE": TIMESTAMP,
    "TIMESTAMP_NS": TIMESTAMP,
    "TIMESTAMP_MS": TIMESTAMP,
    "TIMESTAMP_S": TIMESTAMP,
    "UUID": STRING,
    "JSON": STRING,
    "TIME": STRING,
    '"NULL"': STRING,
}
SCALARS: Final = {type.name: type for type in _DUCKDB if isinstance(type, Scalar)}
INTEGRAL: Final[tuple[Type, ...]] = (BYTE, SHORT, INTEGER, LONG)
FRACTIONAL: Final[tuple[Type, ...]] = (FLOAT, DOUBLE)
ORDER: Final[tuple[Type, ...]] = (*INTEGRAL, Decimal(38, 18), *FRACTIONAL)
"""Numbers from the narrowest to what all others become beside it."""


def is_number(type: Type) -> bool:
    return type in INTEGRAL or type in FRACTIONAL or isinstance(type, Decimal)


def is_integral(type: Type) -> bool:
    return type in INTEGRAL


def to_duckdb(type: Type) -> str:
    """The DuckDB type."""
    match type:
        case ArrayType(of):
            return f"{to_duckdb(of)}[]"
        case StructType(fields):
            if not fields:
                return "STRUCT(_ VARCHAR)"
            return "STRUCT(" + ", ".join(f"{quote(name)} {to_duckdb(of)}" for name, of in fields) + ")"
        case MapType(key, value):
            return f"MAP({to_duckdb(key)}, {to_duckdb(value)})"
        case Decimal(precision, scale):
            return f"DECIMAL({precision},{scale})"
        case _:
            return _DUCKDB[type]


def from_duckdb(type: object) -> Type:
    """The data flow type of a DuckDB type, as a relation's `types` gives it."""
    name = str(type)
    identifier = getattr(type, "id", "")
    if identifier in ("list", "array"):
        return ArrayType(from_duckdb(_children(type)["child"]))
    if identifier == "struct":
        return StructType(tuple((field, from_duckdb(of)) for field, of in _children(type).items()))
    if identifier == "map":
        children = _children(type)
        return MapType(from_duckdb(children["key"]), from_duckdb(children["value"]))
    if identifier == "decimal":
        children = _children(type)
        return Decimal(int(str(children["precision"])), int(str(children["scale"])))
    return _FROM_DUCKDB.get(name, STRING)


def common(first: Type, second: Type) -> Type:
    """The type that holds values of both; a text where nothing else does."""
    if first == second:
        return first
    if isinstance(first, Decimal) and isinstance(second, Decimal):
        scale = max(first.scale, second.scale)
        whole = max(first.precision - first.scale, second.precision - second.scale)
        return Decimal(min(38, whole + scale), scale)
    if is_number(first) and is_number(second):
        return max(first, second, key=_rank)
    if {first, second} == {DATE, TIMESTAMP}:
        return TIMESTAMP
    if isinstance(first, ArrayType) and isinstance(second, ArrayType):
        return ArrayType(common(first.of, second.of))
    if isinstance(first, StructType) and isinstance(second, StructType):
        names = dict.fromkeys([name for name, _ in (*first.fields, *second.fields)])
        return StructType(tuple((name, _field(first, second, name)) for name in names))
    return STRING


def quote(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + (name or "_").replace('"', '""') + '"'  # a name is never empty in DuckDB


def text(value: str) -> str:
    """A text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"


def _field(first: StructType, second: StructType, name: str) -> Type:
    one, other = first.field(name), second.field(name)
    if one is None or other is None:
        return one or other or STRING
    return common(one, other)


def _rank(type: Type) -> int:
    return ORDER.index(Decimal(38, 18) if isinstance(type, Decimal) else type)


def _children(type: object) -> dict[str, object]:
    return dict(type.children)  # type: ignore[attr-defined]
