"""Rows on their way through DuckDB: read from files, mapped, converted and written to others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from adfkit.local_azure.services.data_factory.runtime.copying.conversion import MARK
from adfkit.local_azure.services.data_factory.runtime.copying.failures import copy_failure
from adfkit.local_azure.services.data_factory.runtime.copying.mapping import Mapped, map_columns
from adfkit.local_azure.services.data_factory.runtime.errors import ActivityFailure, wrong_type
from adfkit.local_azure.services.data_factory.runtime.file_formats.readers import (
    Column,
    FormatError,
    Table,
    open_database,
    read_table,
)
from adfkit.local_azure.services.data_factory.runtime.file_formats.types import quote, text
from adfkit.local_azure.services.data_factory.runtime.file_formats.writers import Output, write_rows

if TYPE_CHECKING:
    from adfkit.local_azure.services.data_factory.runtime.copying.job import CopyRequest

FILE_PATH = "$$FILEPATH"
COLUMN = "$$COLUMN:"


class Rows:
    """A database in a folder of its own for the rows of one output. Used from one thread at a time."""

    def __init__(self, request: CopyRequest, folder: Path) -> None:
        self.copied = self.skipped = 0
        self._request = request
        self._folder = folder
        self._limit = _row_limit(request.sink_settings.get("maxRowsPerFile"))
        self._connection = open_database(folder)

    @property
    def splits(self) -> bool:
        """Whether the rows may be written to several files."""
        return self._limit is not None

    def write(self, files: Sequence[tuple[str, Path]]) -> list[Path]:
        """Read files, given by what they are called and where they lie, and write what comes of their rows.

        Raises:
            ActivityFailure, FormatError, duckdb.Error: see `failure` for the last.
        """
        mapped = [self._mapped(name, path) for name, path in files]
        if self._request.skips_misfits:
            mapped = [self._without_misfits(each) for each in mapped]
        source, columns = mapped[0].source, mapped[0].columns
        if len(mapped) > 1:
            source, columns = self._united(mapped)
        if self._limit is None:
            return [self._written(source, columns, 0)]
        return self._split(source, columns, self._limit)

    def interrupt(self) -> None:
        """End what runs in another thread."""
        self._connection.interrupt()

    def close(self) -> None:
        self._connection.close()

    def failure(self, error: FormatError) -> ActivityFailure:
        """The failure for an error of DuckDB while rows were written: of a conversion, or of the file."""
        _, marked, conversion = str(error).partition(MARK)
        if marked:
            return copy_failure("TypeConversionFailure", conversion)
        return copy_failure(error.code, str(error))

    def _mapped(self, name: str, path: Path) -> Mapped:
        request = self._request
        table = read_table(
            self._connection, request.source.type, request.source.properties, path, request.source_settings
        )
        added = [_added(column, value, name, table) for column, value in request.added]
        return map_columns(table, request.translator, added, hierarchical=request.sink.type == "Json")

    def _without_misfits(self, mapped: Mapped) -> Mapped:
        if mapped.misfit is None:
            return mapped
        found = self._connection.execute(
            f"SELECT count(*) FROM {mapped.source} WHERE {mapped.misfit}"  # noqa: S608
        ).fetchone()
        self.skipped += int(found[0]) if found else 0
        kept = f"(SELECT * FROM {mapped.source} WHERE NOT ({mapped.misfit}))"  # noqa: S608
        return Mapped(kept, mapped.columns, None)

    def _united(self, mapped: Sequence[Mapped]) -> tuple[str, tuple[Output, ...]]:
        """One relation of several, whose columns are those of the first, found by name in the others."""
        parts = []
        for each in mapped:
            values = ", ".join(f"{column.sql} AS {quote(_label(column))}" for column in each.columns)
            parts.append(f"SELECT {values} FROM {each.source}")  # noqa: S608
        columns = tuple(Output(each.path, quote(_label(each)), each.type) for each in mapped[0].columns)
        return f"({' UNION ALL BY NAME '.join(parts)})", columns

    def _split(self, source: str, columns: Sequence[Output], limit: int) -> list[Path]:
        values = ", ".join(f"{column.sql} AS c{index}" for index, column in enumerate(columns))
        self._connection.execute(f"CREATE TABLE rows AS SELECT {values} FROM {source}")  # noqa: S608
        found = self._connection.execute("SELECT count(*) FROM rows").fetchone()
        count = int(found[0]) if found else 0
        kept = [Output(column.path, f"c{index}", column.type) for index, column in enumerate(columns)]
        return [
            self._written(f"(FROM rows WHERE rowid >= {start} AND rowid < {start + limit})", kept, index)
            for index, start in enumerate(range(0, max(count, 1), limit))
        ]

    def _written(self, source: str, columns: Sequence[Output], index: int) -> Path:
        target = self._folder / f"output-{index}"
        request = self._request
        self.copied += write_rows(
            self._connection,
            request.sink.type,
            request.sink.properties,
            request.sink_settings,
            (source, columns),
            target,
        )
        return target


def _label(column: Output) -> str:
    return "/".join(column.path) or "document"


def _added(name: str, value: str, file: str, table: Table) -> Column:
    """An additional column: a text, the file's path, or a copy of another column."""
    if value == FILE_PATH:
        return Column(name, text(file), "String")
    if value.startswith(COLUMN):
        wanted = value.removeprefix(COLUMN)
        found = next((column for column in table.columns if column.name == wanted), None)
        if found is None:
            raise copy_failure(
                "UserErrorInvalidAdditionalColumn",
                f"The additional column '{name}' is a copy of '{wanted}', which the source does not have.",
            )
        return Column(name, found.sql, found.type)
    return Column(name, text(value), "String")


def _row_limit(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 1:
        raise wrong_type("maxRowsPerFile", "Int", value)
    return int(value)
