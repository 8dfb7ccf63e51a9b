"""Triggers on a clock that the test sets, over the real runtime; a killed process is a new scheduler over its store."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adfkit.local_azure.services.data_factory.runtime import ACTIVITIES, Factory, History, PipelineRuntime, Sealer
from adfkit.local_azure.services.data_factory.triggers.definitions import read
from adfkit.local_azure.services.data_factory.triggers.history import TriggerHistory, TriggerRun
from adfkit.local_azure.services.data_factory.triggers.scheduler import Scheduler
from adfkit.local_azure.services.storage.events import CREATED, DELETED, BlobEvents
from adfkit.local_azure.store import Store

from ..runtime.harness import DictArtifacts, ScriptedCloud

FACTORY = "/factories/f"
ACCOUNT = "/subscriptions/s/resourcegroups/g/providers/microsoft.storage/storageaccounts/lake"
EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


class SetClock:
    def __init__(self) -> None:
        self.time = datetime(2024, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class World:
    """One factory's triggers; `killed` is the same after a kill."""

    def __init__(self, store: Store, artifacts: dict[str, Any], clock: SetClock) -> None:
        self.store, self.artifacts, self.clock = store, artifacts, clock
        history = History(store, Sealer.ephemeral())
        self.factory = Factory(
            id=FACTORY,
            name="f",
            region="",
            artifacts=DictArtifacts(artifacts),
            cloud=ScriptedCloud(lambda _: None),  # type: ignore[arg-type, return-value]
        )
        self.runtime = PipelineRuntime(history, activities=ACTIVITIES, factory=lambda _: self.factory, clock=clock)
        self.events = BlobEvents(store)
        self.history = TriggerHistory(store)
        self.scheduler = Scheduler(self.history, self.runtime, self.events, factory=lambda _: self.factory, clock=clock)

    def start(self, *names: str) -> None:
        for name in names:
            id = f"{FACTORY}/triggers/{name}"
            definition = read(self.artifacts["triggers"][name])
            self.history.move(id, FACTORY, self.scheduler.first_position(definition, self.history.state(id)))
            self.scheduler.add(id, name)

    def killed(self, *started: str) -> World:
        again = World(self.store, self.artifacts, self.clock)
        for name in started:
            again.scheduler.add(f"{FACTORY}/triggers/{name}", name)
        return again

    async def ticks(self, number: int = 4) -> None:
        for _ in range(number):
            self.scheduler.tick()
            for _ in range(20):
                await asyncio.sleep(0)

    def runs(self, name: str = "t") -> list[TriggerRun]:
        return [run for run in self.history.runs(FACTORY, *EVER) if run.name == name]

    def parameters(self, run: TriggerRun) -> dict[str, Any]:
        found = self.runtime.history.run(run.pipelines["p"])
        assert found is not None
        assert found.invoked_by == {"id": run.id, "name": run.name, "invokedByType": run.type}
        return dict(found.parameters)


def on_a_loop(test: Callable[[Store], Coroutine[Any, Any, None]]) -> Callable[[Store], None]:
    @functools.wraps(test)
    def run(store: Store) -> None:
        asyncio.run(test(store))

    return run


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "store.db")
    yield store
    store.close()


def pipeline(*activities: dict[str, Any]) -> dict[str, Any]:
    return {"parameters": {"at": {"type": "String", "defaultValue": ""}}, "activities": list(activities)}


FAIL = {"name": "Fail", "type": "Fail", "typeProperties": {"message": "no", "errorCode": "1"}}


def target(at: str) -> dict[str, Any]:
    return {"pipelineReference": {"referenceName": "p", "type": "PipelineReference"}, "parameters": {"at": at}}


def schedule() -> dict[str, Any]:
    recurrence = {"frequency": "Hour", "interval": 1, "startTime": "2024-01-01T00:00:00Z"}
    return {
        "type": "ScheduleTrigger",
        "typeProperties": {"recurrence": recurrence},
        "pipelines": [target("@trigger().scheduledTime")],
    }


