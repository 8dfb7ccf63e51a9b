"""A file system's tree over the flat blobs of a container.

A directory is an empty blob with the metadata `hdi_isfolder`, as the blob API shows it in Azure. One that only the
names of blobs imply, since they came by the blob API, counts as well.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import httpx

from adfkit.local_azure.cloud import host
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.services.storage.azurite import Azurite
from adfkit.local_azure.services.storage.dfs import errors

_VERSION: Final = "2021-12-02"
_FOLDER: Final = "hdi_isfolder"
_META: Final = "x-ms-meta-"
_KEPT: Final = ("content-type", "content-encoding", "content-language", "content-disposition", "cache-control")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a directory; `etag` is empty for a directory that is only implied."""

    name: str
    is_directory: bool
    size: int = 0
    modified: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """A path's entry, its user metadata, and the response headers of its blob."""

    entry: Entry
    metadata: Mapping[str, str]
    headers: Mapping[str, str]


class Tree:
    """The paths of one file system. No path begins or ends with a slash; the root is the empty one."""

    def __init__(self, azurite: Azurite, account: str, filesystem: str) -> None:
        self._azurite = azurite
        self._account = account
        self._filesystem = filesystem

    async def send(
        self,
        method: str,
        path: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> httpx.Response:
        """The blob store's response with its body still to be read.

        Raises:
            AzureError: what it refused.
        """
        target = f"/{self._filesystem}" + (f"/{quote(path)}" if path else "")
        request = httpx.Request(
            method,
            httpx.URL("http://store").copy_with(
                raw_path=(target + (f"?{urlencode(query, quote_via=quote)}" if query else "")).encode()
            ),
            headers={"x-ms-version": _VERSION, **(headers or {})},
            content=content,
        )
        if method in ("PUT", "POST"):
            request.headers["Content-Length"] = str(len(content))
        response = await self._azurite.send(self._account, request)
        if response.status_code >= 400 or response.status_code == 304:
            await response.aclose()
            code = response.headers.get("x-ms-error-code", "")
            raise errors.from_blobs(
                response.status_code,
                code or ("BlobNotFound" if response.status_code == 404 else "ConditionNotMet"),
            )
        return response

    async def call(
        self,
        method: str,
        path: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> httpx.Response:
        """As `send`, with the body read."""
        response = await self.send(method, path, query=query, headers=headers, content=content)
        try:
            await response.aread()
        finally:
            await response.aclose()
        return response

    async def filesystem(self) -> httpx.Response:
        """The container's properties.

        Raises:
            AzureError: 404 `FilesystemNotFound`.
        """
        return await self.call("GET", query={"restype": "container"})

    async def status(self, path: str) -> Status | None:
        """What is at a path; None for nothing."""
        container = await self.filesystem()
        if not path:
            return Status(Entry("", True, 0, container.headers["last-modified"], container.headers["etag"]), {}, {})
        try:
            response = await self.call("HEAD", path)
        except AzureError as error:
            if error.status != 404:
                raise
            if not await self.children(path, recursive=False):
                return None
            return Status(Entry(path, True, 0, container.headers["last-modified"]), {}, {})
        headers = response.headers
        metadata = {name[len(_META) :]: value for name, value in headers.items() if name.startswith(_META)}
        is_directory = metadata.pop(_FOLDER, "").lower() == "true"
        size = 0 if is_directory else int(headers["content-length"])
        return Status(
            Entry(path, is_directory, size, headers["last-modified"], headers["etag"]), metadata, dict(headers)
        )

    async def children(self, path: str, *, recursive: bool) -> list[Entry]:
        """What is below a directory, each directory before what it holds."""
        prefix = f"{path}/" if path else ""
        found: dict[str, Entry] = {}
        marker = ""
        while True:
            query = {"restype": "container", "comp": "list", "prefix": prefix, "include": "metadata"}
            query |= {} if recursive else {"delimiter": "/"}
            query |= {"marker": marker} if marker else {}
            page = ElementTree.fromstring((await self.call("GET", query=query)).content)  # noqa: S314 (Azurite, our own child)
            for item in page.iterfind("Blobs/*"):
                entry = _entry(item)
                self._imply(found, prefix, entry)
                if item.tag == "Blob" or entry.name not in found:
                    found[entry.name] = entry
            marker = page.findtext("NextMarker") or ""
            if not marker:
                return sorted(found.values(), key=lambda entry: entry.name.split("/"))

    @staticmethod
    def _imply(found: dict[str, Entry], prefix: str, entry: Entry) -> None:
        parts = entry.name[len(prefix) :].split("/")
        for end in range(1, len(parts)):
            name = prefix + "/".join(parts[:end])
            found.setdefault(name, Entry(name, True, 0, entry.modified))

    async def put(self, path: str, *, headers: Mapping[str, str]) -> httpx.Response:
        """An empty file."""
        return await self.call("PUT", path, headers={"x-ms-blob-type": "BlockBlob", **headers})

    async def put_directory(self, path: str, headers: Mapping[str, str]) -> httpx.Response:
        """A directory's blob."""
        return await self.put(path, headers={f"{_META}{_FOLDER}": "true", **headers})

    async def make_parents(self, path: str) -> None:
        """The directories above a path.

        Raises:
            AzureError: 409 `PathConflict` where one of them is a file.
        """
        parts = path.split("/")
        for end in range(1, len(parts)):
            parent = "/".join(parts[:end])
            status = await self.status(parent)
            if status is not None and not status.entry.is_directory:
                raise errors.path_conflict()
            if status is None or not status.entry.etag:
                await self.put_directory(parent, {})

    async def append(self, path: str, position: int, content: bytes, headers: Mapping[str, str]) -> None:
        """Keep what belongs at a position until it is flushed."""
        await self.call(
            "PUT", path, query={"comp": "block", "blockid": _block(position)}, headers=headers, content=content
        )

    async def flush(
        self, path: str, status: Status | None, position: int, headers: Mapping[str, str]
    ) -> httpx.Response:
        """Make what was appended up to a position the end of the file, which it makes where `status` is None.

        Raises:
            AzureError: 400 `InvalidFlushPosition`, 404 `PathNotFound` where nothing was ever appended.
        """
        lists = await self.call("GET", path, query={"comp": "blocklist", "blocklisttype": "all"})
        root = ElementTree.fromstring(lists.content)  # noqa: S314 (as above)
        committed = _blocks(root, "CommittedBlocks")
        pending = dict(_blocks(root, "UncommittedBlocks"))
        names, end = [name for name, _ in committed], status.entry.size if status else 0
        if end and (sum(size for _, size in committed) != end or any(len(name) != len(_block(0)) for name in names)):
            whole = await self.call("GET", path)
            await self.append(path, 0, whole.content, {})
            names = [_block(0)]
        while end < position and (size := pending.get(_block(end))):
            names.append(_block(end))
            end += size
        if end != position:
            raise errors.invalid_flush_position()
        kept = _kept(status) if status else {}
        latest = "".join(f"<Latest>{name}</Latest>" for name in names)
        body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{latest}</BlockList>'.encode()
        return await self.call("PUT", path, query={"comp": "blocklist"}, headers={**kept, **headers}, content=body)

    async def copy(self, source: Tree, path: str, target: str) -> None:
        """Copy one blob, with its metadata."""
        url = f"https://{host(self._account, 'blob')}/{source._filesystem}/{quote(path)}"
        await self.call("PUT", target, headers={"x-ms-copy-source": url})

    async def delete(self, path: str, headers: Mapping[str, str]) -> None:
        """Delete one blob."""
        await self.call("DELETE", path, headers=headers)


def _entry(item: ElementTree.Element) -> Entry:
    name = (item.findtext("Name") or "").rstrip("/")
    if item.tag == "BlobPrefix":
        return Entry(name, True)
    folder = (item.findtext(f"Metadata/{_FOLDER}") or "").lower() == "true"
    return Entry(
        name,
        folder,
        0 if folder else int(item.findtext("Properties/Content-Length") or 0),
        item.findtext("Properties/Last-Modified") or "",
        item.findtext("Properties/Etag") or "",
    )


def _kept(status: Status) -> dict[str, str]:
    """What a new block list would take from a blob, unless it is sent again."""
    kept = {f"x-ms-blob-{name}": status.headers[name] for name in _KEPT if name in status.headers}
    return kept | {f"{_META}{name}": value for name, value in status.metadata.items()}


def _block(position: int) -> str:
    return base64.b64encode(f"{position:048d}".encode()).decode()


def _blocks(root: ElementTree.Element, kind: str) -> list[tuple[str, int]]:
    return [(item.findtext("Name") or "", int(item.findtext("Size") or 0)) for item in root.iterfind(f"{kind}/Block")]
