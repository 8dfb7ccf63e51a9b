"""The tables of one file as it came: unpacked, and each member of an archive a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import duckdb

from adfkit.local_azure.services.data_factory.runtime.file_formats import compression
from adfkit.local_azure.services.data_factory.runtime.file_formats.readers import FormatError, Table, read_table

UNREADABLE: Final = (FormatError, compression.CompressionError, duckdb.Error)
"""What reading raises for a file that is not of its dataset's format."""


def tables(
    connection: duckdb.DuckDBPyConnection,
    kind: str,
    properties: Mapping[str, Any],
    path: Path,
    settings: Mapping[str, Any] | None = None,
) -> Iterator[Table]:
    """The tables of a dataset's file.

    Raises:
        ActivityFailure: the format is not supported; see also `UNREADABLE`.
    """
    if kind == "Parquet":  # its codec is inside of the file
        yield read_table(connection, kind, properties, path, settings)
        return
    for _, member in compression.unpack(path, compression.read_compression(properties), path.parent):
        yield read_table(connection, kind, properties, member, settings)
