"""Run folders in a lake beside a workspace with versions: which are removed, and that nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Data
from azure.storage.blob import BlobServiceClient, ContainerClient

from adfkit.cli.platform import Ingestion, Platform
from adfkit.cli.project import CliError
from adfkit.cli.prune import retention_days
from adfkit.cli.run_folders import RunFolder, find, remove
from tests.local_azure.services.machine_learning.conftest import (
    BLOB_CONTRIBUTOR,
    SUBSCRIPTION,
    MlWorkspace,
    client,
    ml_session,
    workspace,
)

__all__ = ["client", "ml_session", "workspace"]
INGESTION = Ingestion(name="pruned", pipeline="p", dataset="pruned", model="m", source="s", technique="batch")
RUNS = ("lost", "lost-2", "registered", "archived", "foreign", "running")


@pytest.fixture
def curated(workspace: MlWorkspace, local_azure: Any) -> Iterator[ContainerClient]:
    with (
        workspace.granted(workspace.deployer, BLOB_CONTRIBUTOR, workspace.storage),
        BlobServiceClient(f"https://{workspace.account}.blob.azure.localhost", local_azure.credential) as blobs,
    ):
        container = blobs.create_container("curated")
        for run in RUNS:
            for name in ("part-0.parquet", "manifest.json"):
                container.upload_blob(f"pruned/run={run}/{name}", b"12345")
        container.upload_blob("pruned-too/run=lost/manifest.json", b"1")
        yield container
        container.delete_container()


def test_only_old_folders_that_nothing_refers_to_are_removed(
    curated: ContainerClient, workspace: MlWorkspace, client: MLClient
) -> None:
    def register(name: str, version: str, run: str) -> None:
        path = f"{curated.url}/pruned/run={run}/"
        client.data.create_or_update(Data(name=name, version=version, type="uri_folder", path=path))

    register("pruned", "1", "registered")
    register("pruned", "2", "archived")
    client.data.archive("pruned", "2")
    register("own", "1", "foreign")
    outputs = {
        "subscription_id": SUBSCRIPTION,
        "resource_group": workspace.group,
        "resource_manager": "https://management.azure.localhost/",
        "machine_learning_workspace": workspace.name,
        "lake_blob_endpoint": f"https://{workspace.account}.blob.azure.localhost",
    }
    platform = Platform("local", outputs)

    def found(days: int) -> list[RunFolder]:
        now = datetime.now(UTC) + timedelta(days=days)
        return find(platform, [INGESTION], retention_days=30, running={"running"}, now=now)

    assert found(29) == []
    folders = found(31)
    assert [(each.run_id, each.blobs, each.bytes) for each in folders] == [("lost", 2, 10), ("lost-2", 2, 10)]
    assert folders[0].location == f"{curated.url}/pruned/run=lost/"
    remove(platform, folders[0])
    kept = {f"pruned/run={run}/{name}" for run in RUNS[1:] for name in ("part-0.parquet", "manifest.json")}
    assert set(curated.list_blob_names()) == kept | {"pruned-too/run=lost/manifest.json"}
    assert [each.run_id for each in found(31)] == ["lost-2"]
    whole = Data(name="whole", version="1", type="uri_folder", path=f"{curated.url}/pruned/")
    client.data.create_or_update(whole)
    assert found(31) == []


def test_a_stack_without_retention_prunes_nothing() -> None:
    with pytest.raises(CliError) as raised:
        retention_days(Platform("dev", {"retention_days": None}))
    assert str(raised.value) == (
        "stack 'dev' has no retention: set adfkit:retention_days in stacks/Pulumi.dev.yaml "
        "and run `adfkit up --stack dev`."
    )
    assert retention_days(Platform("dev", {"retention_days": 30.0})) == 30
