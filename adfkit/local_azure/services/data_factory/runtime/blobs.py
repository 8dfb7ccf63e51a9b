"""Blobs as activities read them: over the Blob service's REST API, with the factory's identity.

https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree

from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.connections import Dataset, LinkedService
from adfkit.local_azure.services.data_factory.runtime.factory import Cloud, HttpRequest, HttpResponse

AUDIENCE: Final = "https://storage.azure.com/"
VERSION: Final = "2021-12-02"
LINKED_SERVICES: Final = frozenset({"AzureBlobStorage", "AzureBlobFS"})
BLOCK: Final = 8 << 20
"""Bytes of a block; a longer file is uploaded as several."""
TRANSFER_TIMEOUT: Final = 300.0
"""Seconds for one block, or for a download to begin."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob's name within its container, its size in bytes, and what else metadata shows."""

    name: str
    size: int
    last_modified: datetime
    content_md5: str | None = None


@dataclass(frozen=True, slots=True)
class Location:
    """Where a dataset points: a container, a folder in it (no slashes at its ends), a file in that; empty for none."""

    container: str
    folder: str
    file: str

    @property
    def path(self) -> str:
        """Folder and file within the container."""
        return f"{self.folder}/{self.file}".strip("/") if self.file else self.folder

    @property
    def prefix(self) -> str:
        """What names of blobs in the folder begin with."""
        return f"{self.folder}/" if self.folder else ""


def read_location(dataset: Dataset) -> Location:
    """The location of a dataset of files.

    Raises:
        ActivityFailure: it has none, or one of another store.
    """
    location = dataset.properties.get("location") or {}
    if not isinstance(location, dict):
        raise errors.wrong_type("location", "Object", location)
    names = {"AzureBlobStorageLocation": "container", "AzureBlobFSLocation": "fileSystem"}
    kind = str(location.get("type"))
    if kind not in names:
        raise errors.unsupported(f"dataset '{dataset.name}' of type '{dataset.type}' with location '{kind}'")
    container = location.get(names[kind])
    if not container:
        raise errors.required_property(f"location.{names[kind]}")
    folder, file = str(location.get("folderPath") or ""), str(location.get("fileName") or "")
    return Location(str(container), folder.strip("/"), file.strip("/"))


