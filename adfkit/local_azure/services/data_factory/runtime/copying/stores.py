"""Where a copy's files come from and go to: blobs with the factory's identity, and an HTTP server's answer."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urljoin, urlsplit

from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.blobs import Blob, BlobStore, Location, read_location
from adfkit.local_azure.services.data_factory.runtime.connections import Dataset, LinkedService
from adfkit.local_azure.services.data_factory.runtime.copying.failures import CODE, copy_failure
from adfkit.local_azure.services.data_factory.runtime.factory import Cloud, HttpRequest
from adfkit.local_azure.services.data_factory.runtime.files import find_files, root_folder
from adfkit.local_azure.services.data_factory.runtime.policy import read_timeout
from adfkit.local_azure.services.data_factory.runtime.secrets import secret_text

HTTP_TIMEOUT: Final = timedelta(seconds=100)
HTTP_METHODS: Final = frozenset({"GET", "POST"})
_HTTP_SETTINGS: Final = frozenset(
    {"type", "requestMethod", "requestBody", "additionalHeaders", "requestTimeout", "maxConcurrentConnections"}
)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to read: `path` in its store, `relative` to the folder that the source names."""

    path: str
    relative: str


class Source(Protocol):
    """A store that is read. `type` is what outputs call it."""

    type: str

    async def files(self) -> Sequence[SourceFile]:
        """What there is to read.

        Raises:
            ActivityFailure: nothing, or it must not be read.
        """
        ...

    async def fetch(self, file: SourceFile, to: Path) -> None:
        """Bring a file to this disk."""
        ...

    async def remove(self, file: SourceFile) -> None:
        """Delete a file that has been copied."""
        ...


class BlobSource:
    """Files of a storage account."""

    def __init__(self, cloud: Cloud, dataset: Dataset, settings: Mapping[str, Any], code: str = CODE) -> None:
        self.type = dataset.linked_service.type
        self._store = BlobStore(cloud, dataset.linked_service, code)
        self._location, self._settings, self._code = read_location(dataset), settings, code

    async def files(self) -> Sequence[SourceFile]:
        blobs: list[Blob] = await find_files(self._store, self._location, self._settings, recursive=True)
        if not blobs:
            where = self._settings.get("wildcardFileName") or self._settings.get("wildcardFolderPath")
            raise copy_failure(
                "UserErrorSourceBlobNotExist",
                f"The required Blob is missing. ContainerName: {self._store.url(self._location.container)}, "
                f"path: {self._location.path}{f', wildcardPath: {where}' if where else ''}.",
                self._code,
            )
        root = root_folder(self._location, self._settings)
        return [SourceFile(blob.name, blob.name.removeprefix(root)) for blob in blobs]

    async def fetch(self, file: SourceFile, to: Path) -> None:
        await self._store.download(self._location.container, file.path, to)

    async def remove(self, file: SourceFile) -> None:
        await self._store.delete(self._location.container, file.path)


class HttpSource:
    """The answer of an HTTP server, as one file."""

    def __init__(self, cloud: Cloud, dataset: Dataset, settings: Mapping[str, Any]) -> None:
        self.type = "HttpServer"
        self._cloud = cloud
        unknown = next((name for name, value in settings.items() if name not in _HTTP_SETTINGS and value), None)
        if unknown:
            raise errors.unsupported(f"the store setting '{unknown}' of an HTTP source")
        location = dataset.properties.get("location") or {}
        base = str(dataset.linked_service.properties.get("url") or "")
        if not base:
            raise errors.required_property("url")
        relative = str(location.get("relativeUrl") or "")
        self._url = urljoin(base if base.endswith("/") or not relative else f"{base}/", relative.lstrip("/"))
        self._settings = settings
        self._headers = {**_http_headers(dataset.linked_service), **_additional_headers(settings)}

    async def files(self) -> Sequence[SourceFile]:
        name = urlsplit(self._url).path.rstrip("/").rpartition("/")[2] or "data"
        return [SourceFile(self._url, name)]

    async def fetch(self, file: SourceFile, to: Path) -> None:
        method = str(self._settings.get("requestMethod") or "GET").upper()
        if method not in HTTP_METHODS:
            raise errors.unsupported(f"the request method '{method}' of an HTTP source")
        response = await self._cloud.download(
            HttpRequest(
                method=method,
                url=self._url,
                headers=self._headers,
                content=str(self._settings.get("requestBody") or "").encode(),
                timeout=read_timeout("requestTimeout", self._settings.get("requestTimeout"), HTTP_TIMEOUT),
            ),
            to,
        )
        if not 200 <= response.status < 300:
            raise copy_failure(
                "HttpFileFailedToRead",
                f"Failed to read data from http server. Check the error from http server: The remote server "
                f"'{self._url}' returned an error: ({response.status}) {response.reason}.",
            )

    async def remove(self, file: SourceFile) -> None:
        raise errors.unsupported("'deleteFilesAfterCompletion' of an HTTP source")


def _http_headers(linked_service: LinkedService) -> dict[str, str]:
    properties = linked_service.properties
    kind = str(properties.get("authenticationType") or "Anonymous")
    headers = {
        str(name): secret_text(value, f"authHeaders.{name}")
        for name, value in (properties.get("authHeaders") or {}).items()
    }
    if kind == "Basic":
        pair = f"{properties.get('userName', '')}:{secret_text(properties.get('password'), 'password')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    elif kind != "Anonymous":
        raise errors.unsupported(f"authentication of type '{kind}' in linked service '{linked_service.name}'")
    return headers


def _additional_headers(settings: Mapping[str, Any]) -> dict[str, str]:
    """Headers as the setting writes them: one a line, `name: value`."""
    lines = str(settings.get("additionalHeaders") or "").splitlines()
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines) if value}


def open_source(cloud: Cloud, dataset: Dataset, settings: Mapping[str, Any], code: str = CODE) -> Source:
    """The store of a source's dataset; `code` is the error code of the activity that asks.

    Raises:
        ActivityFailure: it is one that is not supported.
    """
    if dataset.linked_service.type == "HttpServer":
        return HttpSource(cloud, dataset, settings)
    return BlobSource(cloud, dataset, settings, code)


class BlobSink:
    """A folder of a storage account, or one file in it."""

    def __init__(self, cloud: Cloud, dataset: Dataset, settings: Mapping[str, Any]) -> None:
        known = ("type", "copyBehavior", "blockSizeInMB", "maxConcurrentConnections", "metadata")
        unknown = next((name for name, value in settings.items() if name not in known and value), None)
        if unknown:
            raise errors.unsupported(f"the store setting '{unknown}' of a sink")
        self.type = dataset.linked_service.type
        self._store = BlobStore(cloud, dataset.linked_service, CODE)
        self.location: Location = read_location(dataset)
        self._metadata = _metadata(settings.get("metadata"))

    async def write(self, name: str, file: Path) -> None:
        """Create or replace the file of that name in the folder."""
        await self._store.upload(self.location.container, f"{self.location.prefix}{name}", file, self._metadata)


def _metadata(value: Any) -> dict[str, str]:
    """`[{"name", "value"}]` as headers."""
    if value is None:
        return {}
    if not isinstance(value, list) or any(not isinstance(each, dict) or not each.get("name") for each in value):
        raise errors.wrong_type("metadata", "Array", value)
    special = next((each for each in value if str(each.get("value", "")).startswith("$$")), None)
    if special:
        raise errors.unsupported(f"the metadata value '{special['value']}'")
    return {f"x-ms-meta-{each['name']}": str(each.get("value") or "") for each in value}
