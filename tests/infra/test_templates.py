"""The templates of the project: what they may use is what the README says, and what they yield is valid everywhere."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars
import pulumi
import pytest

from adfkit.artifacts.model import Artifact, Kind
from adfkit.data_flows import worker
from adfkit.data_flows.engine import check
from adfkit.data_flows.parser import parse
from infra import cloud, data_flows, ingestions, settings
from infra.names import Names
from tests.infra.conftest import SUBSCRIPTION, stack_values


def _settings(
    stack: str, ingestions: Mapping[str, Mapping[str, Any]] | None = None, values: dict[str, Any] | None = None
) -> settings.StackSettings:
    values = values or stack_values(stack)
    for name, changes in (ingestions or {}).items():
        values["adfkit:ingestions"][name] |= changes
    location = values.pop(settings.LOCATION)
    named = {key.removeprefix(settings.NAMESPACE): value for key, value in values.items()}
    return settings.check({**named, "location": location}, f"stacks/Pulumi.{stack}.yaml")


def _artifacts(
    stack: str,
    changed: Mapping[str, Mapping[str, Any]] | None = None,
    values: dict[str, Any] | None = None,
) -> dict[tuple[Kind, str], Artifact]:
    names = Names("adfkit", stack, SUBSCRIPTION)
    found = ingestions.artifacts(_settings(stack, changed, values), names, cloud.from_metadata(cloud.PUBLIC))
    return {(each.kind, each.name): each for each in found}


def _activities(value: Any) -> dict[str, dict[str, Any]]:
    """Every activity of a pipeline's JSON by its name, however deep."""
    found: dict[str, dict[str, Any]] = {}
    if isinstance(value, dict):
        if "typeProperties" in value and "name" in value:
            found[value["name"]] = value
        for item in value.values():
            found |= _activities(item)
    elif isinstance(value, list):
        for item in value:
            found |= _activities(item)
    return found


def test_the_readme_names_what_templates_can_use() -> None:
    readme = (ingestions.TEMPLATES / "README.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", readme, re.M))
    values = ingestions.template_values(
        _settings("local"), Names("adfkit", "local", "s"), cloud.from_metadata(cloud.PUBLIC)
    )
    assert set(rows) == {*values, "ingestion"}
    for name, value in values.items():
        if name == "data_flows":
            value = value["flights"]
        if isinstance(value, dict) and name != "data_factory":
            assert [key for key in value if f"`{key}`" not in rows[name]] == []


@pytest.mark.parametrize(("stack", "retries", "poll"), [("local", 0, 1), ("dev", 1, 30), ("prod", 2, 30)])
def test_the_pipeline_of_an_ingestion(stack: str, retries: int, poll: int) -> None:
    pipeline = _artifacts(stack)[Kind.PIPELINE, "flights"].properties
    activities = _activities(pipeline)
    transform = activities["Transform"]
    assert transform["type"] == "AzureFunctionActivity"
    assert transform["policy"]["retry"] == retries
    body = json.loads(transform["typeProperties"]["body"]["value"])
    assert body["data_location"] == "@{variables('data_location')}"
    assert body["run_id"] == "@{pipeline().RunId}"
    location = activities["DataLocation"]["typeProperties"]["value"]["value"]
    assert location.endswith("/curated/flights/run=@{pipeline().RunId}/")
    assert activities["PollInterval"]["typeProperties"]["waitTimeInSeconds"] == poll


@pytest.mark.parametrize(("tasks", "split"), [(None, False), (1, False), (4, True)])
def test_a_batch_task_does_a_part_or_one_does_all(tasks: int | None, split: bool) -> None:
    found = _artifacts("local", {"flights_batch": {"tasks": tasks}})[Kind.PIPELINE, "flights_batch"].properties
    activities = _activities(found)
    assert ("TransformPart" in activities) is split
    last = activities["Transform"]
    assert (last["type"], last["typeProperties"]["extendedProperties"]["tasks"]) == ("Custom", tasks or 1)
    assert "task" not in last["typeProperties"]["extendedProperties"]
    assert [each["activity"] for each in last["dependsOn"]] == (
        ["TransformParts"] if split else ["DataLocation", "SourceMissing"]
    )
    if split:
        loop = activities["TransformParts"]["typeProperties"]
        assert loop["items"]["value"] == f"@range(0, {tasks})"
        given = activities["TransformPart"]["typeProperties"]["extendedProperties"]
        assert given["task"] == {"value": "@item()", "type": "Expression"}


