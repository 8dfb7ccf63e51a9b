"""Rows of files, by the type of their dataset."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
import polars

from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.connections import Dataset

Row = dict[str, Any]


def read_rows(dataset: Dataset, content: bytes, limit: int) -> list[Row]:
    """The first rows of one file.

    Raises:
        ActivityFailure: the format is not supported, or the content is not of it.
    """
    reader = _READERS.get(dataset.type)
    if reader is None:
        raise errors.unsupported(f"reading rows of dataset '{dataset.name}' of type '{dataset.type}'")
    try:
        return reader(_decompress(dataset.properties, content), dataset.properties, limit)
    except (ValueError, UnicodeError, LookupError, OSError, csv.Error, polars.exceptions.PolarsError) as error:
        raise errors.ActivityFailure(
            "2100", f"The file of dataset '{dataset.name}' cannot be read as {dataset.type}: {error}"
        ) from error


def _decompress(properties: Mapping[str, Any], content: bytes) -> bytes:
    codec = str(properties.get("compressionCodec") or "none").lower()
    if codec == "gzip":
        return gzip.decompress(content)
    if codec not in ("none", "snappy"):  # snappy is Parquet's own, inside the file
        raise errors.unsupported(f"the compression '{codec}'")
    return content


def _delimited_text(content: bytes, properties: Mapping[str, Any], limit: int) -> list[Row]:
    text = content.decode(str(properties.get("encodingName") or "utf-8-sig"))
    quote, escape = properties.get("quoteChar", '"'), properties.get("escapeChar", "\\")
    lines = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=properties.get("columnDelimiter") or ",",
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        doublequote=escape == quote,
        escapechar=None if escape == quote or not escape else escape,
    )
    header = next(lines, []) if properties.get("firstRowAsHeader") else None
    null = properties.get("nullValue")
    rows: list[Row] = []
    for line in lines:
        if len(rows) >= limit:
            break
        if line:
            names = header or [f"Prop_{index}" for index in range(len(line))]
            values = [None if null is not None and value == null else value for value in line]
            rows.append(dict(zip(names, values, strict=header is not None)))
    return rows


def _json(content: bytes, properties: Mapping[str, Any], limit: int) -> list[Row]:
    text = content.decode(str(properties.get("encodingName") or "utf-8-sig")).strip()
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError:  # not one document, so one a line
        parsed = [orjson.loads(line) for line in text.splitlines() if line.strip()]
    rows = parsed if isinstance(parsed, list) else [parsed]
    return [row if isinstance(row, dict) else {"Prop_0": row} for row in rows[:limit]]


def _parquet(content: bytes, _: Mapping[str, Any], limit: int) -> list[Row]:
    frame = polars.read_parquet(io.BytesIO(content), n_rows=limit)
    rows: list[Row] = orjson.loads(orjson.dumps(frame.to_dicts(), default=str))
    return rows


_READERS: Final[Mapping[str, Callable[[bytes, Mapping[str, Any], int], list[Row]]]] = {
    "DelimitedText": _delimited_text,
    "Json": _json,
    "Parquet": _parquet,
}
