"""GetMetadata: what a file or folder is like."""

from __future__ import annotations

from datetime import UTC
from typing import Any, ClassVar, Final

from adfkit.local_azure.services.data_factory.runtime import errors, http
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.blobs import Blob, BlobStore, Location, read_location
from adfkit.local_azure.services.data_factory.runtime.connections import resolve_dataset
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext

CODE: Final = "2011"
FIELDS: Final = frozenset({"childitems", "contentmd5", "exists", "itemname", "itemtype", "lastmodified", "size"})
FILE_ONLY: Final = frozenset({"contentmd5", "size"})


class GetMetadata(Activity):
    type = "GetMetadata"
    required: ClassVar[tuple[str, ...]] = ("dataset", "fieldList")
    documentation = "https://learn.microsoft.com/azure/data-factory/control-flow-get-metadata-activity"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        dataset = resolve_dataset(context, context.raw("dataset"), "dataset")
        location, fields = read_location(dataset), _fields(context)
        context.show_input({"dataset": {"referenceName": dataset.name}, "fieldList": list(fields.values())})
        store = BlobStore(context.cloud, dataset.linked_service, CODE)
        if location.file:
            found = await self._file(store, location, fields)
        else:
            found = await self._folder(store, location, fields)
        return found | http.runtime_output(context)

    async def _file(self, store: BlobStore, location: Location, fields: dict[str, str]) -> dict[str, Any]:
        if "childitems" in fields:
            raise errors.ActivityFailure(CODE, f"The field 'childItems' is for folders; '{location.path}' is a file.")
        blob = await store.properties(location)
        if blob is None:
            return _absent(store, location, fields)
        return {name: _file_field(key, blob, location) for key, name in fields.items()}

    async def _folder(self, store: BlobStore, location: Location, fields: dict[str, str]) -> dict[str, Any]:
        refused = next((name for key, name in fields.items() if key in FILE_ONLY), None)
        if refused:
            raise errors.ActivityFailure(CODE, f"The field '{refused}' is for files; '{location.path}' is a folder.")
        if not await store.container_exists(location.container):
            return _absent(store, location, fields)
        wants_items = "childitems" in fields
        blobs, folders = await store.list(
            location.container, location.prefix, recursive=False, limit=None if wants_items else 1
        )
        if location.folder and not blobs and not folders:
            return _absent(store, location, fields)
        values: dict[str, Any] = {
            "exists": True,
            "itemname": location.folder.rsplit("/", 1)[-1] or location.container,
            "itemtype": "Folder",
            "lastmodified": max((_time(blob) for blob in blobs), default=None),
            "childitems": [{"name": _last(name), "type": "Folder"} for name in folders]
            + [{"name": _last(blob.name), "type": "File"} for blob in blobs],
        }
        return {name: values[key] for key, name in fields.items()}


def _fields(context: ActivityContext) -> dict[str, str]:
    """The asked fields: lower case to the author's spelling."""
    fields = {str(name).lower(): str(name) for name in context.array("fieldList")}
    if not fields:
        raise errors.required_property("fieldList")
    for key, name in fields.items():
        if key not in FIELDS:
            raise errors.unsupported(f"the field '{name}' of GetMetadata")
    return fields


def _absent(store: BlobStore, location: Location, fields: dict[str, str]) -> dict[str, Any]:
    """Not there: an answer where `exists` was asked, else a failure."""
    if "exists" not in fields:
        raise store.missing(location.container, location.path)
    return {fields["exists"]: False}


def _file_field(key: str, blob: Blob, location: Location) -> Any:
    values: dict[str, Any] = {
        "exists": True,
        "itemname": location.file,
        "itemtype": "File",
        "size": blob.size,
        "lastmodified": _time(blob),
        "contentmd5": blob.content_md5,
    }
    return values[key]


def _time(blob: Blob) -> str:
    return blob.last_modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _last(name: str) -> str:
    return name.rstrip("/").rsplit("/", 1)[-1]