def test_a_data_flow_reads_what_was_unpacked_and_its_result_is_described() -> None:
    found = _artifacts("local")
    activities = _activities(found[Kind.PIPELINE, "flights_data_flow"].properties)
    transform = activities["Transform"]
    assert transform["type"] == "ExecuteDataFlow"
    given = transform["typeProperties"]["dataFlow"]["datasetParameters"]
    [unpacked] = activities["Unpack_flights"]["outputs"]
    assert unpacked["parameters"]["folder"] == given["flights"]["folder"]
    assert activities["Delete_flights"]["dependsOn"] == [
        {"activity": "Transform", "dependencyConditions": ["Completed"]}
    ]
    assert (given["weather"]["container"], given["weather"]["file"]) == ("landing", "weather.csv")
    assert given["dataset"]["folder"]["value"] == "flights_data_flow/run=@{pipeline().RunId}"
    assert [each["activity"] for each in activities["InvokeMachineLearning"]["dependsOn"]] == ["DescribeResult"]
    script = found[Kind.DATA_FLOW, "flights"].properties["typeProperties"]["scriptLines"]
    assert check(parse("\n".join(script))) == []


def test_the_readme_s_data_flow_gives_a_transform_s_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [snippet] = re.findall(
        r"^```jinja\n(.+?)^```$", (ingestions.TEMPLATES / "README.md").read_text("utf-8"), re.M | re.S
    )
    templates = shutil.copytree(ingestions.TEMPLATES, tmp_path / "adf_templates")
    (templates / "data_flows" / "departures.json.j2").write_text(snippet, "utf-8")
    monkeypatch.setattr(ingestions, "TEMPLATES", templates)
    monkeypatch.setattr(data_flows, "TEMPLATES", templates)
    found = _artifacts("local", {"flights_data_flow": {"transform": "departures"}})
    script = "\n".join(found[Kind.DATA_FLOW, "departures"].properties["typeProperties"]["scriptLines"])
    rows = tmp_path / "flights.csv"
    rows.write_text("month,origin,dep_time,dep_delay\n2,JFK,NA,NA\n2,JFK,900,1\n2,JFK,901,2\n1,LGA,5,-3\n", "utf-8")
    source = worker.Source("DelimitedText", {"firstRowAsHeader": True, "nullValue": "NA"}, [str(rows)], ["flights.csv"])
    sink = worker.Sink("Parquet", {}, [str(tmp_path / "part-0.parquet")])
    job = worker.Job(script, {}, "2026-01-01T00:00:00+00:00", {"flights": source}, {"dataset": sink})
    assert worker.run(job, tmp_path).error is None
    frame = polars.read_parquet(sink.paths[0])
    assert dict(frame.schema) == {
        "month": polars.Int64,
        "origin": polars.String,
        "departures": polars.Int64,
        "cancelled": polars.Int64,
        "mean_delay": polars.Float64,
    }
    assert frame.rows() == [(1, "LGA", 1, 0, -3.0), (2, "JFK", 3, 1, 1.5)]


def test_a_transform_without_a_data_flow_is_refused_with_the_file_that_is_missing() -> None:
    with pytest.raises(pulumi.RunError) as caught:
        _artifacts("local", {"flights_data_flow": {"transform": "departures"}})
    assert str(caught.value) == (
        "adf_templates/data_flows/departures.json.j2: there is no such file, so no data flow for the transform "
        "'departures'"
    )


