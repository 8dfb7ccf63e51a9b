"""Files of a source as a relation of DuckDB, and rows of a sink as files.

https://learn.microsoft.com/azure/data-factory/format-delimited-text, format-json, format-parquet
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from adfkit.data_flows.conversion import convert
from adfkit.data_flows.errors import RunFailure, unsupported
from adfkit.data_flows.streams import Typed
from adfkit.data_flows.syntax import ColumnDefinition
from adfkit.data_flows.types import (
    DATE,
    STRING,
    TIMESTAMP,
    ArrayType,
    MapType,
    StructType,
    Type,
    quote,
    text,
    to_duckdb,
)

FORMATS: Final = frozenset({"DelimitedText", "Json", "Parquet"})
"""Types of datasets whose files data flows read and write here."""
_PARQUET_CODECS: Final = frozenset({"none", "snappy", "gzip", "zstd", "lz4"})

Properties = Mapping[str, Any]
"""The type properties of a dataset."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a source: where it is, and the path that it has for the author of the data flow."""

    path: Path
    name: str


def relation(
    kind: str,
    properties: Properties,
    found: Sequence[File],
    columns: Sequence[ColumnDefinition],
    url: str | None = None,
) -> str:
    """SQL that selects the rows of all files, columns by their names in the files.

    Columns of delimited text are texts. `columns` are those that the source declares; `url` is the name of a column to
    hold the name of each row's file.

    Raises:
        UnsupportedError: the type of dataset is not supported here.
        RunFailure: a file is not of its format.
    """
    parts = []
    for file in found:
        plain = file if kind == "Parquet" else _in_utf8(properties, file)
        extra = "" if url is None else f", {text(file.name)} AS {quote(url)}"
        parts.append(f"SELECT *{extra} FROM {_reader(kind)(plain, properties, columns)}")
    if not parts:
        names = ", ".join(f"CAST(NULL AS {to_duckdb(column.type)}) AS {quote(column.name)}" for column in columns)
        return f"SELECT {names or '1 AS nothing'} WHERE FALSE"
    return " UNION ALL BY NAME ".join(parts)


def write(
    connection: duckdb.DuckDBPyConnection,
    kind: str,
    properties: Properties,
    rows: str,
    types: Mapping[str, Type],
    path: Path,
) -> None:
    """Write the rows of a SELECT into one file; `types` are its columns.

    Raises:
        UnsupportedError: the type of dataset, a type of column in it, or the compression of Parquet is not supported.
    """
    if kind == "Parquet":
        _write_parquet(connection, properties, rows, types, path)
    elif kind == "DelimitedText":
        _write_delimited(connection, properties, rows, types, path)
    elif kind == "Json":
        items = ", ".join(f"{_json_value(quote(name), type)} AS {quote(name)}" for name, type in types.items())
        _copy(connection, f"SELECT {items} FROM ({rows})", path, "FORMAT json")
    else:
        raise unsupported(f"a dataset of type '{kind}' in data flows")


def parquet_codec(properties: Properties) -> str:
    """The compression within Parquet files, which is Snappy unless the dataset says another."""
    return str(properties.get("compressionCodec") or "snappy").lower()


def _reader(kind: str) -> Callable[[File, Properties, Sequence[ColumnDefinition]], str]:
    readers = {"DelimitedText": _delimited, "Json": _json, "Parquet": _parquet}
    if kind not in readers:
        raise unsupported(f"a dataset of type '{kind}' in data flows")
    return readers[kind]


def _delimited(file: File, properties: Properties, _: Sequence[ColumnDefinition]) -> str:
    separator, quoting, escape = _delimiters(properties)
    names = _names(file, properties)
    if not names:
        return "(SELECT 1 AS nothing WHERE FALSE)"
    columns = ", ".join(f"{text(name)}: 'VARCHAR'" for name in names)
    nulls = ", ".join(text(value) for value in dict.fromkeys(("", str(properties.get("nullValue") or ""))))
    return (
        f"read_csv({text(str(file.path))}, auto_detect = false, columns = {{{columns}}}, delim = {text(separator)}, "
        f"quote = {text(quoting)}, escape = {text(escape)}, header = {_flag(properties, 'firstRowAsHeader')}, "
        f"nullstr = [{nulls}], allow_quoted_nulls = false, null_padding = true, strict_mode = false, parallel = false)"
    )