def tumbling(**settings: Any) -> dict[str, Any]:
    given = {"frequency": "Hour", "interval": 1, "startTime": "2024-01-01T00:00:00Z", "maxConcurrency": 10}
    return {
        "type": "TumblingWindowTrigger",
        "typeProperties": given | settings,
        "pipeline": target("@concat(trigger().outputs.windowStartTime, '/', trigger().outputs.windowEndTime)"),
    }


def world(store: Store, *activities: dict[str, Any], **triggers: dict[str, Any]) -> World:
    return World(store, {"pipelines": {"p": pipeline(*activities)}, "triggers": triggers}, SetClock())


def window_starts(runs: list[TriggerRun]) -> list[str]:
    return [run.outputs["windowStartTime"][11:16] for run in runs]


@on_a_loop
async def test_a_schedule_fires_once_for_each_time(store: Store) -> None:
    it = world(store, t=schedule())
    it.clock.time += timedelta(minutes=30)
    it.start("t")
    await it.ticks()
    assert it.runs() == []  # nothing for the time before it was started
    it.clock.time += timedelta(minutes=30)
    await it.ticks()
    (run,) = it.runs()
    assert run.status == "Succeeded"
    assert it.parameters(run) == {"at": "2024-01-01T01:00:00.0000000Z"}
    again = it.killed("t")
    await again.ticks()
    assert len(again.runs()) == 1
    again.clock.time += timedelta(minutes=60)
    await again.ticks()
    assert len(again.runs()) == 2


@on_a_loop
async def test_windows_since_the_start_time_run_once_each(store: Store) -> None:
    it = world(store, t=tumbling(delay="00:10:00"))
    it.clock.time += timedelta(hours=3, minutes=5)
    it.start("t")
    await it.ticks()
    assert window_starts(it.runs()) == ["00:00", "01:00"]  # the third is due ten minutes after its end
    assert {run.status for run in it.runs()} == {"Succeeded"}
    assert it.parameters(it.runs()[0])["at"] == "2024-01-01T00:00:00.0000000Z/2024-01-01T01:00:00.0000000Z"
    it.clock.time += timedelta(minutes=5)
    await it.ticks()
    assert window_starts(it.runs()) == ["00:00", "01:00", "02:00"]


@on_a_loop
async def test_a_kill_between_the_record_and_the_pipeline_run_loses_no_window_and_doubles_none(store: Store) -> None:
    it = world(store, t=tumbling())
    it.clock.time += timedelta(hours=2)
    it.start("t")
    created: list[str] = []

    def killed(*_: Any, run_id: str, **__: Any) -> None:
        created.append(run_id)
        raise KeyboardInterrupt

    it.runtime.create_run = killed  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        it.scheduler.tick()
    assert len(created) == 1
    again = it.killed("t")
    await again.ticks()
    assert [run.status for run in again.runs()] == ["Succeeded", "Succeeded"]
    assert again.runs()[0].pipelines == {"p": created[0]}  # the run that was promised, made now
    assert len(again.runtime.history.runs(FACTORY, *EVER)) == 2


@on_a_loop
async def test_no_more_windows_at_once_than_allowed(store: Store) -> None:
    wait = {"name": "Wait", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 1}}
    it = world(store, wait, t=tumbling(maxConcurrency=2))
    it.clock.time += timedelta(hours=5)
    it.start("t")
    it.scheduler.tick()
    assert [run.status for run in it.runs()] == ["Inprogress"] * 2 + ["Waiting"] * 3
    await it.ticks(8)
    assert {run.status for run in it.runs()} == {"Succeeded"}


