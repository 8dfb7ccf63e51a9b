"""What belongs to runs as such: concurrency, cancelling, secrets at rest, events, speed."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from adfkit.local_azure.services.data_factory import rendering
from adfkit.local_azure.services.data_factory.runtime import ACTIVITIES, RunError, Sealer
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.records import PipelineRun

from .harness import Harness, answer


def wait(name: str, seconds: int) -> dict[str, Any]:
    return {"name": name, "type": "Wait", "typeProperties": {"waitTimeInSeconds": seconds}}


def pipelines(**definitions: Any) -> dict[str, Any]:
    return {"pipelines": definitions}


def test_runs_beyond_the_concurrency_queue_in_order(tmp_path: Path) -> None:
    harness = Harness(tmp_path / "runs.db", pipelines(main={"concurrency": 2, "activities": [wait("W", 60)]}))

    async def main() -> list[PipelineRun | None]:
        ids = [harness.start("main") for _ in range(5)]
        assert [run.status for run in harness.history.unfinished()] == ["InProgress"] * 2 + ["Queued"] * 3
        await harness.runtime.cancel(ids[2], recursive=False)
        return [await harness.runtime.wait(id) for id in ids]

    runs = [run for run in asyncio.run(main()) if run]
    assert [run.status for run in runs] == ["Succeeded", "Succeeded", "Cancelled", "Succeeded", "Succeeded"]
    began = runs[0].created
    assert [(run.started - began).total_seconds() for run in runs if run.started] == [0, 0, 60, 60]


@pytest.mark.parametrize(("recursive", "child"), [(True, "Cancelled"), (False, "InProgress")])
def test_cancelling_ends_a_run_and_if_told_those_that_it_started(tmp_path: Path, recursive: bool, child: str) -> None:
    call = {
        "name": "Call",
        "type": "ExecutePipeline",
        "typeProperties": {
            "pipeline": {"referenceName": "child", "type": "PipelineReference"},
            "waitOnCompletion": True,
        },
    }
    harness = Harness(
        tmp_path / "runs.db", pipelines(main={"activities": [call]}, child={"activities": [wait("W", 10**6)]})
    )

    async def main() -> tuple[PipelineRun | None, PipelineRun]:
        run_id = harness.start("main")
        for _ in range(10):  # turns of the loop in which the child is started
            await asyncio.sleep(0)
        inner = next(run.run_id for run in harness.history.unfinished() if run.pipeline == "child")
        await harness.runtime.cancel(run_id, recursive=recursive)
        ended = harness.history.run(inner)
        assert ended
        await harness.runtime.stop()
        return harness.history.run(run_id), ended

    outer, inner = asyncio.run(main())
    assert outer
    assert outer.status == "Cancelled"
    assert harness.activities(outer)["Call"].status == "Cancelled"
    assert inner.status == child


def test_a_run_is_cancelled_before_it_does_anything(tmp_path: Path) -> None:
    harness = Harness(tmp_path / "runs.db", pipelines(main={"activities": [wait("W", 60)]}))

    async def main() -> PipelineRun | None:
        run_id = harness.start("main")
        async with asyncio.timeout(5):
            await harness.runtime.cancel(run_id, recursive=False)
        return harness.history.run(run_id)

    run = asyncio.run(main())
    assert run
    assert run.status == "Cancelled"
    assert harness.activities(run) == {}


def test_a_run_whose_process_ended_while_it_was_cancelled_is_cancelled(tmp_path: Path) -> None:
    artifacts, sealer = pipelines(main={"activities": [wait("W", 60)]}), Sealer.ephemeral()
    first = Harness(tmp_path / "runs.db", artifacts, sealer=sealer)

    async def cut_off() -> str:
        run_id = first.start("main")
        await asyncio.sleep(0)
        run = first.history.run(run_id)
        assert run
        run.status = "Canceling"
        first.history.save_run(run, "RunCanceling")
        return run_id

    async def go_on() -> PipelineRun | None:
        second.runtime.resume()
        return await second.runtime.wait(run_id)

    run_id = asyncio.run(cut_off())
    second = Harness(tmp_path / "runs.db", artifacts, sealer=sealer)
    run = asyncio.run(go_on())
    assert run
    assert run.status == "Cancelled"
    assert second.activities(run)["W"].status == "Cancelled"


def test_what_is_secure_is_neither_shown_nor_stored_in_plain_and_still_used(tmp_path: Path) -> None:
    secret, first = "s3cr3t-value", {"secureInput": True, "secureOutput": True}
    activities = [
        {
            "name": "A",
            "type": "Flaky",
            "policy": first,
            "typeProperties": {"output": {"v": "@pipeline().parameters.key"}},
        },
        {
            "name": "B",
            "type": "IfCondition",
            "dependsOn": [{"activity": "A", "dependencyConditions": ["Succeeded"]}],
            "typeProperties": {"expression": "@equals(activity('A').output.v, concat('s3cr3t', '-value'))"},
        },
    ]
    definition = {"parameters": {"key": {"type": "secureString"}}, "activities": activities}
    harness = Harness(tmp_path / "runs.db", pipelines(main=definition))
    run = asyncio.run(harness.run("main", {"key": secret}))
    assert run.status == "Succeeded"
    shown = rendering.activity_run(harness.activities(run)["A"], run)
    assert shown["output"] == "**********"
    assert rendering.pipeline_run(run)["parameters"] == {"key": "**********"}
    assert harness.history.run(run.run_id) == run
    harness.store.close()
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"IfCondition" in stored
    assert secret.encode() not in stored


def test_secrets_of_a_definition_and_of_a_childs_parameters_are_not_stored_in_plain(tmp_path: Path) -> None:
    secret = "s3cr3t-value"
    password = {"type": "SecureString", "value": secret}
    call = {
        "name": "Call",
        "type": "WebActivity",
        "typeProperties": {
            "url": "https://a.azure.localhost",
            "method": "GET",
            "authentication": {"type": "Basic", "username": "u", "password": password},
        },
    }
    key = {"type": "Expression", "value": "@string(pipeline().parameters.key)"}
    child = {
        "name": "Child",
        "type": "ExecutePipeline",
        "typeProperties": {
            "pipeline": {"referenceName": "child", "type": "PipelineReference"},
            "waitOnCompletion": True,
            "parameters": {"key": key},
        },
    }
    secure = {"key": {"type": "securestring"}}
    artifacts = pipelines(
        main={"parameters": secure, "activities": [call, child]}, child={"parameters": secure, "activities": []}
    )
    harness = Harness(tmp_path / "runs.db", artifacts, respond=lambda _: answer(200, b"{}"))
    run = asyncio.run(harness.run("main", {"key": secret}))
    assert run.status == "Succeeded"
    assert harness.cloud.requests[0].headers["Authorization"] == "Basic dTpzM2NyM3QtdmFsdWU="
    assert harness.activities(run)["Child"].input["parameters"] == {"key": "**********"}
    loaded = harness.history.run(run.run_id)
    assert loaded
    assert loaded.definition["activities"][0] == call
    harness.store.close()
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"ExecutePipeline" in stored
    assert secret.encode() not in stored


def test_events_tell_a_run_in_order(tmp_path: Path) -> None:
    skipped = wait("S", 1) | {"dependsOn": [{"activity": "W", "dependencyConditions": ["Failed"]}]}
    inactive = wait("I", 1) | {"state": "Inactive"}
    harness = Harness(tmp_path / "runs.db", pipelines(main={"activities": [wait("W", 1), skipped, inactive]}))
    run = asyncio.run(harness.run("main"))
    events = [(event.kind, event.subject) for event in harness.history.events(run.run_id)]
    assert events == [
        ("RunCreated", "main"),
        ("ActivityStarted", "W"),
        ("ActivityInactive", "I"),
        ("ActivityEnded", "W"),
        ("ActivitySkipped", "S"),
        ("RunEnded", "main"),
    ]


def test_an_unknown_pipeline_makes_no_run(tmp_path: Path) -> None:
    harness = Harness(tmp_path / "runs.db", pipelines())

    async def main() -> None:
        with pytest.raises(RunError, match=r"^The pipeline 'gone' does not exist in the data factory 'test'\.$"):
            harness.start("gone")

    asyncio.run(main())
    assert harness.history.unfinished() == []


def test_an_activity_costs_little(tmp_path: Path) -> None:
    count = 200
    activities = [
        {
            "name": f"A{index}",
            "type": "SetVariable",
            "dependsOn": [{"activity": f"A{index - 1}", "dependencyConditions": ["Succeeded"]}] if index else [],
            "typeProperties": {"variableName": "v", "value": "@concat('a', 'b')"},
        }
        for index in range(count)
    ]
    definition = {"variables": {"v": {"type": "String"}}, "activities": activities}
    harness = Harness(tmp_path / "runs.db", pipelines(main=definition))
    began = time.process_time()
    run = asyncio.run(harness.run("main"))
    assert run.status == "Succeeded"
    assert (time.process_time() - began) / count < 0.005


@pytest.mark.parametrize("activity", ACTIVITIES.values(), ids=ACTIVITIES)
def test_every_activity_is_whole(activity: Activity, tmp_path: Path) -> None:
    """Registered by its type, documented, and failing by name, not by accident, where it has no properties."""
    assert ACTIVITIES[activity.type] is activity
    assert activity.documentation.startswith("https://learn.microsoft.com/azure/data-factory/")
    assert type(activity).execute is not Activity.execute
    definition = {"activities": [{"name": "A", "type": activity.type, "typeProperties": {}}]}
    harness = Harness(tmp_path / "runs.db", pipelines(main=definition))
    run = asyncio.run(harness.run("main"))
    assert run.status == "Failed"
    error = harness.activities(run)["A"].error
    assert error
    assert error["errorCode"] != "InternalError", error["message"]
    assert set(error) == {"errorCode", "message", "failureType", "target", "details"}