def _names(file: File, properties: Properties) -> list[str]:
    """The columns of a file: of its first line, or numbered."""
    separator, quoting, escape = _delimiters(properties)
    try:
        with file.path.open(encoding="utf-8-sig", newline="") as opened:
            doubled = escape == quoting
            first = next(
                csv.reader(
                    opened,
                    delimiter=separator,
                    quotechar=quoting,
                    doublequote=doubled,
                    escapechar=None if doubled else escape,
                ),
                [],
            )
    except (csv.Error, UnicodeDecodeError, TypeError) as error:
        raise RunFailure(f"the file {file.name} cannot be read as delimited text: {error}") from error
    if _flag(properties, "firstRowAsHeader") == "false":
        return [f"_col{index}_" for index in range(len(first))]
    return [name or f"_c{index}" for index, name in enumerate(first)]


def _json(file: File, _: Properties, columns: Sequence[ColumnDefinition]) -> str:
    # dates are read as the texts that they are: the source's formats make them what it declares
    declared = ", ".join(f"{text(column.name)}: {text(_read_as(column.type))}" for column in columns)
    given = f", columns = {{{declared}}}" if columns else ", sample_size = -1"
    return f"read_json({text(str(file.path))}, format = 'auto', records = 'true'{given})"


def _parquet(file: File, _: Properties, __: Sequence[ColumnDefinition]) -> str:
    return f"read_parquet({text(str(file.path))})"


def _read_as(type: Type) -> str:
    return to_duckdb(STRING if type in (DATE, TIMESTAMP) else type)


def _in_utf8(properties: Properties, file: File) -> File:
    encoding = str(properties.get("encodingName") or "UTF-8")
    if encoding.upper() in ("UTF-8", "US-ASCII"):
        return file
    target = file.path.with_name(f"{file.path.name}.utf8")
    try:
        with (
            file.path.open(encoding=encoding, newline="") as source,
            target.open("w", encoding="utf-8", newline="") as written,
        ):
            shutil.copyfileobj(source, written)
    except (UnicodeError, LookupError) as error:
        raise RunFailure(f"the file {file.name} cannot be read as {encoding}: {error}") from error
    return File(target, file.name)


def _write_parquet(
    connection: duckdb.DuckDBPyConnection, properties: Properties, rows: str, types: Mapping[str, Type], path: Path
) -> None:
    codec = parquet_codec(properties)
    if codec not in _PARQUET_CODECS:
        raise unsupported(f"the compression '{codec}' of Parquet")
    items = ", ".join(f"{_instant(quote(name), type)} AS {quote(name)}" for name, type in types.items())
    option = "uncompressed" if codec == "none" else codec
    _copy(connection, f"SELECT {items} FROM ({rows})", path, f"FORMAT parquet, COMPRESSION {option}")


def _write_delimited(
    connection: duckdb.DuckDBPyConnection, properties: Properties, rows: str, types: Mapping[str, Type], path: Path
) -> None:
    for name, type in types.items():
        if isinstance(type, ArrayType | StructType | MapType):
            raise unsupported(f"the column '{name}' of type {type} in delimited text")
    separator, quoting, escape = _delimiters(properties)
    items = ", ".join(f"{convert(Typed(quote(name), type), STRING)} AS {quote(name)}" for name, type in types.items())
    options = (
        f"FORMAT csv, HEADER {_flag(properties, 'firstRowAsHeader')}, DELIMITER {text(separator)}, "
        f"QUOTE {text(quoting)}, ESCAPE {text(escape)}, NULLSTR {text(str(properties.get('nullValue') or ''))}"
    )
    _copy(connection, f"SELECT {items} FROM ({rows})", path, options)


def _copy(connection: duckdb.DuckDBPyConnection, rows: str, path: Path, options: str) -> None:
    connection.execute(f"COPY ({rows}) TO {text(str(path))} ({options})")


def _instant(sql: str, type: Type) -> str:
    """Spark writes timestamps as points in time, marked as UTC."""
    return f"CAST({sql} AS TIMESTAMPTZ)" if type == TIMESTAMP else sql


def _json_value(sql: str, type: Type) -> str:
    return f"strftime({sql}, '%Y-%m-%dT%H:%M:%S.%gZ')" if type == TIMESTAMP else sql


def _delimiters(properties: Properties) -> tuple[str, str, str]:
    separator = str(properties.get("columnDelimiter") or ",")
    return separator, str(properties.get("quoteChar") or '"'), str(properties.get("escapeChar") or "\\")


def _flag(properties: Properties, name: str) -> str:
    return "true" if str(properties.get(name, False)).lower() == "true" else "false"
