"""The program of Batch tasks as a resource: zipped, uploaded to a folder of its own for every version of it.

A pipeline names the folder of the version that it was deployed with; a run that has begun keeps its own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pulumi
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobClient
from pulumi import dynamic

from infra.components.storage import PACKAGES
from infra.function_package import TRANSFORMS, content_sha256, zipped

HOST = TRANSFORMS / "hosts" / "batch"
ARCHIVE = "transforms.zip"
REQUIREMENTS = "transforms/hosts/batch/requirements.txt"
CODE = (".py", ".R", ".toml")
RETRY_SECONDS = 15


class UploadError(Exception):
    """A package that could not be uploaded; the text says where, and what the storage said."""


class BatchPackageProvider(dynamic.ResourceProvider):
    """Uploads a package, and removes it once another one has taken its place."""

    serialize_as_secret_always = False

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Another version, or another place, is another package."""
        replaces = [key for key in ("container_url", "folder") if _olds.get(key) != _news.get(key)]
        return dynamic.DiffResult(changes=bool(replaces), replaces=replaces, delete_before_replace=False)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Upload."""
        files = package_files(props["transforms"])
        if folder(files) != props["folder"]:
            raise UploadError("The files of transforms/ have changed since the program read them; run it again.")
        _upload(props, zipped(files))
        return dynamic.CreateResult(_url(props), props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Remove the archive."""
        try:
            with _client(_props) as client:
                client.delete_blob()
        except ResourceNotFoundError:
            return


PROVIDER = BatchPackageProvider()


class BatchPackage(dynamic.Resource, module="adfkit", name="BatchPackage"):
    """The host of `transforms/hosts/batch` with the transforms that it carries, in the container of packages."""

    folder: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        blob_endpoint: str,
        transforms: Sequence[str],
        role_propagation_seconds: int = 300,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`opts.depends_on` must hold the container, and the role assignment by which the deployer writes to it.

        Args:
            blob_endpoint: of the account, without a trailing slash.
            transforms: names of the folders of `transforms/` that the package carries.
            role_propagation_seconds: how long to try again while the storage refuses the deployer.
        """
        super().__init__(
            PROVIDER,
            name,
            {
                "container_url": f"{blob_endpoint}/{PACKAGES}",
                "folder": folder(package_files(transforms)),
                "transforms": sorted(set(transforms)),
                "role_propagation_seconds": role_propagation_seconds,
            },
            opts,
        )


def package_files(transforms: Sequence[str]) -> dict[str, bytes]:
    """What the archive holds, by path: `transforms/hosts` with its host for Batch, and the transforms.

    Raises:
        pulumi.RunError: a transform has no folder.
    """
    paths = [TRANSFORMS / "__init__.py", *(TRANSFORMS / "hosts").glob("*.py")]
    paths += [path for path in HOST.iterdir() if path.suffix in (*CODE, ".txt")]
    for name in sorted(set(transforms)):
        found = TRANSFORMS / name
        if not (found / "transform.toml").is_file():
            raise pulumi.RunError(f"transforms/{name}: there is no such transform (no transform.toml in that folder)")
        paths += [path for path in found.rglob("*") if path.suffix in CODE]
    return {f"transforms/{path.relative_to(TRANSFORMS).as_posix()}": path.read_bytes() for path in sorted(paths)}


def needs_r(transforms: Sequence[str]) -> bool:
    """Whether one of the transforms is written in R."""
    return any((TRANSFORMS / name / "transform.R").is_file() for name in transforms)


def folder(files: dict[str, bytes]) -> str:
    """The folder of a version, below the container of packages."""
    return f"batch/{content_sha256(files)[:16]}"


def _upload(props: dict[str, Any], package: bytes) -> None:
    deadline = time.monotonic() + float(props["role_propagation_seconds"])
    while True:
        try:
            with _client(props) as client:
                client.upload_blob(package, overwrite=True)
        except HttpResponseError as error:
            if error.status_code != 403 or time.monotonic() >= deadline:
                raise UploadError(f"{_url(props)} could not be written: {error.reason}: {error.message}") from error
            time.sleep(RETRY_SECONDS)
        except AzureError as error:
            raise UploadError(f"{_url(props)} could not be written: {error}") from error
        else:
            return


def _client(props: dict[str, Any]) -> BlobClient:
    return BlobClient.from_blob_url(_url(props), credential=DefaultAzureCredential())


def _url(props: dict[str, Any]) -> str:
    return f"{props['container_url']}/{props['folder']}/{ARCHIVE}"
