"""GetMetadata: what a file or folder is like."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import Any, ClassVar, Final

from adfkit.local_azure.services.data_factory.runtime import errors, http
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.blobs import Blob, BlobStore, Location, read_location
from adfkit.local_azure.services.data_factory.runtime.connections import Dataset, resolve_dataset
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.services.data_factory.runtime.file_formats.opened import UNREADABLE, tables
from adfkit.local_azure.services.data_factory.runtime.file_formats.readers import open_database
from adfkit.local_azure.services.data_factory.runtime.files import modified_range, store_settings

CODE: Final = "2011"
FILE_ONLY: Final = frozenset({"contentmd5", "size", "structure", "columncount"})
COLUMNS: Final = frozenset({"structure", "columncount"})
FIELDS: Final = FILE_ONLY | {"childitems", "exists", "itemname", "itemtype", "lastmodified"}
WITH_COLUMNS: Final = frozenset({"DelimitedText", "Parquet"})
_SETTINGS: Final = frozenset({"type", "recursive", "modifiedDatetimeStart", "modifiedDatetimeEnd"})


class GetMetadata(Activity):
    type = "GetMetadata"
    required: ClassVar[tuple[str, ...]] = ("dataset", "fieldList")
    documentation = "https://learn.microsoft.com/azure/data-factory/control-flow-get-metadata-activity"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        dataset = resolve_dataset(context, context.raw("dataset"), "dataset")
        fields = _fields(context)
        settings = store_settings(context.get("storeSettings"))
        unknown = next((name for name, value in settings.items() if name not in _SETTINGS and value), None)
        if unknown:
            raise errors.unsupported(f"the store setting '{unknown}' of GetMetadata")
        context.show_input({"dataset": {"referenceName": dataset.name}, "fieldList": list(fields.values())})
        metadata = Metadata(dataset, BlobStore(context.cloud, dataset.linked_service, CODE), settings)
        return await metadata.read(fields) | http.runtime_output(context)


class Metadata:
    """What a dataset's file or folder is like, with the `storeSettings` that choose among a folder's files."""

    def __init__(self, dataset: Dataset, store: BlobStore, settings: Mapping[str, Any]) -> None:
        self._dataset = dataset
        self._store = store
        self._settings = settings
        self.location: Location = read_location(dataset)

    async def read(self, fields: Mapping[str, str]) -> dict[str, Any]:
        """The fields, given in lower case with the spelling that the result has.

        Raises:
            ActivityFailure: 2011 where the thing does not exist and `exists` is not asked, or a field is not for it.
        """
        return await (self._file(fields) if self.location.file else self._folder(fields))

    async def _file(self, fields: Mapping[str, str]) -> dict[str, Any]:
        location = self.location
        if "childitems" in fields:
            raise errors.ActivityFailure(CODE, f"The field 'childItems' is for folders; '{location.path}' is a file.")
        blob = await self._store.properties(location)
        if blob is None:
            return self._absent(fields)
        values: dict[str, Any] = {
            "exists": True,
            "itemname": location.file.rsplit("/", 1)[-1],
            "itemtype": "File",
            "size": blob.size,
            "lastmodified": _time(blob),
            "contentmd5": blob.content_md5,
        }
        if fields.keys() & COLUMNS:
            structure = await self._structure(fields)
            values |= {"structure": structure, "columncount": len(structure)}
        return {name: values[key] for key, name in fields.items()}

    async def _structure(self, fields: Mapping[str, str]) -> list[dict[str, str]]:
        """The columns of a file: names and types."""
        dataset = self._dataset
        if dataset.type not in WITH_COLUMNS:
            name = next(fields[key] for key in fields if key in COLUMNS)
            raise errors.ActivityFailure(CODE, f"The field '{name}' is not supported for {dataset.type} files.")
        with tempfile.TemporaryDirectory(prefix="adfkit-metadata-", ignore_cleanup_errors=True) as folder:
            path = Path(folder) / "source"
            await self._store.download(self.location.container, self.location.path, path)
            return await asyncio.to_thread(_structure, dataset, path)

    async def _folder(self, fields: Mapping[str, str]) -> dict[str, Any]:
        location = self.location
        refused = next((name for key, name in fields.items() if key in FILE_ONLY), None)
        if refused:
            raise errors.ActivityFailure(CODE, f"The field '{refused}' is for files; '{location.path}' is a folder.")
        if not await self._store.container_exists(location.container):
            return self._absent(fields)
        start, end = modified_range(self._settings)
        needs_all = bool(fields.keys() & {"childitems", "lastmodified"})
        blobs, folders = await self._store.list(
            location.container, location.prefix, recursive=False, limit=None if needs_all else 1
        )
        if location.folder and not blobs and not folders:
            return self._absent(fields)
        chosen = [blob for blob in blobs if start <= blob.last_modified < end]
        values: dict[str, Any] = {
            "exists": True,
            "itemname": location.folder.rsplit("/", 1)[-1] or location.container,
            "itemtype": "Folder",
            "lastmodified": max((_time(blob) for blob in chosen), default=None),
            "childitems": [{"name": _last(name), "type": "Folder"} for name in folders]
            + [{"name": _last(blob.name), "type": "File"} for blob in chosen],
        }
        return {name: values[key] for key, name in fields.items()}

    def _absent(self, fields: Mapping[str, str]) -> dict[str, Any]:
        """Not there: an answer where `exists` was asked, else a failure."""
        if "exists" not in fields:
            raise self._store.missing(self.location.container, self.location.path)
        return {fields["exists"]: False}


def _fields(context: ActivityContext) -> dict[str, str]:
    """The asked fields: lower case to the author's spelling."""
    fields = {str(name).lower(): str(name) for name in context.array("fieldList")}
    if not fields:
        raise errors.required_property("fieldList")
    for key, name in fields.items():
        if key not in FIELDS:
            raise errors.unsupported(f"the field '{name}' of GetMetadata")
    return fields


def _structure(dataset: Dataset, path: Path) -> list[dict[str, str]]:
    connection = open_database(path.parent)
    try:
        table = next(tables(connection, dataset.type, dataset.properties, path), None)
    except UNREADABLE as error:
        raise errors.ActivityFailure(
            CODE, f"The file of dataset '{dataset.name}' cannot be read as {dataset.type}: {error}"
        ) from error
    finally:
        connection.close()
    return [{"name": column.name, "type": column.type or "Object"} for column in (table.columns if table else ())]


def _time(blob: Blob) -> str:
    return blob.last_modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _last(name: str) -> str:
    return name.rstrip("/").rsplit("/", 1)[-1]
