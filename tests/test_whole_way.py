"""From an empty local Azure to a registered dataset version, by the command; what came of it, by official clients."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import polars
import pytest

from tests.whole_way import Way

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]
FLIGHTS = 336_776


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    way = Way(tmp_path_factory.mktemp("whole-way") / "local")
    try:
        yield way
    finally:
        way.stop()


@pytest.fixture(scope="module")
def first(way: Way) -> dict[str, Any]:
    result: dict[str, Any] = way.json("quickstart")
    return result


@pytest.fixture(scope="module")
def second(way: Way, first: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = way.json("quickstart")
    return result


@pytest.fixture
def outputs(way: Way, second: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The stack's outputs, with this process pointed at the local Azure that they are of."""
    with mock.patch.dict(os.environ, way.json("local", "env")):
        yield second["deployment"]["outputs"]


def test_the_first_run_creates_the_platform_and_registers_version_1(first: dict[str, Any]) -> None:
    assert set(first["deployment"]["counts"]) == {"create"}
    [flights] = first["ingestions"]
    assert flights["run"]["status"] == "Succeeded"
    assert flights["dataset"]["version"] == "1"
    assert int(flights["dataset"]["tags"]["rows"]) == FLIGHTS
    model = flights["model"]["tags"]
    assert 0.6 < float(model[model["metric"]]) < 0.8
    assert 0.2 < float(model["base_rate"]) < 0.3


def test_the_second_run_changes_nothing_and_registers_version_2(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert second["deployment"]["summary"].startswith("no changes")
    [before], [after] = first["ingestions"], second["ingestions"]
    assert after["dataset"]["version"] == "2"
    assert after["run"]["location"] != before["run"]["location"]
    assert after["dataset"]["tags"]["content_sha256"] == before["dataset"]["tags"]["content_sha256"]


def test_runs_lists_both_runs_with_their_dataset_versions(way: Way, second: dict[str, Any]) -> None:
    listed = way.json("runs")
    assert [(run["status"], run["dataset_version"], run["technique"]) for run in listed] == [
        ("Succeeded", "2", "azure_function"),
        ("Succeeded", "1", "azure_function"),
    ]
    assert all(run["start"] < run["end"] and run["run_id"] in run["location"] for run in listed)


def test_the_data_factory_client_lists_the_run_and_its_activity_runs(outputs: dict[str, Any]) -> None:
    from azure.identity import DefaultAzureCredential
    from azure.mgmt.datafactory import DataFactoryManagementClient
    from azure.mgmt.datafactory.models import RunFilterParameters

    client = DataFactoryManagementClient(
        DefaultAzureCredential(),
        outputs["subscription_id"],
        base_url=outputs["resource_manager"],
        credential_scopes=[outputs["resource_manager"].rstrip("/") + "/.default"],
    )
    factory = (outputs["resource_group"], outputs["factory"])
    now = datetime.now(UTC)
    window = RunFilterParameters(
        last_updated_after=now - timedelta(hours=1), last_updated_before=now + timedelta(hours=1)
    )
    runs = client.pipeline_runs.query_by_factory(*factory, window).value
    assert [run.pipeline_name for run in runs] == ["flights", "flights"]
    activities = client.activity_runs.query_by_pipeline_run(*factory, runs[0].run_id, window).value
    transform = next(activity for activity in activities if activity.activity_name == "Transform")
    assert (transform.activity_type, transform.status) == ("AzureFunctionActivity", "Succeeded")
    assert transform.output["rows"] == FLIGHTS


def test_the_machine_learning_client_lists_both_versions_and_the_models(outputs: dict[str, Any]) -> None:
    from azure.ai.ml import MLClient
    from azure.identity import DefaultAzureCredential

    client = MLClient(
        DefaultAzureCredential(),
        outputs["subscription_id"],
        outputs["resource_group"],
        outputs["machine_learning_workspace"],
    )
    assert sorted(version.version for version in client.data.list("flights")) == ["1", "2"]
    model = outputs["ingestions"]["flights"]["model"]
    assert {version.tags["dataset_version"] for version in client.models.list(model)} == {"1", "2"}


def test_the_blob_client_reads_the_parquet_of_the_version(outputs: dict[str, Any], second: dict[str, Any]) -> None:
    from azure.identity import DefaultAzureCredential
    from azure.storage.blob import ContainerClient

    [flights] = second["ingestions"]
    prefix = f"flights/run={flights['run']['run_id']}/"
    curated = ContainerClient(outputs["lake_blob_endpoint"], "curated", credential=DefaultAzureCredential())
    names = [blob.name for blob in curated.list_blobs(name_starts_with=prefix) if blob.name.endswith(".parquet")]
    rows = sum(polars.read_parquet(io.BytesIO(curated.download_blob(name).readall())).height for name in names)
    assert rows == FLIGHTS


def test_a_preview_after_it_all_shows_no_changes(way: Way, second: dict[str, Any]) -> None:
    assert way.json("preview")["summary"].startswith("no changes")
