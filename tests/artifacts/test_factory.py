"""Artifacts put, read and deleted in a real factory of local Azure, and the plan that says what that changes."""

from __future__ import annotations

import pytest

from adfkit.artifacts.errors import ArtifactError
from adfkit.artifacts.factory import Factory
from adfkit.artifacts.model import Artifact, Kind
from adfkit.artifacts.plan import Action, apply, plan

LAKE = Artifact(
    Kind.LINKED_SERVICE,
    "lake",
    {"type": "AzureBlobStorage", "typeProperties": {"serviceEndpoint": "https://lake.blob.azure.localhost"}},
    "linked_services/lake.json.j2",
)
LANDING = Artifact(
    Kind.DATASET,
    "landing",
    {
        "type": "Binary",
        "linkedServiceName": {"referenceName": "lake", "type": "LinkedServiceReference"},
        "typeProperties": {"location": {"type": "AzureBlobStorageLocation", "container": "landing"}},
    },
    "datasets/landing.json.j2",
)


def _pipeline(seconds: int) -> Artifact:
    activities = [
        {"name": "wait", "type": "Wait", "typeProperties": {"waitTimeInSeconds": seconds}},
        {
            "name": "look",
            "type": "GetMetadata",
            "dependsOn": [{"activity": "wait", "dependencyConditions": ["Succeeded"]}],
            "typeProperties": {
                "dataset": {"referenceName": "landing", "type": "DatasetReference"},
                "fieldList": ["exists"],
            },
        },
    ]
    return Artifact(Kind.PIPELINE, "flights", {"activities": activities}, "pipelines/flights.json.j2")


def test_what_is_applied_is_planned_and_a_plan_after_it_is_empty(factory: Factory) -> None:
    desired = [_pipeline(1), LANDING, LAKE]
    changes = plan(desired, factory.list())
    assert [(change.action, str(change.artifact)) for change in changes] == [
        (Action.CREATE, "linked service lake"),
        (Action.CREATE, "dataset landing"),
        (Action.CREATE, "pipeline flights"),
    ]
    assert list(apply(changes, factory)) == changes
    assert plan(desired, factory.list()) == []


def test_a_change_is_told_by_its_path_and_what_is_no_longer_declared_goes(factory: Factory) -> None:
    for artifact in (LAKE, LANDING, _pipeline(1)):
        factory.put(artifact)
    (update,) = plan([LAKE, LANDING, _pipeline(2)], factory.list())
    assert update.action is Action.UPDATE
    (difference,) = update.differences
    assert difference.path == "$.activities[0].typeProperties.waitTimeInSeconds"
    assert (difference.old, difference.new) == (1, 2)
    assert update.reason == "$.activities[0].typeProperties.waitTimeInSeconds changed"
    deletions = plan([LAKE], factory.list())
    assert [(change.action, str(change.artifact)) for change in deletions] == [
        (Action.DELETE, "pipeline flights"),
        (Action.DELETE, "dataset landing"),
    ]
    assert len(list(apply(deletions, factory))) == 2
    assert [str(artifact) for artifact in factory.list()] == ["linked service lake"]


def test_an_artifact_is_read_as_it_was_put(factory: Factory) -> None:
    factory.put(LAKE)
    assert factory.get(Kind.LINKED_SERVICE, "lake") == LAKE.properties
    assert factory.get(Kind.DATASET, "lake") is None
    factory.delete(Kind.LINKED_SERVICE, "lake")
    factory.delete(Kind.LINKED_SERVICE, "lake")  # gone already
    assert factory.get(Kind.LINKED_SERVICE, "lake") is None


def test_a_refusal_names_file_artifact_and_code(factory: Factory) -> None:
    with pytest.raises(ArtifactError) as raised:
        factory.put(LANDING)
    text = str(raised.value)
    assert text.startswith("datasets/landing.json.j2: dataset landing: BadRequest: ")
    assert "lake" in text


def test_what_is_referenced_cannot_be_deleted(factory: Factory) -> None:
    factory.put(LAKE)
    factory.put(LANDING)
    with pytest.raises(ArtifactError, match=r"^linked service lake: \w+: "):
        factory.delete(Kind.LINKED_SERVICE, "lake")


def _trigger(state: str) -> Artifact:
    reference = {"pipelineReference": {"referenceName": "flights", "type": "PipelineReference"}}
    recurrence = {"frequency": "Day", "interval": 1, "startTime": "2026-01-01T00:00:00Z", "timeZone": "UTC"}
    properties = {
        "type": "ScheduleTrigger",
        "runtimeState": state,
        "pipelines": [reference],
        "typeProperties": {"recurrence": recurrence},
    }
    return Artifact(Kind.TRIGGER, "daily", properties, "triggers/daily.json.j2")


def test_a_stopped_trigger_is_put_and_left_stopped(factory: Factory) -> None:
    desired = [LAKE, LANDING, _pipeline(1), _trigger("Stopped")]
    assert len(list(apply(plan(desired, factory.list()), factory))) == 4
    deployed = factory.get(Kind.TRIGGER, "daily")
    assert deployed is not None
    assert deployed["runtimeState"] == "Stopped"
    assert plan(desired, factory.list()) == []
    factory.delete(Kind.TRIGGER, "daily")
    assert factory.get(Kind.TRIGGER, "daily") is None
