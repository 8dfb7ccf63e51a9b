"""Run folders that no dataset version refers to: found, and removed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from adfkit.cli.project import CliError

if TYPE_CHECKING:
    from azure.storage.blob import BlobProperties

    from adfkit.cli.platform import Ingestion, Platform

CONTAINER = "curated"
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """What one run left: its blobs' number, sizes in sum, and when the newest was written."""

    ingestion: str
    run_id: str
    location: str
    blobs: int
    bytes: int
    last_modified: datetime

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)

    @property
    def path(self) -> str:
        """The folder in its container."""
        return _path(self.ingestion, self.run_id)


def find(
    platform: Platform,
    ingestions: Sequence[Ingestion],
    *,
    retention_days: int,
    running: Collection[str],
    now: datetime,
) -> list[RunFolder]:
    """The folders that no version of any data asset refers to, archived ones included, written to no more for so long.

    Args:
        running: the ids of runs that have not ended.

    Raises:
        CliError: the lake refuses.
    """
    before = now - timedelta(days=retention_days)
    folders = [folder for each in ingestions for folder in _folders(platform, each)]
    # what refers is read after what is there: a run that registers in between is seen
    referred = list(_referred(platform)) if folders else []
    return [
        folder
        for folder in folders
        if folder.last_modified < before
        and folder.run_id not in running
        and not any(_refers(location, folder) for location in referred)
    ]


def remove(platform: Platform, folder: RunFolder) -> None:
    """Remove a folder; its manifest goes first, so that one that is left halfway does not pass for complete.

    Raises:
        CliError: the lake refuses.
    """
    from azure.core.exceptions import HttpResponseError

    container = platform.blobs.get_container_client(CONTAINER)
    manifest = f"{folder.path}/{MANIFEST}"
    try:
        names = [str(name) for name in container.list_blob_names(name_starts_with=folder.path)]
        mine = [name for name in names if name == folder.path or name.startswith(f"{folder.path}/")]
        # folders are blobs, too, where the account has a hierarchical namespace: what is in them goes before them
        for name in sorted(mine, key=lambda name: (name == manifest, name), reverse=True):
            container.delete_blob(name)
    except HttpResponseError as error:
        raise CliError(f"{folder.location} can't be removed: {_why(error)}") from error


def _folders(platform: Platform, ingestion: Ingestion) -> Iterator[RunFolder]:
    from azure.core.exceptions import HttpResponseError

    container = platform.blobs.get_container_client(CONTAINER)
    start = _path(ingestion.name, "")

    blobs: dict[str, list[BlobProperties]] = {}
    try:
        for blob in container.list_blobs(name_starts_with=start):
            blobs.setdefault(str(blob.name).removeprefix(start).partition("/")[0], []).append(blob)
    except HttpResponseError as error:
        raise CliError(f"{container.url}/{start}* can't be listed: {_why(error)}") from error
    for run_id, own in sorted(blobs.items()):
        yield RunFolder(
            ingestion=ingestion.name,
            run_id=run_id,
            location=f"{container.url}/{_path(ingestion.name, run_id)}/",
            blobs=len(own),
            bytes=sum(blob.size for blob in own),
            last_modified=max(blob.last_modified for blob in own),
        )


def _referred(platform: Platform) -> Iterator[str]:
    """Where versions of data assets point, whichever they are: a user's own may point at a run's folder."""
    for name in platform.asset_names("data"):
        for version in platform.asset_versions("data", name, archived=True):
            properties = version["properties"]
            yield str(properties.get("dataUri") or "")
            yield str((properties.get("tags") or {}).get("location") or "")


def _refers(location: str, folder: RunFolder) -> bool:
    """Whether a location is in the folder, or above it; by its URL or by the path in a datastore."""
    where = location.rstrip("/") + "/"
    return (
        f"/{folder.path}/" in where
        or folder.location.startswith(where)
        or where.endswith((f"/paths/{folder.ingestion}/", "/paths/"))
    )


def _path(ingestion: str, run_id: str) -> str:
    return f"{ingestion}/run={run_id}"


def _why(error: Any) -> str:
    code = getattr(error, "error_code", None) or error.reason or error.status_code
    return str(getattr(code, "value", code))