def test_stacks_without_data_flows_have_no_artifact_of_theirs() -> None:
    kinds = {kind for kind, _ in _artifacts("prod")}
    assert Kind.DATA_FLOW not in kinds
    assert {name for kind, name in _artifacts("prod") if kind is Kind.DATASET} == {"landing", "curated"}


@pytest.mark.parametrize("pool", [None, "pool-1"])
def test_a_notebook_runs_on_a_cluster_of_its_own(pool: str | None) -> None:
    values = stack_values("local")
    values["adfkit:databricks"] |= {"instance_pool_id": pool} if pool else {}
    artifacts = _artifacts("local", values=values)
    linked = artifacts[Kind.LINKED_SERVICE, "databricks"].properties["typeProperties"]
    assert linked["workspaceResourceId"].endswith("/providers/Microsoft.Databricks/workspaces/dbw-adfkit-local")
    assert (linked.get("instancePoolId"), linked.get("newClusterNodeType")) == (
        (pool, None) if pool else (None, "Standard_D4ds_v5")
    )
    transform = _activities(artifacts[Kind.PIPELINE, "flights_databricks"].properties)["Transform"]
    assert transform["type"] == "DatabricksNotebook"
    given = transform["typeProperties"]
    assert re.fullmatch(r"/adfkit/[0-9a-f]{16}/ingestion", given["notebookPath"])
    assert given["baseParameters"]["run_id"] == {"value": "@pipeline().RunId", "type": "Expression"}
    assert [library["pypi"]["package"].partition("==")[0] for library in given["libraries"]] == ["narwhals"]


def test_the_machine_learning_call_asks_with_the_factory_s_identity() -> None:
    activities = _activities(_artifacts("dev")[Kind.PIPELINE, "flights"].properties)
    invoke = activities["InvokeMachineLearning"]["typeProperties"]
    poll = activities["MachineLearningJob"]["typeProperties"]
    assert invoke["authentication"] == poll["authentication"] == {"type": "MSI", "resource": "https://ml.azure.com"}
    assert invoke["url"].endswith(".westeurope.inference.ml.azure.com/jobs")
    assert poll["url"]["value"].startswith(invoke["url"] + "/@{")
    inputs = json.loads(invoke["body"]["value"])["properties"]["InputData"]
    assert inputs["data_location"]["JobInputType"] == "UriFolder"
    assert inputs["run_id"] == {"JobInputType": "Literal", "Value": "@{pipeline().RunId}"}


START = {"started": True, "start_time": "2013-01-01T00:00:00Z"}
TRIGGERS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {
            **{"type": "schedule", "started": False, "start_time": "2026-01-01T06:30:00", "frequency": "Week"},
            **{"time_zone": "W. Europe Standard Time", "week_days": ["Monday"], "hours": [6], "minutes": [30]},
        },
        {
            "runtimeState": "Stopped",
            "type": "ScheduleTrigger",
            "typeProperties": {
                "recurrence": {
                    "frequency": "Week",
                    "interval": 1,
                    "startTime": "2026-01-01T06:30:00",
                    "timeZone": "W. Europe Standard Time",
                    "schedule": {"weekDays": ["Monday"], "hours": [6], "minutes": [30]},
                }
            },
        },
    ),
    (
        {
            **START,
            **{"type": "tumbling_window", "frequency": "Hour", "interval": 24, "end_time": "2014-01-01T01:00:00+01:00"},
            **{"delay": "00:15:00", "retries": 2, "depends_on": [{"offset": "-1.00:00:00", "size": "1.00:00:00"}]},
        },
        {
            "runtimeState": "Started",
            "type": "TumblingWindowTrigger",
            "typeProperties": {
                "frequency": "Hour",
                "interval": 24,
                "startTime": "2013-01-01T00:00:00Z",
                "endTime": "2014-01-01T00:00:00Z",
                "delay": "00:15:00",
                "maxConcurrency": 1,
                "retryPolicy": {"count": 2, "intervalInSeconds": 30},
                "dependsOn": [
                    {
                        "type": "SelfDependencyTumblingWindowTriggerReference",
                        "offset": "-1.00:00:00",
                        "size": "1.00:00:00",
                    }
                ],
            },
        },
    ),
    (
        {"type": "blob_event", "started": True, "path_ends_with": ".zip"},
        {
            "runtimeState": "Started",
            "type": "BlobEventsTrigger",
            "typeProperties": {
                "scope": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-adfkit-dev"
                "/providers/Microsoft.Storage/storageAccounts/" + Names("adfkit", "dev", SUBSCRIPTION).lake,
                "blobPathBeginsWith": "/landing/blobs/flights/",
                "blobPathEndsWith": ".zip",
                "ignoreEmptyBlobs": True,
                "events": ["Microsoft.Storage.BlobCreated"],
            },
        },
    ),
]


