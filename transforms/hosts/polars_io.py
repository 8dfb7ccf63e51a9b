"""Reads a transform's inputs into Polars, and writes its result as Parquet."""

from __future__ import annotations

import io
import zipfile

import polars as pl

from transforms.hosts.declaration import Input

TYPES = {
    "int64": pl.Int64(),
    "float64": pl.Float64(),
    "string": pl.String(),
    "bool": pl.Boolean(),
    "timestamp": pl.Datetime("us", "UTC"),
}


class InputError(Exception):
    """An input that is not what the declaration says."""


def read_input(declared: Input, content: bytes) -> pl.LazyFrame:
    """The declared columns of a CSV file, or of the one CSV file in a zip archive.

    Raises:
        InputError: it is no such file, lacks a column, or a value is not of its column's type.
    """
    try:
        text = _unzipped(content) if declared.path.endswith(".zip") else content
        header = pl.read_csv(text, n_rows=0).columns
        missing = [column for column in declared.columns if column not in header]
        if missing:
            raise InputError(f"{declared.path} has no column {', '.join(missing)}; it has {', '.join(header)}.")
        schema = {column: TYPES[type] for column, type in declared.columns.items()}
        return pl.read_csv(
            text, columns=list(schema), schema_overrides=schema, null_values=list(declared.null_values)
        ).lazy()
    except (pl.exceptions.PolarsError, zipfile.BadZipFile) as error:
        raise InputError(f"{declared.path} can't be read: {error}") from error


def collect(frame: pl.LazyFrame) -> pl.DataFrame:
    """The rows in the order of their values, so that the same rows make the same file."""
    return frame.collect().sort(frame.collect_schema().names())


def to_parquet(frame: pl.DataFrame) -> bytes:
    """One Parquet file (Zstandard)."""
    target = io.BytesIO()
    frame.write_parquet(target, compression="zstd")
    return target.getvalue()


def _unzipped(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [name for name in archive.namelist() if name.endswith(".csv")]
        if len(members) != 1:
            raise zipfile.BadZipFile(f"the archive must hold one CSV file, it holds {len(members)}")
        return archive.read(members[0])