@on_a_loop
async def test_a_window_that_fails_is_tried_again_and_then_fails(store: Store) -> None:
    it = world(
        store, FAIL, t=tumbling(retryPolicy={"count": 1, "intervalInSeconds": 60}, endTime="2024-01-01T01:00:00Z")
    )
    it.clock.time += timedelta(hours=2)
    it.start("t")
    await it.ticks()
    (run,) = it.runs()
    assert (run.status, run.attempt) == ("Inprogress", 1)
    it.clock.time += timedelta(seconds=60)
    await it.ticks()
    (run,) = it.runs()
    assert (run.status, run.attempt) == ("Failed", 2)
    assert "no" in run.message
    it.artifacts["pipelines"]["p"] = pipeline()
    it.scheduler.rerun(run)
    await it.ticks()
    assert [(each.generation, each.status) for each in it.runs()] == [(1, "Failed"), (2, "Succeeded")]


@on_a_loop
async def test_a_window_waits_for_the_windows_that_it_depends_on(store: Store) -> None:
    needs = {
        "type": "TumblingWindowTriggerDependencyReference",
        "referenceTrigger": {"referenceName": "t", "type": "TriggerReference"},
        "offset": "-01:00:00",
        "size": "02:00:00",
    }
    it = world(store, t=tumbling(), down=tumbling(startTime="2024-01-01T01:00:00Z", dependsOn=[needs]))
    it.clock.time += timedelta(hours=2)
    it.start("down")
    await it.ticks()
    assert [run.status for run in it.runs("down")] == ["WaitingOnDependency"]
    it.start("t")
    await it.ticks()
    assert [run.status for run in it.runs("down")] == ["Succeeded"]


@on_a_loop
async def test_a_trigger_that_depends_on_itself_goes_window_by_window(store: Store) -> None:
    needs = {"type": "SelfDependencyTumblingWindowTriggerReference", "offset": "-01:00:00", "size": "01:00:00"}
    it = world(store, t=tumbling(dependsOn=[needs]))
    it.clock.time += timedelta(hours=3)
    it.start("t")
    it.scheduler.tick()
    assert [run.status for run in it.runs()] == ["Inprogress", "WaitingOnDependency", "WaitingOnDependency"]
    await it.ticks(6)
    assert {run.status for run in it.runs()} == {"Succeeded"}


@on_a_loop
async def test_an_event_fires_once_for_each_blob_that_matches(store: Store) -> None:
    trigger = {
        "type": "BlobEventsTrigger",
        "typeProperties": {
            "events": [CREATED],
            "scope": ACCOUNT,
            "blobPathBeginsWith": "/landing/blobs/flights/",
            "blobPathEndsWith": ".csv",
            "ignoreEmptyBlobs": True,
        },
        "pipelines": [target("@concat(triggerBody().folderPath, ' ', triggerBody().fileName)")],
    }
    it = world(store, t=trigger)
    it.events.record(ACCOUNT, CREATED, "landing", "flights/before.csv", 3)
    it.start("t")
    for kind, blob, size in (
        (CREATED, "flights/2024/a.csv", 3),
        (CREATED, "flights/empty.csv", 0),
        (CREATED, "other/a.csv", 3),
        (CREATED, "flights/a.txt", 3),
        (DELETED, "flights/a.csv", None),
    ):
        it.events.record(ACCOUNT, kind, "landing", blob, size)
    again = it.killed("t")
    await again.ticks()
    (run,) = again.runs()
    assert again.parameters(run) == {"at": "landing/flights/2024 a.csv"}
    assert again.events.after(0) == []  # everyone has had them


@on_a_loop
async def test_a_parameter_that_cannot_be_evaluated_fails_the_trigger_run(store: Store) -> None:
    trigger = schedule() | {"pipelines": [target("@trigger().outputs.windowStartTime")]}
    it = world(store, t=trigger)
    it.start("t")
    it.clock.time += timedelta(hours=1)
    await it.ticks()
    (run,) = it.runs()
    assert run.status == "Failed"
    assert "windowStartTime" in run.message
