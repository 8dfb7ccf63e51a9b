"""The pipeline of transforms/machine_learning: deployed as the program deploys it, then run on small data."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from azure.ai.ml import Input, MLClient
from azure.ai.ml.entities import BatchEndpoint
from azure.storage.blob import ContainerClient

from infra.ml_assets import MachineLearningAssetsError, MachineLearningAssetsProvider, content_sha256

pytestmark = pytest.mark.slow

BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"


@pytest.fixture
def lake(client: MLClient, workspace: Any) -> Iterator[ContainerClient]:
    """The container curated of a lake that the compute may read."""
    account = f"lake{uuid.uuid4().hex[:8]}"
    storage = f"{workspace.storage.rsplit('/', 1)[0]}/{account}"
    body = {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": {}}
    workspace.arm.put(storage, "2023-05-01", body)
    workspace.arm.put(f"{storage}/blobServices/default/containers/curated", "2023-05-01", {})
    workspace.grant(workspace.compute_identity["principalId"], BLOB_READER, storage)
    workspace.grant(workspace.deployer, BLOB_CONTRIBUTOR, storage)
    url = f"https://{account}.blob.azure.localhost"
    with ContainerClient(url, "curated", credential=client._credential) as container:
        yield container


def properties(workspace: Any, endpoint: str) -> dict[str, Any]:
    """What the program gives the resource."""
    return {
        "subscription_id": workspace.id.split("/")[2],
        "resource_group": workspace.group,
        "workspace": workspace.name,
        "endpoint": endpoint,
        "compute": "cluster",
        "content_sha256": content_sha256(),
    }


def write_run(lake: ContainerClient, run_id: str, folder: Path, *, training: bool = True) -> str:
    """What a transform leaves: Parquet and, last, the manifest; returns its address."""
    start = datetime(2013, 1, 1, tzinfo=UTC)
    frame = pl.DataFrame({"hour": range(4000)}).select(
        time_hour=pl.lit(start) + pl.col("hour") * timedelta(minutes=30),
        origin=pl.Series(["EWR", "JFK", None, "LGA"]).gather([n % 4 for n in range(4000)]),
        distance=pl.col("hour") % 17,
        late=pl.when(pl.col("hour") % 29 != 0).then(pl.col("hour") % 17 > 11),
    )
    frame.write_parquet(folder / "part-0.parquet")
    manifest: dict[str, Any] = {
        "ingestion": f"small-{lake.account_name}",
        "run_id": run_id,
        "rows": frame.height,
        "schema": [{"name": name, "type": "any"} for name in frame.columns],
        "files_sha256": "f" * 64,
        "content_sha256": "c" * 64,
        "technique": "azure_function",
        "code_version": "1",
    }
    if training:
        manifest["training"] = {"label": "late", "time": "time_hour", "features": ["origin", "distance", "time_hour"]}
    path = f"small/run={run_id}/"
    lake.upload_blob(f"{path}part-0.parquet", (folder / "part-0.parquet").read_bytes())
    lake.upload_blob(f"{path}manifest.json", json.dumps(manifest))
    return f"{lake.url}/{path}"


def invoke(client: MLClient, endpoint: str, location: str, run_id: str) -> str:
    """Start the pipeline as Data Factory would; returns the job's name."""
    inputs = {
        "data_location": Input(type="uri_folder", path=location),
        "run_id": Input(type="string", default=run_id),
    }
    return str(client.batch_endpoints.invoke(endpoint_name=endpoint, inputs=inputs).name)


def wait(client: MLClient, name: str) -> str:
    """The status with which the job ended; a failed one's error instead."""
    for _ in range(600):
        job = client.jobs.get(name)
        if job.status == "Failed":
            return str(client.jobs._runs_operations.get_run_details(name).error.error.message)
        if job.status in ("Completed", "Canceled"):
            return "Completed" if job.status == "Completed" else "Canceled"
        time.sleep(0.2)
    raise AssertionError(f"{name} is still {job.status}")


def test_runs_become_versions_and_models(
    client: MLClient, workspace: Any, lake: ContainerClient, tmp_path: Path
) -> None:
    endpoint = f"i{uuid.uuid4().hex[:8]}"
    name = f"small-{lake.account_name}"
    client.batch_endpoints.begin_create_or_update(BatchEndpoint(name=endpoint, location="westeurope")).result()
    provider = MachineLearningAssetsProvider()
    created = provider.create(properties(workspace, endpoint))
    assert created.id == f"{endpoint}/ingestion"
    assert created.outs is not None
    assert not provider.diff(created.id, created.outs, created.outs).changes
    assert client.batch_endpoints.get(endpoint).defaults.deployment_name == "ingestion"
    again = provider.update(created.id, created.outs, created.outs)
    assert again.outs == created.outs

    first = write_run(lake, "run-a", tmp_path)
    assert wait(client, invoke(client, endpoint, first, "run-a")) == "Completed"
    second = write_run(lake, "run-b", tmp_path)
    runs = ((first, "run-a"), (second, "run-b"), (second, "run-b"))
    at_once = [invoke(client, endpoint, *each) for each in runs]
    assert [wait(client, job) for job in at_once] == ["Completed"] * 3

    versions = {data.version: data for data in client.data.list(name=name)}
    assert {version: data.tags["run_id"] for version, data in versions.items()} == {"1": "run-a", "2": "run-b"}
    assert versions["1"].path == first
    assert versions["1"].tags["rows"] == "4000"
    models = {model.version: model for model in client.models.list(name=f"{name}-delay")}
    assert {version: model.tags["dataset_version"] for version, model in models.items()} == {"1": "1", "2": "2"}
    assert models["1"].tags["metric"] == "roc_auc"
    assert float(models["1"].tags["roc_auc"]) > 0.99  # the label follows from the distance
    assert 0.2 < float(models["1"].tags["base_rate"]) < 0.4
    with workspace.granted(workspace.deployer, BLOB_CONTRIBUTOR, workspace.storage):
        client.models.download(f"{name}-delay", "1", download_path=str(tmp_path))
    assert {path.name for path in tmp_path.rglob("model.*")} == {"model.joblib", "model.json"}

    missing = f"{lake.url}/small/run=none/"
    assert f"There is no manifest.json at {missing}" in wait(client, invoke(client, endpoint, missing, "none"))

    provider.delete(created.id, created.outs)
    assert client.batch_endpoints.get(endpoint).defaults.deployment_name is None
    assert list(client.batch_deployments.list(endpoint)) == []


def test_a_refused_deployment_names_its_file(client: MLClient, workspace: Any) -> None:
    refused = r"^transforms/machine_learning/endpoint/deployment.yml: .*nope"
    with pytest.raises(MachineLearningAssetsError, match=refused):
        MachineLearningAssetsProvider().create(properties(workspace, "nope"))
