"""Register the output of a run as the next version of its data asset."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from azure.ai.ml import MLClient
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import Data
from azure.core.credentials import TokenCredential
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobClient
from completion import complete, is_complete
from versions import identical, version_of_run
from workspace import connect


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
    if not is_complete(manifest):
        manifest = complete(manifest, location, credential)
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
    """The tags of a data asset version: which run of which pipeline, how much, where, and hashes to recognise it by.

    A pipeline bears the name of its ingestion.
    """
    kept = ("run_id", "rows", "files_sha256", "content_sha256", "technique", "code_version", "source")
    tags = {"location": location} | {key: str(manifest[key]) for key in kept if manifest.get(key) is not None}
    tags |= {"pipeline": manifest["ingestion"]}
    if "schema" in manifest:
        tags["schema_sha256"] = schema_sha256(manifest["schema"])
    return tags | {f"window_{end}": str(time) for end, time in manifest.get("window", {}).items()}


def schema_sha256(schema: Sequence[Mapping[str, str]]) -> str:
    """The SHA-256 of `name:type` of each column in order, a line each: equal schemas have equal hashes."""
    return hashlib.sha256("".join(f"{each['name']}:{each['type']}\n" for each in schema).encode()).hexdigest()


def register(client: MLClient, name: str, location: str, tags: Mapping[str, str]) -> str:
    """The version of the asset that holds this run's output: found by its run id, else created.

    A version with the content of an earlier one is tagged `identical_to` with the first such version.
    """

    def asset(version: str) -> Data:
        same = identical(client.data, name, int(version), tags.get("content_sha256"))
        marked = {**tags, **({"identical_to": same} if same else {})}
        return Data(name=name, version=version, type=AssetTypes.URI_FOLDER, path=location, tags=marked)

    return version_of_run(client.data, name, tags["run_id"], asset)


if __name__ == "__main__":
    main()
