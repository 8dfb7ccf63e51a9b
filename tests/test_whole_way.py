"""From an empty local Azure to a dataset version of every ingestion; what came of it, by official clients."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import polars
import pytest
import yaml
from polars.testing import assert_frame_equal

from tests.whole_way import ROOT, Way

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(900)]
FLIGHTS = 336_776
STACK = yaml.safe_load((ROOT / "stacks/Pulumi.local.yaml").read_text("utf-8"))["config"]
TECHNIQUES: dict[str, str] = {name: one["technique"] for name, one in STACK["adfkit:ingestions"].items()}
"""The ingestions of the stack `local`, each with its technique."""

ACTIVITIES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "azure_function": ("AzureFunctionActivity", lambda output: output["rows"]),
    "durable_function": ("WebActivity", lambda output: output["output"]["rows"]),
    "batch": ("Custom", lambda output: output["customOutput"]["rows"]),
    "data_flow": ("ExecuteDataFlow", lambda output: output["runStatus"]["metrics"]["dataset"]["rowsWritten"]),
    "databricks": ("DatabricksNotebook", lambda output: output["runOutput"]["rows"]),
}
"""For each technique the type of the activity `Transform`, and where its output has the number of rows."""

LOGGED: dict[str, tuple[str, str]] = {
    "azure_function": ("function", f"{FLIGHTS} rows written to https://"),
    "durable_function": ("function", "part 11 of ingestion flights_durable, run "),
    "batch": ("batch", f"{FLIGHTS} rows written to https://"),
    "databricks": ("databricks", "exit value: "),
    "data_flow": ("data_factory", f"{FLIGHTS} rows written to the sink 'dataset'"),
}
"""For each technique the service that runs the transform, and what a line of its log begins with."""


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


def by_ingestion(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a quickstart printed of each ingestion, by its name."""
    return {one["run"]["ingestion"]: one for one in result["ingestions"]}


def test_the_first_run_creates_the_platform_and_runs_every_ingestion(first: dict[str, Any]) -> None:
    assert set(first["deployment"]["counts"]) == {"create"}
    assert {name: one["run"]["technique"] for name, one in by_ingestion(first).items()} == TECHNIQUES


@pytest.mark.parametrize("ingestion", TECHNIQUES)
def test_the_first_run_registers_version_1_and_a_model(ingestion: str, first: dict[str, Any]) -> None:
    result = by_ingestion(first)[ingestion]
    assert result["run"]["status"] == "Succeeded"
    dataset, model = result["dataset"], result["model"]["tags"]
    assert (dataset["name"], dataset["version"], int(dataset["tags"]["rows"])) == (ingestion, "1", FLIGHTS)
    assert 0.6 < float(model[model["metric"]]) < 0.8
    assert 0.2 < float(model["base_rate"]) < 0.3


