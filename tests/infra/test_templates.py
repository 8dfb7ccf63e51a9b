"""The templates of the project: what they may use is what the README says, and what they yield is valid everywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from adfkit.artifacts.model import Artifact, Kind
from infra import cloud, ingestions, settings
from infra.names import Names
from tests.infra.conftest import stack_values


def _settings(stack: str, ingestions: Mapping[str, Mapping[str, Any]] | None = None) -> settings.StackSettings:
    values = stack_values(stack)
    for name, changes in (ingestions or {}).items():
        values["adfkit:ingestions"][name] |= changes
    location = values.pop(settings.LOCATION)
    named = {key.removeprefix(settings.NAMESPACE): value for key, value in values.items()}
    return settings.check({**named, "location": location}, f"stacks/Pulumi.{stack}.yaml")


def _artifacts(stack: str, changed: Mapping[str, Mapping[str, Any]] | None = None) -> dict[tuple[Kind, str], Artifact]:
    names = Names("adfkit", stack, "11111111-2222-4333-8444-555555555555")
    found = ingestions.artifacts(_settings(stack, changed), names, cloud.from_metadata(cloud.PUBLIC))
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


def test_no_artifact_holds_a_secret() -> None:
    for artifact in _artifacts("prod").values():
        text = json.dumps(artifact.properties)
        assert "connectionString" not in text
        assert "functionKey" not in text
        assert "SecureString" not in text
