"""Lookup: the first row, or up to 5,000 rows, of a dataset."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Final

from adfkit.local_azure.services.data_factory.runtime import http
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.blobs import BlobStore, read_location
from adfkit.local_azure.services.data_factory.runtime.connections import resolve_dataset
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.services.data_factory.runtime.files import find_files, store_settings
from adfkit.local_azure.services.data_factory.runtime.formats import Row, read_rows

CODE: Final = "2100"
MAX_ROWS: Final = 5000


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
        store, location = BlobStore(context.cloud, dataset.linked_service, CODE), read_location(dataset)
        rows: list[Row] = []
        for file in await find_files(store, location, store_settings(source.get("storeSettings")), recursive=True):
            content = await store.read(location.container, file.name)
            rows.extend(await asyncio.to_thread(read_rows, dataset, content, limit - len(rows)))
            if len(rows) >= limit:
                break
        return rows
