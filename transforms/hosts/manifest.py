"""The manifest of a run's result: what it holds, and two hashes that prove it.

`files_sha256` is over the files: for each, in the order of paths, the path in UTF-8, a zero byte, and the 32 bytes of
the SHA-256 of its content.

`content_sha256` is over the data, so equal whatever engine wrote it. A first line holds `name:type` of each column in
order. Then one line a row, lines sorted by their bytes. Values are separated by U+001F and lines end with a line feed.
An integer stands in decimal; a float as the integer `floor(x * 10^precision + 0.5)`; a boolean as 0 or 1; a timestamp
as microseconds since 1970 in UTC; a string as it is; null as U+0000.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from transforms.hosts import result
from transforms.hosts.declaration import Column, Declaration
from transforms.hosts.measure import Measurement
from transforms.hosts.result import SourceFile
from transforms.hosts.window import Window

NAME = result.NAME
SLICE = 250_000
"""Rows that are made into lines at a time."""


def manifest(
    declaration: Declaration,
    frame: pl.DataFrame,
    files: Mapping[str, bytes],
    *,
    ingestion: str,
    run_id: str,
    data_location: str,
    technique: str,
    measurement: Measurement,
    source: str,
    source_files: Sequence[SourceFile],
    window: Window | None = None,
) -> dict[str, Any]:
    """The manifest as JSON values; `files` holds the content of each file by its path below `data_location`.

    The key `training` is there where the transform declares a label, `window` where the run was for one.
    """
    hashed = content_sha256(frame, declaration)
    return result.manifest(
        declaration,
        rows=frame.height,
        files=_summed(files),
        content_sha256=hashed,
        ingestion=ingestion,
        run_id=run_id,
        data_location=data_location,
        technique=technique,
        measured=measurement.taken(),
        source=source,
        source_files=source_files,
        window=window,
    )


def files_sha256(files: Mapping[str, bytes]) -> str:
    """The hash over the files' paths and bytes."""
    return result.files_sha256(_summed(files))


def content_sha256(frame: pl.DataFrame, declaration: Declaration) -> str:
    """The hash over the data in canonical form."""
    values = [_canonical(column, declaration.float_precision) for column in declaration.columns]
    line = pl.concat_str(values, separator=result.SEPARATOR).alias("line")
    # slice by slice, so that the columns as text and the whole text are never in memory at once
    lines = pl.concat(
        [each.select(line)["line"] for each in frame.iter_slices(SLICE)] or [pl.Series([], dtype=pl.String)]
    )
    digest = hashlib.sha256(result.header(declaration))
    sorted_lines = lines.sort()
    for start in range(0, sorted_lines.len(), SLICE):
        digest.update(sorted_lines.slice(start, SLICE).str.join("\n").item().encode() + b"\n")
    return digest.hexdigest()


def _canonical(column: Column, precision: int) -> pl.Expr:
    value = pl.col(column.name)
    match column.type:
        case "float64":
            value = (value * 10**precision + 0.5).floor().cast(pl.Int64)
        case "bool":
            value = value.cast(pl.Int8)
        case "timestamp":
            value = value.dt.epoch("us")
    return value.cast(pl.String).fill_null(result.NULL)


def _summed(files: Mapping[str, bytes]) -> dict[str, result.File]:
    return {path: result.File(len(content), hashlib.sha256(content).digest()) for path, content in files.items()}