class BlobStore:
    """One account's blobs. `code` is the error code of the activity that asks."""

    def __init__(self, cloud: Cloud, linked_service: LinkedService, code: str) -> None:
        self._cloud = cloud
        self._endpoint = _endpoint(linked_service)
        self._credential = linked_service.credential
        self._code = code

    @property
    def account(self) -> str:
        """The account's name."""
        return (urlsplit(self._endpoint).hostname or "").partition(".")[0]

    def url(self, container: str, path: str = "") -> str:
        """The address of a blob, or of the container."""
        return f"{self._endpoint}/{quote(container)}" + (f"/{quote(path)}" if path else "")

    async def ensure_container(self, container: str) -> None:
        """Make the container if it is not there."""
        if await self.container_exists(container):
            return
        response = await self._send("PUT", container, "", {"restype": "container"})
        if _error_code(response) != "ContainerAlreadyExists":  # another activity was faster
            self._found(response, container, "")

    async def write(self, container: str, path: str, content: bytes) -> None:
        """Create or replace a blob.

        Raises:
            ActivityFailure: the container does not exist, or must not be written.
        """
        headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/octet-stream"}
        await self._put(container, path, {}, headers, content)

    async def read_if_there(self, container: str, path: str) -> bytes | None:
        """A blob's content, or None where there is none."""
        response = await self._send("GET", container, path)
        return response.content if self._found(response, container, path) else None

    async def container_exists(self, container: str) -> bool:
        response = await self._send("HEAD", container, "", {"restype": "container"})
        return self._found(response, container, "")

    async def properties(self, location: Location) -> Blob | None:
        """The file's properties, or None where there is none."""
        response = await self._send("HEAD", location.container, location.path)
        if not self._found(response, location.container, location.path):
            return None
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Blob(
            location.path,
            int(headers["content-length"]),
            parsedate_to_datetime(headers["last-modified"]),
            headers.get("content-md5"),
        )

    async def read(self, container: str, path: str) -> bytes:
        """A blob's content.

        Raises:
            ActivityFailure: it does not exist, or must not be read.
        """
        response = await self._send("GET", container, path)
        if not self._found(response, container, path):
            raise self.missing(container, path)
        return response.content

    async def download(self, container: str, path: str, to: Path) -> None:
        """Bring a blob to this disk, in bounded memory.

        Raises:
            ActivityFailure: it does not exist, or must not be read.
        """
        headers = {"Authorization": f"Bearer {self._token()}", "x-ms-version": VERSION}
        url = self.url(container, path)
        response = await self._cloud.download(
            HttpRequest(method="GET", url=url, headers=headers, timeout=TRANSFER_TIMEOUT), to
        )
        if not self._found(response, container, path):
            raise self.missing(container, path)

    async def upload(self, container: str, path: str, file: Path, headers: Mapping[str, str] | None = None) -> None:
        """Create or replace a blob with a file's content, a block at a time.

        Raises:
            ActivityFailure: the container does not exist, or must not be written.
        """
        written = {"Content-Type": "application/octet-stream", **(headers or {})}
        if await asyncio.to_thread(lambda: file.stat().st_size) <= BLOCK:
            content = await asyncio.to_thread(file.read_bytes)
            await self._put(container, path, {}, {**written, "x-ms-blob-type": "BlockBlob"}, content)
            return
        ids: list[str] = []
        with file.open("rb") as stream:
            while block := await asyncio.to_thread(stream.read, BLOCK):
                ids.append(base64.b64encode(f"{len(ids):08}".encode()).decode())
                await self._put(container, path, {"comp": "block", "blockid": ids[-1]}, {}, block)
        listed = "".join(f"<Latest>{id}</Latest>" for id in ids)
        document = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'.encode()
        blob_type = {"x-ms-blob-content-type": "application/octet-stream", **(headers or {})}
        await self._put(container, path, {"comp": "blocklist"}, blob_type, document)

    async def _put(
        self, container: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], content: bytes
    ) -> None:
        if not self._found(await self._send("PUT", container, path, query, headers, content), container, path):
            raise self.missing(container, path)

    async def delete(self, container: str, path: str) -> None:
        """Delete a blob; nothing happens where it does not exist."""
        self._found(await self._send("DELETE", container, path), container, path)

    async def list(
        self, container: str, prefix: str, *, recursive: bool, limit: int | None = None
    ) -> tuple[list[Blob], list[str]]:
        """Blobs whose names begin with a prefix and, unless recursive, the folders right below it (slash at the end).

        Raises:
            ActivityFailure: the container does not exist, or must not be listed.
        """
        blobs: list[Blob] = []
        folders: list[str] = []
        query = {"restype": "container", "comp": "list", "prefix": prefix}
        if not recursive:
            query["delimiter"] = "/"
        if limit is not None:
            query["maxresults"] = str(limit)
        while True:
            response = await self._send("GET", container, "", query)
            if not self._found(response, container, prefix):
                raise self.missing(container, prefix)
            page = ElementTree.fromstring(response.content)  # noqa: S314 - from the cloud's own storage
            blobs.extend(_blob(node) for node in page.iterfind("./Blobs/Blob"))
            folders.extend(node.findtext("Name", "") for node in page.iterfind("./Blobs/BlobPrefix"))
            marker = page.findtext("NextMarker")
            if not marker or (limit is not None and len(blobs) + len(folders) >= limit):
                return blobs, folders
            query["marker"] = marker

    def missing(self, container: str, path: str) -> errors.ActivityFailure:
        """The failure for a blob that is not there."""
        return errors.ActivityFailure(
            self._code, f"The required Blob is missing. ContainerName: {container}, path: {container}/{path}."
        )

    async def _send(
        self,
        method: str,
        container: str,
        path: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> HttpResponse:
        url = self.url(container, path)
        if query:
            url += f"?{urlencode(query)}"
        sent = {"Authorization": f"Bearer {self._token()}", "x-ms-version": VERSION, **(headers or {})}
        timeout = TRANSFER_TIMEOUT if content else 60.0
        return await self._cloud.send(
            HttpRequest(method=method, url=url, headers=sent, content=content, timeout=timeout)
        )

    def _token(self) -> str:
        return self._cloud.token(AUDIENCE, self._credential)

    def _found(self, response: HttpResponse, container: str, path: str) -> bool:
        """Whether the thing exists; any other refusal is a failure that says whose and why."""
        if 200 <= response.status < 300:
            return True
        code = _error_code(response)
        if response.status == 404:
            return False
        note = ""
        if response.status in (401, 403):
            note = f" The call was made as {self._cloud.identity(self._credential)} on '{self._endpoint}/{container}'."
        raise errors.ActivityFailure(
            self._code,
            f"ErrorCode=AzureBlobOperationFailed, Message=Blob operation Failed. ContainerName: {container}, "
            f"path: {container}/{path}. The remote server returned an error: ({response.status}) {response.reason}. "
            f"ErrorCode: {code}.{note}",
            details=[{"code": code, "message": _error_message(response)}],
        )


def _endpoint(linked_service: LinkedService) -> str:
    if linked_service.type not in LINKED_SERVICES:
        raise errors.unsupported(f"linked service '{linked_service.name}' of type '{linked_service.type}'")
    properties = linked_service.properties
    endpoint = properties.get("serviceEndpoint") or properties.get("url")
    if not endpoint:
        raise errors.unsupported(
            f"linked service '{linked_service.name}' with a key or a signature; "
            "set its 'serviceEndpoint' (or 'url') so that it uses the factory's managed identity"
        )
    # a lake's files are blobs too, reached at the same account's blob endpoint
    return str(endpoint).rstrip("/").replace(".dfs.", ".blob.", 1)


def _blob(node: ElementTree.Element) -> Blob:
    return Blob(
        node.findtext("Name", ""),
        int(node.findtext("./Properties/Content-Length", "0")),
        parsedate_to_datetime(node.findtext("./Properties/Last-Modified", "")),
        node.findtext("./Properties/Content-MD5"),
    )


def _error_code(response: HttpResponse) -> str:
    found = next((value for name, value in response.headers.items() if name.lower() == "x-ms-error-code"), None)
    return found or response.reason


def _error_message(response: HttpResponse) -> Any:
    try:
        return ElementTree.fromstring(response.text).findtext("Message")  # noqa: S314 - from the cloud's own storage
    except ElementTree.ParseError:  # an answer to HEAD has no body, and a proxy's is no XML
        return response.text
