"""Files as tables: what DuckDB is asked to read one, with its columns.

DelimitedText: https://learn.microsoft.com/azure/data-factory/format-delimited-text
Json: https://learn.microsoft.com/azure/data-factory/format-json
Parquet: https://learn.microsoft.com/azure/data-factory/format-parquet
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.file_formats.types import interim_type, quote, text

CHUNK: Final = 1 << 20
MEMORY: Final = "512MB"
MAX_JSON: Final = 32 << 20
"""Bytes of one JSON object."""


class FormatError(Exception):
    """A file that is not in its dataset's format; `code` is the service's word for why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Column:
    """A column: SQL of its value and its interim type, None where that holds others (an object, an array)."""

    name: str
    sql: str
    type: str | None


@dataclass(frozen=True, slots=True)
class Table:
    """A file's rows. `source` stands behind FROM; `document` is SQL of the whole row as JSON, for JSON files."""

    source: str
    columns: tuple[Column, ...]
    document: str | None = None


def open_database(folder: Path) -> duckdb.DuckDBPyConnection:
    """A database in a folder: bounded in memory, and never reaching for an extension that is not at hand."""
    connection = duckdb.connect(
        str(folder / "rows.db"),
        config={
            "memory_limit": MEMORY,
            "threads": 1,  # with one, rows keep their order without being held back for it
            "preserve_insertion_order": False,
            "temp_directory": str(folder / "spilled"),
            "autoinstall_known_extensions": False,
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def read_table(
    connection: duckdb.DuckDBPyConnection,
    kind: str,
    properties: Mapping[str, Any],
    path: Path,
    settings: Mapping[str, Any] | None = None,
) -> Table:
    """The table of an unpacked file; `kind` is the dataset's type, `settings` the source's format settings.

    Raises:
        ActivityFailure: the format, or something in it, is not supported.
        FormatError: the file is not of the format.
    """
    reader = _READERS.get(kind)
    if reader is None:
        raise errors.unsupported(f"reading rows of datasets of type '{kind}'")
    try:
        return reader(connection, properties, path, settings or {})
    except (duckdb.Error, UnicodeError, csv.Error) as error:
        raise format_error(kind, error) from error


def format_error(kind: str, error: Exception) -> FormatError:
    """What DuckDB or a codec says of a file, in the service's words."""
    message = str(error)
    if kind == "DelimitedText" and "Expected Number of Columns" in message:
        return FormatError(
            "DelimitedTextMoreColumnsThanDefined", f"found more columns than expected. {_brief(message)}"
        )
    codes = {"DelimitedText": "DelimitedTextBadDataDetected", "Json": "JsonInvalidDataFormat"}
    return FormatError(codes.get(kind, f"{kind}InvalidFile"), _brief(message))


def _brief(message: str) -> str:
    """The first lines of what DuckDB says: behind them stand hints on options that nobody here can set."""
    return " ".join(message.partition("Possible fixes")[0].split())


def _delimited_text(
    _: duckdb.DuckDBPyConnection, properties: Mapping[str, Any], path: Path, settings: Mapping[str, Any]
) -> Table:
    path = _utf8(path, properties)
    delimiter, quoting, escape = _dialect(properties)
    skipped = settings.get("skipLineCount") or 0
    if isinstance(skipped, bool) or not isinstance(skipped, int) or skipped < 0:
        raise errors.wrong_type("skipLineCount", "Int", skipped)
    has_header = properties.get("firstRowAsHeader") in (True, "true", "True")
    first = _first_record(path, delimiter, quoting, escape, skipped)
    names = _header(first) if has_header else [f"Prop_{index}" for index in range(len(first))]
    if not names:
        return Table("(SELECT 1 WHERE false)", ())
    columns = ", ".join(f"{text(name)}: 'VARCHAR'" for name in names)
    options = {
        "auto_detect": "false",
        "header": str(has_header).lower(),
        "skip": str(skipped),
        "delim": text(delimiter),
        "quote": text(quoting),
        "escape": text(escape if quoting else ""),
        "nullstr": text(str(properties.get("nullValue") or "")),
        "allow_quoted_nulls": "false",
        "null_padding": "true",  # a row may lack columns at its end
        "parallel": "false",
        "columns": f"{{{columns}}}",
    }
    written = ", ".join(f"{name} = {value}" for name, value in options.items())
    return Table(
        f"read_csv({text(str(path))}, {written})", tuple(Column(name, quote(name), "String") for name in names)
    )


def _dialect(properties: Mapping[str, Any]) -> tuple[str, str, str]:
    delimiter = properties.get("columnDelimiter", ",")
    if not isinstance(delimiter, str):
        raise errors.wrong_type("columnDelimiter", "String", delimiter)
    if not delimiter:
        raise errors.unsupported("an empty 'columnDelimiter', files without columns")
    if properties.get("rowDelimiter") not in (None, "", "\n", "\r\n", "\r"):
        raise errors.unsupported(f"the row delimiter {properties['rowDelimiter']!r}")
    quoting, escape = properties.get("quoteChar", '"') or "", properties.get("escapeChar", "\\") or ""
    for name, value in (("quoteChar", quoting), ("escapeChar", escape)):
        if not isinstance(value, str) or len(value) > 1:
            raise errors.unsupported(f"'{name}' {value!r}, which is not one character")
    return delimiter, quoting, escape or quoting


def _first_record(path: Path, delimiter: str, quoting: str, escape: str, skipped: int) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        for _ in range(skipped):
            file.readline()
        if len(delimiter) > 1:  # the csv module takes one character, and a header has no quoted delimiters
            line = file.readline().rstrip("\r\n")
            return [field.strip(quoting or None) for field in line.split(delimiter)] if line else []
        reader = csv.reader(
            file,
            delimiter=delimiter,
            quotechar=quoting or None,
            quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE,
            doublequote=escape == quoting,
            escapechar=None if escape in (quoting, "") else escape,
        )
        return next(reader, [])


def _header(names: list[str]) -> list[str]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if not name:
            raise FormatError(
                "DelimitedTextColumnNameNotAllowNull",
                f"The name of column index {index} is empty. Make sure column name is properly specified in the "
                "header row.",
            )
        if name.lower() in seen:
            raise FormatError("DuplicatedColumnName", f"The column name '{name}' stands in the header row twice.")
        seen.add(name.lower())
    return names


def _json(
    connection: duckdb.DuckDBPyConnection, properties: Mapping[str, Any], path: Path, _: Mapping[str, Any]
) -> Table:
    path = _utf8(path, properties)
    objects = f"read_json_objects({text(str(path))}, maximum_object_size = {MAX_JSON})"
    documents = f"(SELECT json AS document FROM {objects})"  # noqa: S608
    if not path.stat().st_size:
        return Table(documents, (), "document")
    # no pattern fits these formats, so that texts stay texts
    found = connection.sql(
        f"DESCRIBE SELECT * FROM read_json({text(str(path))}, sample_size = -1, dateformat = 'NONE', "  # noqa: S608
        f"timestampformat = 'NONE', maximum_object_size = {MAX_JSON})"
    ).fetchall()
    columns = [_json_column(name, type) for name, type, *_ in found]
    return Table(documents, tuple(columns), "document")


def _json_column(name: str, type: str) -> Column:
    pointer = json_pointer([name])
    interim = interim_type(type)
    if interim in ("Boolean", "Int64", "Double", "Decimal"):
        wanted = "DECIMAL(38,0)" if interim == "Decimal" else type
        return Column(name, f"CAST(document->>{pointer} AS {wanted})", interim)
    return Column(name, f"(document->>{pointer})", "String" if interim else None)


def json_pointer(segments: list[str]) -> str:
    """A JSON pointer as a literal for SQL."""
    return text("".join("/" + segment.replace("~", "~0").replace("/", "~1") for segment in segments))


def _parquet(connection: duckdb.DuckDBPyConnection, _: Mapping[str, Any], path: Path, __: Mapping[str, Any]) -> Table:
    source = f"read_parquet({text(str(path))})"
    found = connection.sql(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608
    return Table(source, tuple(Column(name, quote(name), interim_type(type)) for name, type, *_ in found))


def _utf8(path: Path, properties: Mapping[str, Any]) -> Path:
    """The file in UTF-8 without a byte order mark, as DuckDB reads all of them."""
    name = str(properties.get("encodingName") or "UTF-8")
    codec = _codec(name)
    with path.open("rb") as file:
        head = file.read(4)
    marked = next((found for mark, found in _MARKS if head.startswith(mark)), None)
    if codec == "utf-8" and marked is None:
        return path
    converted = path.with_name(f"{path.name}.utf8")
    with (
        path.open(encoding=marked or codec, newline="") as source,
        converted.open("w", encoding="utf-8", newline="") as target,
    ):
        while chunk := source.read(CHUNK):
            target.write(chunk)
    return converted


_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def _codec(name: str) -> str:
    """Python's name of an encoding as .NET writes it.

    Raises:
        ActivityFailure: there is no such encoding here.
    """
    wanted = name.lower().replace(" without bom", "")
    wanted = {"utf-16": "utf-16-le", "utf-16be": "utf-16-be", "utf-32": "utf-32-le", "utf-32be": "utf-32-be"}.get(
        wanted, wanted.replace("ibm00", "cp").replace("ibm", "cp")
    )
    try:
        return codecs.lookup(wanted).name
    except LookupError as error:
        raise errors.unsupported(f"the encoding '{name}'") from error


def encoder(properties: Mapping[str, Any]) -> tuple[str, bytes]:
    """The codec to write a dataset's text in, and the byte order mark that its files begin with.

    Raises:
        ActivityFailure: there is no such encoding here.
    """
    codec = _codec(str(properties.get("encodingName") or "UTF-8"))
    marks = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE, "utf-32-le": codecs.BOM_UTF32_LE}
    return codec, marks.get(codec, b"")


def fetch_rows(connection: duckdb.DuckDBPyConnection, table: Table, limit: int) -> Iterator[dict[str, Any]]:
    """The first rows as Python values; JSON files' as they stand there."""
    import orjson

    if table.document is not None:
        query = f"SELECT {table.document} FROM {table.source} LIMIT {limit}"  # noqa: S608
        for (document,) in connection.execute(query).fetchall():
            row = orjson.loads(document)
            yield row if isinstance(row, dict) else {"Prop_0": row}
        return
    if not table.columns:
        return
    values = ", ".join(column.sql for column in table.columns)
    names = [column.name for column in table.columns]
    for row in connection.execute(f"SELECT {values} FROM {table.source} LIMIT {limit}").fetchall():  # noqa: S608
        yield dict(zip(names, row, strict=True))


_READERS: Final[
    Mapping[str, Callable[[duckdb.DuckDBPyConnection, Mapping[str, Any], Path, Mapping[str, Any]], Table]]
] = {"DelimitedText": _delimited_text, "Json": _json, "Parquet": _parquet}
