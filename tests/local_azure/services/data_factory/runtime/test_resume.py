"""A process killed at any point: the next one goes on, and executes nothing again that had ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from adfkit.local_azure.services.data_factory.runtime import (
    ActivityRun,
    HttpRequest,
    HttpResponse,
    PipelineRun,
    Sealer,
    SystemClock,
    VirtualClock,
)

from .harness import Harness, answer


def after(*names: str) -> list[dict[str, Any]]:
    return [{"activity": name, "dependencyConditions": ["Succeeded"]} for name in names]


def flaky(name: str, **properties: Any) -> dict[str, Any]:
    return {"name": name, "type": "Flaky", "typeProperties": properties}


CHILD: dict[str, Any] = {
    "activities": [
        flaky("InChild", takes=5),
        {
            "name": "Return",
            "type": "SetVariable",
            "dependsOn": after("InChild"),
            "typeProperties": {
                "variableName": "pipelineReturnValue",
                "setSystemVariable": True,
                "value": [{"key": "run", "value": {"type": "Expression", "content": "@pipeline().RunId"}}],
            },
        },
    ]
}
MAIN: dict[str, Any] = {
    "variables": {"polled": {"type": "Array"}, "items": {"type": "Array"}},
    "activities": [
        flaky("First", output={"value": 1}) | {"policy": {"retry": 1}},
        {
            "name": "Poll",
            "type": "Until",
            "dependsOn": after("First"),
            "typeProperties": {
                "expression": "@equals(length(variables('polled')), 2)",
                "activities": [
                    {"name": "Pause", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 10}},
                    {
                        "name": "Count",
                        "type": "AppendVariable",
                        "dependsOn": after("Pause"),
                        "typeProperties": {"variableName": "polled", "value": "@utcnow()"},
                    },
                    flaky("Status", output={"n": "@length(variables('polled'))"}) | {"dependsOn": after("Count")},
                ],
            },
        },
        {
            "name": "Decide",
            "type": "IfCondition",
            "dependsOn": after("Poll"),
            "typeProperties": {
                "expression": "@equals(activity('Status').output.n, 2)",
                "ifTrueActivities": [flaky("Retried", failures=1) | {"policy": {"retry": 1}}],
            },
        },
        {
            "name": "Each",
            "type": "ForEach",
            "dependsOn": after("First"),
            "typeProperties": {
                "items": "@createArray('a', 'b')",
                "activities": [
                    flaky("Item", takes=3, output={"item": "@item()"}),
                    {
                        "name": "Collect",
                        "type": "AppendVariable",
                        "dependsOn": after("Item"),
                        "typeProperties": {"variableName": "items", "value": "@activity('Item').output.item"},
                    },
                ],
            },
        },
        {
            "name": "Child",
            "type": "ExecutePipeline",
            "dependsOn": after("Each"),
            "typeProperties": {
                "pipeline": {"referenceName": "child", "type": "PipelineReference"},
                "waitOnCompletion": True,
            },
        },
        flaky("Last", output={"child": "@activity('Child').output.pipelineReturnValue.run"})
        | {"dependsOn": after("Child", "Decide")},
    ],
}
ARTIFACTS = {"pipelines": {"main": MAIN, "child": CHILD}}


class Killed(BaseException):
    """What a kill does: no handler of the code under test runs for it."""


def kill_after(harness: Harness, writes: int) -> asyncio.Event:
    """Let that many more transactions commit, then none; the event is set at the first that is refused."""
    killed, transaction, left = asyncio.Event(), harness.store.transaction, writes

    @contextmanager
    def counted() -> Iterator[Any]:
        nonlocal left
        if left == 0:
            killed.set()
            raise Killed
        left -= 1
        with transaction() as connection:
            yield connection

    harness.store.transaction = counted  # type: ignore[method-assign]
    return killed


async def run_and_kill(harness: Harness, writes: int) -> bool:
    """Start the pipeline and kill its process behind a number of writes; False where it had ended before."""
    run_id = harness.start("main")
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # tasks that a kill took along
    killed = asyncio.create_task(kill_after(harness, writes).wait())
    ended = asyncio.create_task(harness.runtime.wait(run_id))
    await asyncio.wait((killed, ended), return_when=asyncio.FIRST_COMPLETED)
    return killed.done()


async def resume(harness: Harness, run_id: str) -> PipelineRun:
    harness.runtime.resume()
    run = await harness.runtime.wait(run_id)
    assert run is not None
    return run


def summary(harness: Harness, run: PipelineRun) -> dict[str, Any]:
    return {
        "status": run.status,
        "polled": len(run.variables["polled"]),
        "items": sorted(run.variables["items"]),
        "activities": sorted((each.path, each.attempt, each.status) for each in harness.history.activities(run.run_id)),
    }


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_run_goes_on_from_every_write(tmp_path: Path) -> None:
    reference = Harness(tmp_path / "reference.db", ARTIFACTS)
    expected = summary(reference, asyncio.run(reference.run("main")))
    assert expected["status"] == "Succeeded"
    writes = 0
    while True:
        sealer, path = Sealer.ephemeral(), tmp_path / f"{writes}.db"
        first = Harness(path, ARTIFACTS, sealer=sealer)
        if not asyncio.run(run_and_kill(first, writes)):
            break
        second = Harness(path, ARTIFACTS, sealer=sealer, clock=VirtualClock(first.clock.now()))
        (run,) = [run for run in second.history.unfinished() if run.pipeline == "main"]
        runs = [run.run_id for run in second.history.unfinished()]
        ended = {each.path for id in runs for each in second.history.activities(id) if each.status == "Succeeded"}
        resumed = asyncio.run(resume(second, run.run_id))
        assert summary(second, resumed) == expected, f"killed after {writes} writes: {resumed.message}"
        assert not ended & set(second.flaky.executed), f"killed after {writes} writes"
        assert second.activities(resumed)["Last"].output == {
            "child": second.activities(resumed)["Child"].output["pipelineRunId"]
        }
        assert second.history.unfinished() == []
        first.store.close()
        second.store.close()
        writes += 1
    assert writes > 40


def test_a_webhook_is_called_once_and_what_calls_it_back_is_kept(tmp_path: Path) -> None:
    """One process calls, a second takes the call back and is killed before it acts on it, a third ends the activity."""
    hook = {"url": "https://api.azure.localhost", "method": "POST", "body": {}, "timeout": "00:10:00"}
    pipelines = {"pipelines": {"main": {"activities": [{"name": "Hook", "type": "WebHook", "typeProperties": hook}]}}}
    called: list[HttpRequest] = []

    def respond(request: HttpRequest) -> HttpResponse:
        called.append(request)
        return answer(200)

    def process(sealer: Sealer) -> Harness:
        return Harness(tmp_path / "runs.db", pipelines, respond=respond, clock=SystemClock(), sealer=sealer)

    async def scenario() -> PipelineRun | None:
        sealer = Sealer.ephemeral()
        first = process(sealer)
        run_id = first.start("main")
        while "called" not in (recorded(first, run_id).state if first.history.activities(run_id) else {}):  # noqa: ASYNC110 - history has no event
            await asyncio.sleep(0)
        await first.runtime.stop()
        second = process(sealer)
        second.runtime.resume()
        state = recorded(second, run_id)
        while not second.runtime.callbacks.call(state.id, state.state["token"], {"done": True}):  # noqa: ASYNC110 - nor has it
            await asyncio.sleep(0)
        await second.runtime.stop()
        third = process(sealer)
        third.runtime.resume()
        return await third.runtime.wait(run_id)

    def recorded(harness: Harness, run_id: str) -> ActivityRun:
        return harness.history.activities(run_id)[0]

    run = asyncio.run(scenario())
    assert run
    assert run.status == "Succeeded"
    (request,) = called
    assert json.loads(request.content)["callBackUri"].startswith("https://callback/")