@pytest.mark.parametrize("ingestion", TECHNIQUES)
def test_the_second_run_changes_nothing_and_registers_version_2(
    ingestion: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    assert second["deployment"]["summary"].startswith("no changes")
    before, after = by_ingestion(first)[ingestion], by_ingestion(second)[ingestion]
    assert after["dataset"]["version"] == "2"
    assert after["run"]["location"] != before["run"]["location"]
    assert after["dataset"]["tags"]["content_sha256"] == before["dataset"]["tags"]["content_sha256"]


def test_every_technique_gives_the_same_dataset(second: dict[str, Any]) -> None:
    hashes = {name: one["dataset"]["tags"]["content_sha256"] for name, one in by_ingestion(second).items()}
    assert len(set(hashes.values())) == 1, hashes


def test_runs_lists_all_runs_with_their_dataset_versions(way: Way, second: dict[str, Any]) -> None:
    listed = way.json("runs")
    assert sorted((run["ingestion"], run["status"], run["dataset_version"], run["technique"]) for run in listed) == [
        (name, "Succeeded", version, TECHNIQUES[name]) for name in sorted(TECHNIQUES) for version in ("1", "2")
    ]
    assert all(run["start"] < run["end"] and run["run_id"] in run["location"] for run in listed)


@pytest.mark.parametrize("ingestion", TECHNIQUES)
def test_logs_joins_what_every_service_logged_of_a_run(ingestion: str, way: Way, second: dict[str, Any]) -> None:
    run_id = by_ingestion(second)[ingestion]["run"]["run_id"]
    logged = way.json("logs", run_id)
    times = [datetime.fromisoformat(line["time"]) for line in logged]
    assert times == sorted(times)
    assert (logged[0]["source"], logged[0]["message"]) == ("data_factory", f"run {run_id} started")
    assert (logged[-1]["source"], logged[-1]["message"]) == ("data_factory", "run Succeeded")
    said = [(line["source"], line["message"]) for line in logged]
    service, beginning = LOGGED[TECHNIQUES[ingestion]]
    assert any(source == service and message.startswith(beginning) for source, message in said), said
    learned = f"dataset {ingestion} version 2: {FLIGHTS} rows at "
    assert any(source == "machine_learning" and message.startswith(learned) for source, message in said), said


def test_logs_of_an_unknown_run_are_refused(way: Way, second: dict[str, Any]) -> None:
    assert "there is no pipeline run 'unknown'" in way.refused("logs", "unknown")


@pytest.mark.parametrize("ingestion", TECHNIQUES)
def test_the_data_factory_client_lists_the_run_and_its_activity_runs(ingestion: str, outputs: dict[str, Any]) -> None:
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
    [run, _] = [run for run in runs if run.pipeline_name == ingestion]
    activities = client.activity_runs.query_by_pipeline_run(*factory, run.run_id, window).value
    transform = next(activity for activity in activities if activity.activity_name == "Transform")
    type, rows = ACTIVITIES[TECHNIQUES[ingestion]]
    assert (transform.activity_type, transform.status) == (type, "Succeeded")
    assert rows(transform.output) == FLIGHTS


@pytest.mark.parametrize("ingestion", TECHNIQUES)
def test_the_machine_learning_client_lists_both_versions_and_the_models(
    ingestion: str, outputs: dict[str, Any]
) -> None:
    from azure.ai.ml import MLClient
    from azure.identity import DefaultAzureCredential

    client = MLClient(
        DefaultAzureCredential(),
        outputs["subscription_id"],
        outputs["resource_group"],
        outputs["machine_learning_workspace"],
    )
    assert sorted(version.version for version in client.data.list(ingestion)) == ["1", "2"]
    model = outputs["ingestions"][ingestion]["model"]
    assert {version.tags["dataset_version"] for version in client.models.list(model)} == {"1", "2"}


def rows_of(ingestion: str, outputs: dict[str, Any], result: dict[str, Any]) -> polars.DataFrame:
    """The dataset that a quickstart's run of an ingestion made, by the blob client, in an order of its own."""
    from azure.identity import DefaultAzureCredential
    from azure.storage.blob import ContainerClient

    prefix = f"{ingestion}/run={by_ingestion(result)[ingestion]['run']['run_id']}/"
    curated = ContainerClient(outputs["lake_blob_endpoint"], "curated", credential=DefaultAzureCredential())
    names = [blob.name for blob in curated.list_blobs(name_starts_with=prefix) if blob.name.endswith(".parquet")]
    parts = [polars.read_parquet(io.BytesIO(curated.download_blob(name).readall())) for name in names]
    whole = polars.concat(part for part in parts if part.height)
    return whole.sort(whole.columns, nulls_last=True)


@pytest.mark.parametrize("ingestion", TECHNIQUES)
def test_every_technique_makes_the_same_rows(ingestion: str, outputs: dict[str, Any], second: dict[str, Any]) -> None:
    rows = rows_of(ingestion, outputs, second)
    assert rows.height == FLIGHTS
    assert_frame_equal(rows, rows_of("flights", outputs, second), rel_tol=0, abs_tol=1e-9)


def test_the_batch_client_lists_the_tasks_of_every_run(outputs: dict[str, Any]) -> None:
    from azure.batch import BatchClient
    from azure.identity import DefaultAzureCredential

    with BatchClient(outputs["batch_url"], DefaultAzureCredential()) as client:
        tasks = [task for job in client.list_jobs() for task in client.list_tasks(str(job.id))]
    completing = 1
    wanted = sum(one["tasks"] + completing for one in STACK["adfkit:ingestions"].values() if "tasks" in one)
    assert [task.execution_info.result for task in tasks if task.execution_info] == ["success"] * 2 * wanted


def test_advice_measures_the_input_that_landed(way: Way, second: dict[str, Any]) -> None:
    advice = way.json("advise", "flights", "--latency", "60")
    assert (advice["input"]["rows"], advice["input"]["partitions"]) == (FLIGHTS, 12)
    assert advice["prices"] is None
    assert [each["rank"] for each in advice["techniques"]] == [1, 2, 3, 4, 5]
    assert advice["techniques"][0]["technique"] == "azure_function"
    told = way.adfkit("advise", "flights", "--size", "100")
    assert "Cost: no price sheet: run scripts/refresh_prices.py" in told.stdout
    assert "the largest instance has 4 GiB" in told.stdout
    assert "no ingestion 'none'" in way.refused("advise", "none")


def test_the_databricks_client_lists_the_runs_of_the_notebook(outputs: dict[str, Any]) -> None:
    from azure.identity import DefaultAzureCredential
    from databricks.sdk import WorkspaceClient

    token = DefaultAzureCredential().get_token("2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default").token
    client = WorkspaceClient(host=outputs["databricks_url"], token=token)
    runs = [client.jobs.get_run(int(run.run_id or 0)) for run in client.jobs.list_runs()]
    results = [run.state.result_state.value for run in runs if run.state and run.state.result_state]
    assert results == ["SUCCESS"] * 2 * list(TECHNIQUES.values()).count("databricks")
    notebooks = {task.notebook_task.notebook_path for run in runs for task in run.tasks or [] if task.notebook_task}
    assert [path.rpartition("/")[2] for path in notebooks] == ["ingestion"]


def test_a_preview_after_it_all_shows_no_changes(way: Way, second: dict[str, Any]) -> None:
    assert way.json("preview")["summary"].startswith("no changes")
