"""A folder of blobs, given by its address, read and written with the identity of the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.blob import ContainerClient

from transforms.hosts.result import SourceFile

T = TypeVar("T")


class StorageError(Exception):
    """A blob that could not be read or written: `code` is the service's own, the text says where and why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BlobFolder:
    """The blobs below an address such as `https://<account>.blob.<suffix>/<container>/<folder>/`."""

    def __init__(self, address: str, credential: TokenCredential) -> None:
        """Raises ValueError where the address has no account, or no container."""
        parts = urlsplit(address)
        container, _, folder = parts.path.strip("/").partition("/")
        if parts.scheme != "https" or not parts.netloc or not container or parts.query:
            raise ValueError(
                f"'{address}' is not the address of a blob folder: https://<account>/<container>/<folder>/"
            )
        self.address = f"https://{parts.netloc}/{container}/{folder}".rstrip("/") + "/"
        self.files_read: list[SourceFile] = []
        """Every file that was read here, as it then was."""
        self._folder = folder
        self._container = ContainerClient(f"https://{parts.netloc}", container, credential=credential)

    def read(self, path: str) -> bytes:
        """The content of a blob.

        Raises:
            StorageError: it is not there, or this identity may not read it.
        """

        def download() -> tuple[bytes, str]:
            blob = self._container.download_blob(self._name(path), max_concurrency=4)
            return blob.readall(), blob.properties.etag

        content, etag = self._said_where("read", path, download)
        self.files_read.append({"path": path, "bytes": len(content), "etag": etag.strip('"')})
        return content

    def metadata(self, path: str) -> dict[str, str]:
        """What a blob was given beside its content.

        Raises:
            StorageError: as of `read`.
        """
        blob = self._container.get_blob_client(self._name(path))
        return self._said_where("read", path, lambda: blob.get_blob_properties().metadata)

    def write(self, path: str, content: bytes, metadata: dict[str, str] | None = None) -> None:
        """Create or replace a blob.

        Raises:
            StorageError: this identity may not write it, or the container is not there.
        """

        def upload() -> None:
            self._container.upload_blob(self._name(path), content, metadata=metadata, overwrite=True)

        self._said_where("written", path, upload)

    def _name(self, path: str) -> str:
        return f"{self._folder}/{path}".lstrip("/")

    def _said_where(self, done: str, path: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except HttpResponseError as error:
            code = str(getattr(error, "error_code", None) or error.reason or error.status_code)
            cause = (error.message or "").splitlines()[0] if error.message else str(error.status_code)
            raise StorageError(code, f"{self.address}{path} could not be {done}: {code}: {cause}") from error
        except AzureError as error:  # no answer at all: no token, no connection
            code = type(error).__name__
            raise StorageError(code, f"{self.address}{path} could not be {done}: {code}: {error}") from error
