"""What a plan says: changes in their order, by their paths, and what happens along with them."""

from __future__ import annotations

from typing import Any

import pytest

from adfkit.artifacts.model import Artifact, Kind
from adfkit.artifacts.plan import Action, Difference, differences, plan

DIFFERENCES: list[tuple[Any, Any, list[Difference]]] = [
    ({"a": 1}, {"a": 1}, []),
    ({"a": 1}, {"a": 1.0}, []),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
    ({"a": 1}, {"a": 2}, [Difference("$.a", 1, 2)]),
    ({}, {"a": {"b": 1}}, [Difference("$.a", None, {"b": 1})]),
    ({"a": [1, 2]}, {"a": [1, 3, 4]}, [Difference("$.a[1]", 2, 3), Difference("$.a[2]", None, 4)]),
    ({"a": [1, 2]}, {"a": [1]}, [Difference("$.a[1]", 2, None)]),
    ({"a": {"b": 1}}, {"a": [1]}, [Difference("$.a", {"b": 1}, [1])]),
    ({"a": True}, {"a": 1}, [Difference("$.a", True, 1)]),
]


@pytest.mark.parametrize(("old", "new", "expected"), DIFFERENCES)
def test_differences_are_told_by_path(old: Any, new: Any, expected: list[Difference]) -> None:
    assert list(differences(old, new)) == expected


def _trigger(state: str, hours: int = 1) -> Artifact:
    properties = {"type": "ScheduleTrigger", "runtimeState": state, "typeProperties": {"interval": hours}}
    return Artifact(Kind.TRIGGER, "hourly", properties, "triggers/hourly.json.j2")


def test_a_running_trigger_is_stopped_for_its_update_and_its_deletion() -> None:
    (update,) = plan([_trigger("Started", 2)], [_trigger("Started", 1)])
    assert update.side_effects == ("the trigger hourly is stopped meanwhile",)
    (deletion,) = plan([], [_trigger("Started")])
    assert (deletion.action, deletion.side_effects) == (Action.DELETE, update.side_effects)
    assert deletion.reason == "it is no longer declared"
    (update,) = plan([_trigger("Stopped", 2)], [_trigger("Stopped", 1)])
    assert update.side_effects == ()


def test_whether_a_trigger_runs_is_no_difference() -> None:
    assert plan([_trigger("Started")], [_trigger("Stopped")]) == []
    assert plan([_trigger("Stopped")], [_trigger("Started")]) == []


def test_a_running_trigger_is_stopped_while_what_it_stands_on_changes() -> None:
    def pipeline(name: str, seconds: int, *inner: str) -> Artifact:
        calls = [{"type": "PipelineReference", "referenceName": each} for each in inner]
        return Artifact(Kind.PIPELINE, name, {"seconds": seconds, "calls": calls}, "p")

    trigger = _trigger("Started")
    trigger.properties["pipelines"] = [{"pipelineReference": {"type": "PipelineReference", "referenceName": "outer"}}]
    deployed = [trigger, pipeline("outer", 1, "inner"), pipeline("inner", 1), pipeline("other", 1)]
    desired = [trigger, pipeline("outer", 1, "inner"), pipeline("inner", 2), pipeline("other", 2)]
    changes = {change.artifact.name: change.stops for change in plan(desired, deployed)}
    assert changes == {"inner": ("hourly",), "other": ()}


def test_what_the_service_sets_is_no_difference() -> None:
    desired = Artifact(Kind.PIPELINE, "p", {"activities": []}, "p.json")
    deployed = Artifact(Kind.PIPELINE, "P", {"activities": [], "lastPublishTime": "2026-01-01T00:00:00Z"}, "id")
    assert plan([desired], [deployed]) == []
