"""Files to and from blob storage, by the official client, through the gateway, with an identity's token."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError as ClientError
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobProperties, ContainerClient

from adfkit.local_azure.cloud import AUDIENCE_STORAGE, SUFFIX, host
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.platform import Platform

HDI_FOLDER: Final = "hdi_isfolder"


@dataclass(frozen=True, slots=True)
class BlobFolder:
    """A place in blob storage: what lies at `path` or below it."""

    account: str
    container: str
    path: str

    @property
    def url(self) -> str:
        """The address, as blob clients write it."""
        return f"https://{host(self.account, 'blob')}/{self.container}/{self.path}"


def parse_url(url: str) -> BlobFolder:
    """The place that an https address of this cloud's blob storage names.

    Raises:
        AzureError: 400 `InvalidUri`.
    """
    parts = urlsplit(url)
    account, _, rest = (parts.hostname or "").partition(".")
    container, _, path = parts.path.lstrip("/").partition("/")
    if parts.scheme != "https" or rest != f"blob.{SUFFIX}" or not container:
        raise AzureError(400, "InvalidUri", f"'{url}' is not an address of blob storage in this cloud.")
    return BlobFolder(account, container, path)


async def download(platform: Platform, principal: Principal, source: BlobFolder, target: Path) -> list[Path]:
    """Copy every blob at or below a place to a folder (one that is the place itself by its name); returns the files.

    Raises:
        AzureError: storage's status and code, with the identity named.
    """
    return await asyncio.to_thread(_download, platform, principal, source, target)


async def upload(platform: Platform, principal: Principal, source: Path, target: BlobFolder) -> None:
    """Copy a folder's files below a place.

    Raises:
        AzureError: storage's status and code, with the identity named.
    """
    await asyncio.to_thread(_upload, platform, principal, source, target)


def _download(platform: Platform, principal: Principal, source: BlobFolder, target: Path) -> list[Path]:
    prefix = source.path.rstrip("/")
    files = []
    with _client(platform, principal, source, "read") as client:
        for blob in client.list_blobs(name_starts_with=prefix or None, include=["metadata"]):
            below = blob.name[len(prefix) :]
            if (prefix and below and not below.startswith("/")) or _is_folder(blob):
                continue
            path = (target / (below.lstrip("/") or Path(blob.name).name)).resolve()
            if not path.is_relative_to(target.resolve()):
                raise AzureError(400, "InvalidUri", f"The blob '{blob.name}' would be written outside of its folder.")
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                client.download_blob(blob.name).readinto(file)
            files.append(path)
    return files


def _upload(platform: Platform, principal: Principal, source: Path, target: BlobFolder) -> None:
    with _client(platform, principal, target, "write") as client:
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            name = "/".join(filter(None, (target.path.rstrip("/"), path.relative_to(source).as_posix())))
            with path.open("rb") as file:
                client.upload_blob(name, file, overwrite=True)


@contextmanager
def _client(platform: Platform, principal: Principal, place: BlobFolder, verb: str) -> Iterator[ContainerClient]:
    environment = platform.client_environment
    client = ContainerClient(
        f"https://{host(place.account, 'blob')}",
        place.container,
        credential=_Credential(platform, principal),
        proxies={"https": environment["HTTPS_PROXY"]},
        connection_verify=environment["SSL_CERT_FILE"],
        retry_total=2,
    )
    with client:
        try:
            yield client
        except HttpResponseError as error:
            code = str(getattr(error, "error_code", None) or error.reason or "StorageError")
            detail = getattr(error, "additional_info", {}).get("authorizationerrordetail") or error.reason
            message = f"{principal.display_name} could not {verb} {place.url}: {code}: {detail}"
            raise AzureError(error.status_code or 500, code, message) from error
        except ClientError as error:
            raise AzureError(502, "StorageError", f"{place.url} could not be reached: {error}") from error


class _Credential:
    """Tokens of one principal, from this process's own identity service."""

    def __init__(self, platform: Platform, principal: Principal) -> None:
        self._platform = platform
        self._principal = principal

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        """A token for storage, whatever scope of it is asked for."""
        issued = self._platform.identity.issue(self._principal, min(AUDIENCE_STORAGE))
        return AccessToken(issued.token, issued.expires_on)


def _is_folder(blob: BlobProperties) -> bool:
    """Whether the blob only marks a folder of an account with hierarchical namespace."""
    return str((blob.metadata or {}).get(HDI_FOLDER, "")).lower() == "true"
