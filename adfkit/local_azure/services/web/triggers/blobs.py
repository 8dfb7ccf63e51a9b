"""Blob triggers: the container is listed with the app's identity, and each version of a blob that matches runs once.

https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-blob-trigger
With the source `EventGrid`, blobs that were there before the function are left alone. The subscription that Azure needs
for it is not needed here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote
from xml.etree import ElementTree

import orjson

from adfkit.local_azure.services.web.bindings import BindingError
from adfkit.local_azure.services.web.bindings.connections import Connections, endpoint
from adfkit.local_azure.services.web.bindings.expressions import BlobPath, with_settings
from adfkit.local_azure.services.web.bindings.storage import NOT_FOUND, StorageBindings
from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.history import BlobReceipt
from adfkit.local_azure.services.web.models import App
from adfkit.local_azure.services.web.triggers import Listener
from adfkit.local_azure.services.web.worker_process import FunctionFailedError, Metadata, Value

LONGEST_PAUSE: Final = 1.0
MOST_TRIES: Final = 5
POISON_QUEUE: Final = "webjobs-blobtrigger-poison"
SEEN: Final = "/"
"""The receipt, under a name that no blob has, which says that those of before were noted."""


@dataclass(frozen=True, slots=True)
class Blob:
    """One blob of a listing."""

    container: str
    name: str
    etag: str
    properties: dict[str, str]

    @property
    def path(self) -> str:
        return f"{self.container}/{self.name}"


class BlobTrigger:
    """Listens for blob triggers."""

    def __init__(self, connections: Connections, bindings: StorageBindings) -> None:
        self._connections = connections
        self._bindings = bindings

    async def listen(self, listener: Listener) -> None:
        """Look for new blobs until the listener ends."""

        async def look(app: App) -> bool:
            return await self._look(listener, app)

        await listener.poll(look, LONGEST_PAUSE)

    async def _look(self, listener: Listener, app: App) -> bool:
        trigger = listener.function.trigger
        path = BlobPath(with_settings(app, str(trigger["path"])))
        account = endpoint(app, str(trigger.get("connection") or ""), "blob")
        receipts = listener.history.blob_receipts(listener.site, listener.function.name)
        only_new = str(trigger.get("source") or "").lower() == "eventgrid" and SEEN not in receipts
        found = False
        async for blob in self._blobs(app, account, path):
            data = path.match(blob.name)
            receipt = receipts.get(blob.path)
            if data is None or (receipt and receipt.etag == blob.etag and receipt.ended):
                continue
            if only_new:
                self._note(listener, blob.path, BlobReceipt(blob.etag, 0, True))
                continue
            tries = receipt.tries if receipt and receipt.etag == blob.etag else 0
            await self._run(listener, app, account, blob, data, tries)
            found = True
        if only_new:
            self._note(listener, SEEN, BlobReceipt("", 0, True))
        return found

    async def _blobs(self, app: App, account: str, path: BlobPath) -> AsyncIterator[Blob]:
        marker = ""
        while True:
            query = f"restype=container&comp=list&prefix={quote(path.prefix)}&marker={quote(marker)}"
            response = await self._connections.send(
                app, "GET", f"{account}/{quote(path.container)}?{query}", allowed=NOT_FOUND
            )
            if response.status_code == 404:
                return
            listing = ElementTree.fromstring(response.content)  # noqa: S314  our own store's
            for each in listing.iter("Blob"):
                properties = {item.tag.replace("-", ""): item.text or "" for item in each.find("Properties") or ()}
                yield Blob(path.container, each.findtext("Name") or "", properties.get("Etag", ""), properties)
            marker = listing.findtext("NextMarker") or ""
            if not marker:
                return

    async def _run(
        self, listener: Listener, app: App, account: str, blob: Blob, data: dict[str, str], tries: int
    ) -> None:
        url = f"{account}/{quote(blob.path)}"
        response = await self._connections.send(app, "GET", url, allowed=NOT_FOUND)
        if response.status_code == 404:  # deleted meanwhile
            return
        metadata = {
            "BlobTrigger": Metadata("string", blob.path),
            "Uri": Metadata("string", url),
            "Properties": Metadata("json", orjson.dumps({**blob.properties, "Length": len(response.content)}).decode()),
            "Metadata": Metadata("json", orjson.dumps(_metadata(response.headers)).decode()),
        }
        names = {**data, "blobTrigger": blob.path, "Uri": url}
        self._note(listener, blob.path, BlobReceipt(blob.etag, tries + 1, False))
        try:
            await listener.run(app, Value("bytes", response.content), metadata=metadata, data=names)
        except (FunctionFailedError, HostError):
            if tries + 1 < MOST_TRIES:
                return
            await self._poison(listener, app, blob)
        self._note(listener, blob.path, BlobReceipt(blob.etag, tries + 1, True))

    async def _poison(self, listener: Listener, app: App, blob: Blob) -> None:
        """Tell of a blob that failed too often, by a message, as the host does."""
        name = f"Host.Functions.{listener.function.name}"
        text = f"Blob '{blob.path}' has failed {MOST_TRIES} times."
        message = {
            "Type": "BlobTrigger",
            "FunctionId": name,
            "BlobType": "BlockBlob",
            "ContainerName": blob.container,
            "BlobName": blob.name,
            "ETag": blob.etag,
        }
        try:
            queue = f"{endpoint(app, str(listener.function.trigger.get('connection') or ''), 'queue')}/{POISON_QUEUE}"
            await self._bindings.send(app, queue, orjson.dumps(message))
        except (BindingError, HostError) as error:
            text += f" No message of it in '{POISON_QUEUE}': {error}"
        listener.host.note("", "ERROR", text)

    @staticmethod
    def _note(listener: Listener, blob: str, receipt: BlobReceipt) -> None:
        listener.history.set_blob_receipt(listener.site, listener.function.name, blob, receipt)


def _metadata(headers: Any) -> dict[str, str]:
    prefix = "x-ms-meta-"
    return {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}
