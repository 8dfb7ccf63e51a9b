"""Delete: the files that a dataset means."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from adfkit.local_azure.services.data_factory.runtime import errors, http
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.blobs import BlobStore, read_location
from adfkit.local_azure.services.data_factory.runtime.connections import resolve_dataset
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.services.data_factory.runtime.files import find_files, store_settings

CODE: Final = "2011"


class Delete(Activity):
    type = "Delete"
    required: ClassVar[tuple[str, ...]] = ("dataset",)
    documentation = "https://learn.microsoft.com/azure/data-factory/delete-activity"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        if context.boolean("enableLogging", False):
            raise errors.unsupported("'enableLogging' of a Delete activity")
        dataset = resolve_dataset(context, context.raw("dataset"), "dataset")
        location, settings = read_location(dataset), store_settings(context.get("storeSettings"))
        recursive = bool(settings.get("recursive", context.boolean("recursive", False)))
        context.show_input({"dataset": {"referenceName": dataset.name}, "storeSettings": settings})
        store = BlobStore(context.cloud, dataset.linked_service, CODE)
        files = await find_files(store, location, settings, recursive=recursive)
        for file in files:
            await store.delete(location.container, file.name)
        return {
            "datasetName": dataset.name,
            "type": dataset.properties["location"]["type"],
            "containerName": location.container,
            "path": location.path,
            "recursive": recursive,
            "isWildcardUsed": bool(settings.get("wildcardFileName") or settings.get("wildcardFolderPath")),
            "filesDeleted": len(files),
        } | http.runtime_output(context)
