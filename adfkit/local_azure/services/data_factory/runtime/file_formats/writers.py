"""Rows as files: what DuckDB is asked to write, in the format of a dataset."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.file_formats.readers import CHUNK, FormatError, encoder
from adfkit.local_azure.services.data_factory.runtime.file_formats.types import quote, text

TIME_TEXT: Final = "'%Y-%m-%d %H:%M:%S.%f'"
JSON_TIME: Final = "'%Y-%m-%dT%H:%M:%S.%f'"
PARQUET_CODECS: Final = {"none": "uncompressed", "gzip": "gzip", "snappy": "snappy"}
_REFUSED_IN_PARQUET: Final = re.compile(r"[,;{}()\n\t=]")


@dataclass(frozen=True, slots=True)
class Output:
    """A column to write: its name, or path of names in JSON; SQL of its value; its interim type, None for JSON text."""

    path: tuple[str, ...]
    sql: str
    type: str | None

    @property
    def name(self) -> str:
        return self.path[-1]


def write_rows(
    connection: duckdb.DuckDBPyConnection,
    kind: str,
    properties: Mapping[str, Any],
    settings: Mapping[str, Any],
    rows: tuple[str, Sequence[Output]],
    target: Path,
) -> int:
    """Write a file, not compressed but for Parquet; `rows` are what stands behind FROM, and the columns.

    Returns:
        How many rows it has.

    Raises:
        ActivityFailure: the format, or a setting of it, is not supported.
        FormatError: the columns do not fit the format.
        duckdb.Error: what stands behind FROM cannot be read.
    """
    writer = _WRITERS.get(kind)
    if writer is None:
        raise errors.unsupported(f"writing rows to datasets of type '{kind}'")
    source, columns = rows
    return writer(connection, properties, settings, source, columns, target)


def as_text(sql: str, type: str | None, pattern: str = TIME_TEXT) -> str:
    """SQL of a value as the service writes it in text."""
    if type in (None, "String"):
        return sql
    if type == "Boolean":
        return f"CASE {sql} WHEN true THEN 'True' WHEN false THEN 'False' END"
    if type == "DateTime":
        return f"strftime({sql}, {pattern}) || '0'" if pattern == TIME_TEXT else f"strftime({sql}, {pattern})"
    if type == "DateTimeOffset":
        local = f"timezone('UTC', {sql})"
        return (
            f"strftime({local}, {pattern}) || '0 +00:00'" if pattern == TIME_TEXT else f"strftime({local}, {pattern})"
        )
    if type in ("Single", "Double"):
        return f"regexp_replace(CAST({sql} AS VARCHAR), '\\.0$', '')"
    if type == "Byte[]":
        return f"to_base64({sql})"
    return f"CAST({sql} AS VARCHAR)"


def _delimited_text(
    connection: duckdb.DuckDBPyConnection,
    properties: Mapping[str, Any],
    settings: Mapping[str, Any],
    source: str,
    columns: Sequence[Output],
    target: Path,
) -> int:
    delimiter = str(properties.get("columnDelimiter", ",") or "")
    quoting, escape = str(properties.get("quoteChar", '"') or ""), str(properties.get("escapeChar", "\\") or "")
    ending = properties.get("rowDelimiter") or "\r\n"
    if ending not in ("\n", "\r\n"):
        raise errors.unsupported(f"the row delimiter {ending!r}")
    dialect = _Dialect(delimiter, quoting, escape or quoting, settings.get("quoteAllText") is True)
    null = str(properties.get("nullValue") or "")
    texts = ", ".join(f"{as_text(column.sql, column.type)} AS t{index}" for index, column in enumerate(columns))
    texts = f"(SELECT {texts} FROM {source})" if columns else source  # noqa: S608
    fields = [dialect.field(f"t{index}", null) for index in range(len(columns))]
    line = f" || {text(delimiter)} || ".join(fields) or "''"
    header = None
    if properties.get("firstRowAsHeader") in (True, "true", "True"):
        header = delimiter.join(dialect.literal(column.name) for column in columns)
    count = _lines(connection, f"SELECT {line} AS line FROM {texts}", target, ending, header)  # noqa: S608
    _encode(target, properties)
    return count


@dataclass(frozen=True, slots=True)
class _Dialect:
    delimiter: str
    quoting: str
    escape: str
    always: bool

    def field(self, sql: str, null: str) -> str:
        """SQL of a field: quoted where it must be, or might be read as null."""
        if not self.quoting:
            return f"coalesce({sql}, {text(null)})"
        special = (self.delimiter, self.quoting, "\n", "\r")
        needed = " OR ".join([*(f"contains({sql}, {text(each)})" for each in special), f"{sql} = {text(null)}"])
        body = sql
        for each in dict.fromkeys((self.escape, self.quoting)):
            body = f"replace({body}, {text(each)}, {text(self.escape + each)})"
        quoted = f"{text(self.quoting)} || {body} || {text(self.quoting)}"
        present = quoted if self.always else f"CASE WHEN {needed} THEN {quoted} ELSE {sql} END"
        return f"CASE WHEN {sql} IS NULL THEN {text(null)} ELSE {present} END"

    def literal(self, value: str) -> str:
        special = (self.delimiter, self.quoting, "\n", "\r")
        if not self.quoting or not (self.always or any(each in value for each in special)):
            return value
        for each in dict.fromkeys((self.escape, self.quoting)):
            value = value.replace(each, self.escape + each)
        return self.quoting + value + self.quoting


def _json(
    connection: duckdb.DuckDBPyConnection,
    properties: Mapping[str, Any],
    settings: Mapping[str, Any],
    source: str,
    columns: Sequence[Output],
    target: Path,
) -> int:
    pattern = str(settings.get("filePattern") or "setOfObjects")
    if pattern not in ("setOfObjects", "arrayOfObjects"):
        raise errors.unsupported(f"the JSON file pattern '{pattern}'")
    is_document = len(columns) == 1 and columns[0].path == ()
    value = f"json({columns[0].sql})" if is_document else _object(_tree(columns))
    line = f"CAST({value} AS VARCHAR)"
    if pattern == "arrayOfObjects":
        line = f"CASE WHEN row_number() OVER () = 1 THEN '[' ELSE ',' END || {line}"
    count = _lines(connection, f"SELECT {line} AS line FROM {source}", target, "\r\n", None)  # noqa: S608
    if pattern == "arrayOfObjects":
        with target.open("ab") as file:
            file.write(b"]" if count else b"[]")
    _encode(target, properties)
    return count


def _tree(columns: Sequence[Output]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for column in columns:
        node = tree
        for name in column.path[:-1]:
            node = node.setdefault(name, {})
            if not isinstance(node, dict):
                raise FormatError("JsonInvalidSinkPath", f"'{name}' is both a value and an object in the mapping.")
        node[column.name] = column
    return tree


def _object(tree: Mapping[str, Any]) -> str:
    members = []
    for name, node in tree.items():
        members.append(f"{text(name)}, {_object(node) if isinstance(node, dict) else _json_value(node)}")
    return f"json_object({', '.join(members)})"


def _json_value(column: Output) -> str:
    if column.type is None:
        return f"CAST({column.sql} AS JSON)"
    if column.type == "DateTime":
        return f"regexp_replace(strftime({column.sql}, {JSON_TIME}), '\\.?0*$', '')"
    if column.type == "DateTimeOffset":
        local = f"timezone('UTC', {column.sql})"
        return f"regexp_replace(strftime({local}, {JSON_TIME}), '\\.?0*$', '') || 'Z'"
    return as_text(column.sql, column.type) if column.type == "Byte[]" else column.sql


def _parquet(
    connection: duckdb.DuckDBPyConnection,
    properties: Mapping[str, Any],
    _: Mapping[str, Any],
    source: str,
    columns: Sequence[Output],
    target: Path,
) -> int:
    codec = str(properties.get("compressionCodec") or "snappy").lower()
    if codec not in PARQUET_CODECS:
        raise errors.unsupported(f"the compression '{codec}' in Parquet files")
    if not columns:
        raise FormatError("ParquetInvalidSchema", "a Parquet file has at least one column.")
    for column in columns:
        if _REFUSED_IN_PARQUET.search(column.name):
            raise FormatError(
                "ParquetInvalidColumnName",
                f"The column name '{column.name}' is invalid. A column name cannot contain these characters: "
                "[,;{}()\\n\\t=]",
            )
    values = ", ".join(f"{column.sql} AS {quote(column.name)}" for column in columns)
    return _copy(
        connection,
        f"SELECT {values} FROM {source}",  # noqa: S608
        target,
        f"FORMAT parquet, COMPRESSION {PARQUET_CODECS[codec]}",
    )


def _lines(connection: duckdb.DuckDBPyConnection, query: str, target: Path, ending: str, header: str | None) -> int:
    """Write lines as they are. DuckDB ends each with a line feed, so what else the ending has belongs to the line."""
    rest = ending.removesuffix("\n")
    body = target.with_name(f"{target.name}.body")
    options = "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER E'\\x01'"
    count = _copy(connection, f"SELECT line || {text(rest)} FROM ({query})", body, options)  # noqa: S608
    if header is None:
        body.rename(target)
        return count
    with target.open("wb") as file, body.open("rb") as lines:
        file.write((header + ending).encode())
        while chunk := lines.read(CHUNK):
            file.write(chunk)
    body.unlink()
    return count


def _copy(connection: duckdb.DuckDBPyConnection, query: str, target: Path, options: str) -> int:
    found = connection.execute(f"COPY ({query}) TO {text(str(target))} ({options})").fetchone()
    return int(found[0]) if found else 0


def _encode(path: Path, properties: Mapping[str, Any]) -> None:
    """Bring a file from UTF-8 to the dataset's encoding."""
    codec, mark = encoder(properties)
    if codec == "utf-8":
        return
    encoded = path.with_name(f"{path.name}.encoded")
    with path.open(encoding="utf-8", newline="") as source, encoded.open("wb") as target:
        target.write(mark)
        while chunk := source.read(CHUNK):
            target.write(chunk.encode(codec, errors="replace"))
    encoded.rename(path)


_Writer = Callable[[duckdb.DuckDBPyConnection, Mapping[str, Any], Mapping[str, Any], str, Sequence[Output], Path], int]
_WRITERS: Final[Mapping[str, _Writer]] = {"DelimitedText": _delimited_text, "Json": _json, "Parquet": _parquet}