@pytest.mark.parametrize(("given", "expected"), TRIGGERS, ids=[given["type"] for given, _ in TRIGGERS])
def test_the_trigger_of_an_ingestion(given: dict[str, Any], expected: dict[str, Any]) -> None:
    properties = _artifacts("dev", {"flights": {"trigger": given}})[Kind.TRIGGER, "flights"].properties
    assert {key: properties[key] for key in expected} == expected
    [target] = properties.get("pipelines") or [properties["pipeline"]]
    assert target["pipelineReference"]["referenceName"] == "flights"
    windows = ["window_end", "window_start"] if given["type"] == "tumbling_window" else []
    assert sorted(target["parameters"]) == windows


def test_a_window_reaches_the_transform() -> None:
    pipeline = _artifacts("dev")[Kind.PIPELINE, "flights"].properties
    assert pipeline["parameters"] == {
        "window_start": {"type": "String", "defaultValue": ""},
        "window_end": {"type": "String", "defaultValue": ""},
    }
    body = json.loads(_activities(pipeline)["Transform"]["typeProperties"]["body"]["value"])
    assert body["window_start"] == "@{pipeline().parameters.window_start}"
    assert body["window_end"] == "@{pipeline().parameters.window_end}"


@pytest.mark.parametrize("technique", sorted(settings.Technique))
def test_a_window_reaches_the_transform_by_every_technique(technique: settings.Technique) -> None:
    pipeline = _artifacts("dev", {"flights": {"technique": technique}})[Kind.PIPELINE, "flights"].properties
    for parameter in pipeline["parameters"]:
        assert f"pipeline().parameters.{parameter}" in json.dumps(pipeline["activities"])


def test_an_ingestion_without_a_trigger_has_none() -> None:
    assert not [name for kind, name in _artifacts("dev") if kind is Kind.TRIGGER]


def test_a_transform_without_window_by_cannot_run_by_windows() -> None:
    windows = {**START, "type": "tumbling_window", "frequency": "Hour", "interval": 1}
    with pytest.raises(pulumi.RunError) as raised:
        _artifacts("dev", {"flights": {"trigger": windows, "transform": "departures"}})
    assert str(raised.value) == (
        "stacks/Pulumi.dev.yaml: adfkit:ingestions.flights.trigger: transforms/departures/transform.toml has no "
        "'window_by', so that transform cannot run for windows"
    )


def test_no_artifact_holds_a_secret() -> None:
    for artifact in _artifacts("prod").values():
        text = json.dumps(artifact.properties)
        assert "connectionString" not in text
        assert "functionKey" not in text
        assert "SecureString" not in text


def test_a_transform_that_is_not_neutral_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ingestions.TRANSFORMS / "flights", tmp_path / "transforms" / "flights")
    transform = tmp_path / "transforms" / "flights" / "transform.py"
    lines = [*transform.read_text("utf-8").splitlines(), "MONDAY = nw.col('time_hour').dt.weekday()"]
    transform.write_text("\n".join(lines), "utf-8")
    monkeypatch.setattr(ingestions, "TRANSFORMS", tmp_path / "transforms")
    with pytest.raises(pulumi.RunError) as raised:
        _artifacts("dev")
    assert str(raised.value).startswith(
        f"transforms/flights/transform.py:{len(lines)}: 'dt.weekday' may differ between engines: "
    )
