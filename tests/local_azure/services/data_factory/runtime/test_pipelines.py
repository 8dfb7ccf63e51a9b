"""Whole pipelines on the runtime alone: cases are data, time is virtual."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from .harness import Harness, load


def graph_activity(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    activity: dict[str, Any] = {
        "name": name,
        "type": "Fail" if spec.get("fails") else "Wait",
        "typeProperties": {"message": f"{name} failed", "errorCode": "1"}
        if spec.get("fails")
        else {"waitTimeInSeconds": 1},
        "dependsOn": [
            {"activity": target, "dependencyConditions": conditions}
            for target, conditions in spec.get("after", {}).items()
        ],
    }
    return activity | {key: spec[key] for key in ("state", "onInactiveMarkAs") if key in spec}


@pytest.mark.parametrize("case", load("graphs.json"))
def test_dependencies_decide_what_runs_and_how_the_run_ends(case: dict[str, Any], tmp_path: Path) -> None:
    activities = [graph_activity(name, spec) for name, spec in case["activities"].items()]
    harness = Harness(tmp_path / "runs.db", {"pipelines": {"main": {"activities": activities}}})
    run = asyncio.run(harness.run("main"))
    assert {path: activity.status for path, activity in harness.activities(run).items()} == case["ran"]
    assert run.status == case["status"]
    assert run.message == case.get("message", "")


@pytest.mark.parametrize("case", load("pipelines.json"))
def test_pipeline(case: dict[str, Any], tmp_path: Path) -> None:
    main = {key: case[key] for key in ("activities", "parameters", "variables") if key in case}
    harness = Harness(tmp_path / "runs.db", {"pipelines": {"main": main, **case.get("pipelines", {})}})
    began = harness.clock.now()
    run = asyncio.run(harness.run("main", case.get("run_parameters")))
    seconds = (run.ended - began).total_seconds() if run.ended else None
    activities = harness.activities(run)
    statuses = {path: activity.status for path, activity in activities.items()}
    attempts: dict[str, list[str]] = defaultdict(list)
    for activity in harness.history.activities(run.run_id):
        attempts[activity.path].append(activity.status)
    expect = case["expect"]
    found: dict[str, Any] = {
        "status": run.status,
        "message": run.message,
        "seconds": seconds,
        "variables": run.variables,
        "return_value": run.return_value,
        "statuses": statuses,
        "statuses_include": {path: statuses.get(path) for path in expect.get("statuses_include", {})},
        "attempts": attempts,
        "outputs": {path: activities[path].output for path in expect.get("outputs", {})},
        "error_codes": {
            path: (activities[path].error or {}).get("errorCode") for path in expect.get("error_codes", {})
        },
        "errors": {
            path: [(activities[path].error or {}).get(key) for key in ("errorCode", "message")]
            for path in expect.get("errors", {})
        },
    }
    assert {key: found[key] for key in expect} == expect
