"""Register the output of a run as the next version of its data asset."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from azure.ai.ml import MLClient
from azure.ai.ml.constants import AssetTypes, ListViewType
from azure.ai.ml.entities import Data
from azure.core.credentials import TokenCredential
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobClient
from workspace import connect

ATTEMPTS = 20  # each lost to another run that registered its own version in between


class RegistrationError(Exception):
    """The dataset version could not be registered; the text says why."""


def main() -> None:
    """Read the manifest, register, and leave name and version for the next step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data_location", required=True, help="address of the folder with manifest.json")
    parser.add_argument("--run_id", required=True)
    parser.add_argument("--dataset", type=Path, required=True, help="folder to write dataset.json to")
    arguments = parser.parse_args()

    credential = DefaultAzureCredential()
    location = arguments.data_location.rstrip("/") + "/"
    manifest = read_manifest(location, credential)
    if manifest["run_id"] != arguments.run_id:
        raise RegistrationError(f"{location}manifest.json is of run {manifest['run_id']}, not of {arguments.run_id}.")
    name = manifest["ingestion"]
    version = register(connect(credential), name, location, tags_of(manifest, location))
    arguments.dataset.mkdir(parents=True, exist_ok=True)
    (arguments.dataset / "dataset.json").write_text(json.dumps({"name": name, "version": version}))
    print(f"dataset {name} version {version}: {manifest['rows']} rows at {location}")


def read_manifest(location: str, credential: TokenCredential) -> dict[str, Any]:
    """The manifest that the transform wrote last, beside its files."""
    blob = BlobClient.from_blob_url(f"{location}manifest.json", credential=credential)
    try:
        manifest: dict[str, Any] = json.loads(blob.download_blob().readall())
    except ResourceNotFoundError as error:
        raise RegistrationError(f"There is no manifest.json at {location}: did the transform finish?") from error
    except HttpResponseError as error:
        why = error.message.partition("\nContent:")[0]
        raise RegistrationError(f"This step's identity can't read {location}manifest.json: {why}") from error
    return manifest


def tags_of(manifest: Mapping[str, Any], location: str) -> dict[str, str]:
    """The tags of a data asset version: which run, how much, where, and hashes to recognise it by."""
    kept = ("run_id", "rows", "files_sha256", "content_sha256", "technique", "code_version")
    return {"location": location} | {key: str(manifest[key]) for key in kept if manifest.get(key) is not None}


def register(client: MLClient, name: str, location: str, tags: Mapping[str, str]) -> str:
    """The version of the asset that holds this run's output: found by its run id, else created.

    Versions are counted up by hand, since two runs may ask for the next one at the same time: the service refuses to
    give a version another location, and the loser tries the version after it.
    """
    for _ in range(ATTEMPTS):
        versions = {int(data.version): data for data in _versions(client, name)}
        if found := _of_run(versions, tags["run_id"]):
            return str(found)
        version = max(versions, default=0) + 1
        asset = Data(name=name, version=str(version), type=AssetTypes.URI_FOLDER, path=location, tags=dict(tags))
        try:
            client.data.create_or_update(asset)
        except HttpResponseError:
            if not _taken(client, name, version, location):
                raise
            continue
        return _first_of_run(client, name, version, tags["run_id"])
    raise RegistrationError(f"{ATTEMPTS} times another run took the next version of {name}. Run this one again.")


def _versions(client: MLClient, name: str) -> list[Data]:
    try:
        listed = list(client.data.list(name=name, list_view_type=ListViewType.ALL))
    except ResourceNotFoundError:
        return []
    return [data for data in listed if str(data.version).isdecimal()]


def _of_run(versions: Mapping[int, Data], run_id: str) -> int | None:
    return min(
        (version for version, data in versions.items() if (data.tags or {}).get("run_id") == run_id), default=None
    )


def _taken(client: MLClient, name: str, version: int, location: str) -> bool:
    try:
        return bool(client.data.get(name, str(version)).path != location)
    except ResourceNotFoundError:
        return False


def _first_of_run(client: MLClient, name: str, created: int, run_id: str) -> str:
    """If the same run was registered twice at the same time, the lower version stays and ours is archived."""
    first = _of_run({int(data.version): data for data in _versions(client, name)}, run_id) or created
    if first != created:
        client.data.archive(name, str(created))
    return str(first)


if __name__ == "__main__":
    main()
