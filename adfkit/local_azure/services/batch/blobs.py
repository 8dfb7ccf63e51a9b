"""Blobs to and from a node: what a task's resource files name, and what its output files upload.

A file is reached by the signature in its address, or with a token of the identity that it refers to.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlencode, urlsplit
from xml.etree import ElementTree

import httpx

from adfkit.local_azure.cloud import AUDIENCE_STORAGE
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.platform import Platform

VERSION: Final = "2021-12-02"
CHUNK: Final = 1 << 20


class TransferError(Exception):
    """A blob that could not be read or written: `status` of the answer (0: none), the text says where and why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Address:
    """A blob or container: its address without a query, and the signature that opens it, if it has one."""

    url: str
    signature: str

    @staticmethod
    def parse(url: str) -> Address:
        parts = urlsplit(url)
        return Address(f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/"), parts.query)

    def below(self, path: str) -> Address:
        """What lies in a container under a path."""
        return Address(f"{self.url}/{quote(path)}", self.signature)

    def full(self, **query: str) -> str:
        """The address to call."""
        parts = [part for part in (urlencode(query), self.signature) if part]
        return f"{self.url}?{'&'.join(parts)}" if parts else self.url


class Blobs:
    """Calls of one identity; None where addresses bring their own signature."""

    def __init__(self, platform: Platform, principal: Principal | None) -> None:
        self._platform = platform
        self._principal = principal

    async def download(self, source: Address, target: Path) -> None:
        """Copy a blob to a file.

        Raises:
            TransferError: it could not be read.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            async with self._platform.http.stream("GET", source.full(), headers=self._headers(source)) as response:
                await self._require(response, source, "read")
                with target.open("wb") as file:
                    async for chunk in response.aiter_bytes(CHUNK):
                        file.write(chunk)
        except httpx.HTTPError as error:
            raise TransferError(0, f"{source.url} could not be reached: {error}") from error

    async def names(self, container: Address, prefix: str) -> list[str]:
        """The names of a container's blobs that begin with a prefix.

        Raises:
            TransferError: it could not be listed.
        """
        names: list[str] = []
        query = {"restype": "container", "comp": "list", "prefix": prefix}
        while True:
            try:
                response = await self._platform.http.get(container.full(**query), headers=self._headers(container))
            except httpx.HTTPError as error:
                raise TransferError(0, f"{container.url} could not be reached: {error}") from error
            await self._require(response, container, "listed")
            page = ElementTree.fromstring(response.content)  # noqa: S314 - from the cloud's own storage
            names.extend(node.findtext("Name", "") for node in page.iterfind("./Blobs/Blob"))
            marker = page.findtext("NextMarker")
            if not marker:
                return names
            query["marker"] = marker

    async def upload(self, source: Path, target: Address) -> None:
        """Copy a file to a blob.

        Raises:
            TransferError: it could not be written.
        """
        size = (await asyncio.to_thread(source.stat)).st_size
        headers = {"x-ms-blob-type": "BlockBlob", "Content-Length": str(size)}
        try:
            response = await self._platform.http.put(
                target.full(), headers=headers | self._headers(target), content=_chunks(source)
            )
        except httpx.HTTPError as error:
            raise TransferError(0, f"{target.url} could not be reached: {error}") from error
        await self._require(response, target, "written")

    def _headers(self, address: Address) -> dict[str, str]:
        headers = {"x-ms-version": VERSION}
        if self._principal is not None and not address.signature:
            token = self._platform.identity.issue(self._principal, min(AUDIENCE_STORAGE)).token
            headers["Authorization"] = f"Bearer {token}"
        return headers

    async def _require(self, response: httpx.Response, address: Address, done: str) -> None:
        if response.is_success:
            return
        await response.aread()
        code = response.headers.get("x-ms-error-code") or response.reason_phrase
        who = f" as {self._principal.display_name}" if self._principal else ""
        raise TransferError(response.status_code, f"{unquote(address.url)} could not be {done}{who}: {code}")


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
