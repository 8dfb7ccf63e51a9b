"""Lookup: the first row, or up to 5,000 rows, of a dataset."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any, ClassVar, Final

import orjson

from adfkit.local_azure.services.data_factory.runtime import errors, http
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.connections import Dataset, resolve_dataset
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.services.data_factory.runtime.copying.stores import open_source
from adfkit.local_azure.services.data_factory.runtime.file_formats.opened import UNREADABLE, tables
from adfkit.local_azure.services.data_factory.runtime.file_formats.readers import fetch_rows, open_database
from adfkit.local_azure.services.data_factory.runtime.files import store_settings

CODE: Final = "2100"
MAX_ROWS: Final = 5000
Row = dict[str, Any]


class Lookup(Activity):
    type = "Lookup"
    required: ClassVar[tuple[str, ...]] = ("dataset", "source")
    documentation = "https://learn.microsoft.com/azure/data-factory/control-flow-lookup-activity"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        first_row_only = context.boolean("firstRowOnly", True)
        rows = await self._rows(context, 1 if first_row_only else MAX_ROWS)
        if first_row_only:
            output: dict[str, Any] = {"firstRow": rows[0]} if rows else {}
        else:
            output = {"count": len(rows), "value": rows}
        return output | http.runtime_output(context)

    async def _rows(self, context: ActivityContext, limit: int) -> list[Row]:
        dataset = resolve_dataset(context, context.raw("dataset"), "dataset")
        source = context.object("source")
        context.show_input({"source": source, "dataset": {"referenceName": dataset.name}})
        store = open_source(context.cloud, dataset, store_settings(source.get("storeSettings")), CODE)
        settings = source.get("formatSettings") or {}
        rows: list[Row] = []
        for file in await store.files():
            with tempfile.TemporaryDirectory(prefix="adfkit-lookup-", ignore_cleanup_errors=True) as folder:
                path = Path(folder) / "source"
                await store.fetch(file, path)
                rows.extend(await asyncio.to_thread(_read, dataset, path, settings, limit - len(rows)))
            if len(rows) >= limit:
                break
        return rows


def _read(dataset: Dataset, path: Path, settings: dict[str, Any], limit: int) -> list[Row]:
    """The first rows of a file, as JSON has them.

    Raises:
        ActivityFailure: the format is not supported, or the content is not of it.
    """
    connection = open_database(path.parent)
    rows: list[Row] = []
    try:
        for table in tables(connection, dataset.type, dataset.properties, path, settings):
            rows.extend(fetch_rows(connection, table, limit - len(rows)))
    except UNREADABLE as error:
        raise errors.ActivityFailure(
            CODE, f"The file of dataset '{dataset.name}' cannot be read as {dataset.type}: {error}"
        ) from error
    finally:
        connection.close()
    found: list[Row] = orjson.loads(orjson.dumps(rows, default=str))
    return found
