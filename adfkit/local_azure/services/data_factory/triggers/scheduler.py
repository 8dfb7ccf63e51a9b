"""Fires triggers when they are due, and follows what they started.

A trigger run is written, with the ids that its pipeline runs will have, before these are created; the same transaction
moves the trigger on. So whatever moment a process is killed at, the next one finds each firing once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from adfkit.expressions import ExpressionError, Scope, evaluate
from adfkit.local_azure.services.data_factory.runtime import Clock, Factory, PipelineRuntime, RunError
from adfkit.local_azure.services.data_factory.runtime.json_values import time_text
from adfkit.local_azure.services.data_factory.triggers.definitions import (
    BlobEvents,
    Definition,
    DefinitionError,
    Schedule,
    TumblingWindow,
    read,
)
from adfkit.local_azure.services.data_factory.triggers.history import WAITING, State, TriggerHistory, TriggerRun
from adfkit.local_azure.services.data_factory.triggers.recurrence import next_time
from adfkit.local_azure.services.data_factory.triggers.windows import Dependency, Window
from adfkit.local_azure.services.storage.events import BlobEvents as StorageEvents

logger = logging.getLogger(__name__)
POLL_SECONDS: Final = 0.5
LATEST: Final = timedelta(hours=1)
"""How late a schedule's time is still fired for, after local Azure stood still."""
MOST_WAITING: Final = 100
"""How many windows of a trigger may wait; more follow as these end."""


class Scheduler:
    """Runs triggers on one event loop. `factory` finds a factory by its id, None where it has gone."""

    def __init__(
        self,
        history: TriggerHistory,
        runtime: PipelineRuntime,
        events: StorageEvents,
        *,
        factory: Callable[[str], Factory | None],
        clock: Clock,
    ) -> None:
        self.history = history
        self.events = events
        self.clock = clock
        self._runtime = runtime
        self._factory = factory
        self._started: dict[str, str] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Work from now on, on the running loop."""
        self._wake.set()
        self._task = asyncio.create_task(self._work())

    async def end(self) -> None:
        """Stop working; everything stands in history for the next start."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def add(self, trigger_id: str, name: str) -> None:
        """A trigger is started, now or before this process."""
        self._started[trigger_id] = name
        self._wake.set()

    def remove(self, trigger_id: str) -> None:
        """A trigger is stopped: it fires no more; what it started goes on."""
        self._started.pop(trigger_id, None)

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    def first_position(self, definition: Definition, state: State | None) -> str:
        """Where a trigger that is started begins: windows go on where they were, times and events from now."""
        if isinstance(definition, TumblingWindow):
            return state.position if state else "0"
        if isinstance(definition, Schedule):
            return self.clock.now().isoformat()
        return str(self.events.last())

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                self.tick()
            except Exception:
                logger.exception("triggers")
            if self._started or self.history.unfinished():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
                self._wake.set()

    def tick(self) -> None:
        """Do all that is due."""
        for trigger_id in list(self._started):
            found = self._find(trigger_id)
            state = self.history.state(trigger_id)
            if found is None or state is None:
                continue
            factory, name, kind, definition = found
            fire = _Trigger(self, trigger_id, factory, name, kind, state)
            match definition:
                case Schedule():
                    fire.times(definition)
                case TumblingWindow():
                    fire.windows(definition)
                case BlobEvents():
                    fire.blobs(definition)
        self._forget_events()
        self._advance()

    def _forget_events(self) -> None:
        """Drop the events that every started trigger has had."""
        positions: list[int] = []
        for trigger_id in self._started:
            found, state = self._find(trigger_id), self.history.state(trigger_id)
            if found and state and isinstance(found[3], BlobEvents):
                positions.append(int(state.position))
        if positions:
            self.events.drop(min(positions))

    def _find(self, trigger_id: str) -> tuple[Factory, str, str, Definition] | None:
        factory_id, _, name = trigger_id.rpartition("/triggers/")
        factory = self._factory(factory_id)
        found = factory.artifacts.find("triggers", name) if factory else None
        if factory is None or found is None:
            return None
        try:
            return factory, found[0], str(found[1].get("type")), read(found[1])
        except DefinitionError:  # checked when it was put; this local Azure may be a newer one
            logger.exception("trigger %s", trigger_id)
            return None

    def _advance(self) -> None:
        unfinished = self.history.unfinished()
        running = Counter(run.trigger_id for run in unfinished if run.status == "Inprogress")
        for run in unfinished:
            found = self._find(run.trigger_id)
            if found is None:
                continue
            factory, _, _, definition = found
            if isinstance(definition, TumblingWindow):
                self._advance_window(run, factory, definition, running)
            else:
                self._start_pipelines(run, factory, definition)
                if run.status == "Inprogress":
                    self.save(run, "Succeeded")

    def _advance_window(
        self, run: TriggerRun, factory: Factory, definition: TumblingWindow, running: Counter[str]
    ) -> None:
        if run.status in WAITING:
            if run.trigger_id not in self._started and run.generation == 1:
                return
            if not self._dependencies_met(run, definition):
                if run.status != "WaitingOnDependency":
                    self.save(run, "WaitingOnDependency")
            elif running[run.trigger_id] < definition.max_concurrency:
                running[run.trigger_id] += 1
                self._attempt(run, factory, definition)
            elif run.status != "Waiting":
                self.save(run, "Waiting")
            return
        if run.retry_at is not None:
            if self.clock.now() >= run.retry_at:
                self._attempt(run, factory, definition)
            return
        self._start_pipelines(run, factory, definition)
        self._follow(run, definition)

    def _attempt(self, run: TriggerRun, factory: Factory, definition: TumblingWindow) -> None:
        run.attempt, run.retry_at = run.attempt + 1, None
        run.pipelines = {target.pipeline: str(uuid4()) for target in definition.targets}
        self.save(run, "Inprogress")
        self._start_pipelines(run, factory, definition)

    def _follow(self, run: TriggerRun, definition: TumblingWindow) -> None:
        if run.status != "Inprogress":
            return
        found = [self._runtime.history.run(each) for each in run.pipelines.values()]
        ended = [each for each in found if each is not None and each.has_ended]
        if len(ended) < len(run.pipelines):
            return
        failed = [each for each in ended if each.status != "Succeeded"]
        if not failed:
            self.save(run, "Succeeded")
        elif failed[0].status == "Failed" and run.attempt <= definition.retries:
            run.retry_at = self.clock.now() + definition.retry_interval
            self.save(run, "Inprogress", failed[0].message)
        else:
            self.save(run, str(failed[0].status), failed[0].message)

    def _start_pipelines(self, run: TriggerRun, factory: Factory, definition: Definition) -> None:
        """Create the pipeline runs of a trigger run that are not there yet; the run fails where one cannot be."""
        for target in definition.targets:
            run_id = run.pipelines.get(target.pipeline)
            if run_id is None or self._runtime.history.run(run_id) is not None:
                continue
            invoked_by = {"id": run.id, "name": run.name, "invokedByType": run.type}
            try:
                parameters = evaluate(dict(target.parameters), self._scope(run, factory))
                self._runtime.create_run(factory, target.pipeline, parameters, invoked_by, run_id=run_id)
            except (ExpressionError, RunError) as error:
                self.save(run, "Failed", str(error))
                return

    def _scope(self, run: TriggerRun, factory: Factory) -> Scope:
        outputs = run.outputs
        trigger: Mapping[str, Any] = {
            "name": run.name,
            "startTime": time_text(run.time),
            "scheduledTime": outputs.get("scheduledTime") or time_text(run.time),
            "outputs": outputs,
        }
        return Scope(trigger=trigger, global_parameters=factory.artifacts.global_parameters(), clock=self.clock.now)

    def _dependencies_met(self, run: TriggerRun, definition: TumblingWindow) -> bool:
        window = Window(_read_time(run.outputs["windowStartTime"]), _read_time(run.outputs["windowEndTime"]))
        return all(self._is_met(run, definition, each, window) for each in definition.dependencies)

    def _is_met(self, run: TriggerRun, definition: TumblingWindow, needed: Dependency, window: Window) -> bool:
        trigger_id, windows = run.trigger_id, definition.windows
        if needed.trigger is not None:
            trigger_id = f"{run.factory}/triggers/{needed.trigger.lower()}"
            found = self._find(trigger_id)
            if found is None or not isinstance(found[3], TumblingWindow):
                return False
            windows = found[3].windows
        interval = needed.interval(window)
        number = windows.number(interval.start)
        while (each := windows.window(number)) is not None and each.start < interval.end:
            if number >= 0 or needed.trigger is not None:  # before a trigger's own first window there is none
                latest = self.history.latest(trigger_id, time_text(each.start))
                if latest is None or latest.status != "Succeeded":
                    return False
            number += 1
        return each is not None or needed.trigger is None

    def save(self, run: TriggerRun, status: str, message: str = "") -> None:
        """Record how a trigger run stands."""
        run.status, run.message, run.updated = status, message, self.clock.now()
        self.history.save(run)

    async def cancel(self, run: TriggerRun) -> None:
        """End a run that has not ended as Cancelled, with its pipeline runs."""
        self.save(run, "Cancelled")
        for run_id in run.pipelines.values():
            await self._runtime.cancel(run_id, recursive=True)

    def rerun(self, run: TriggerRun) -> TriggerRun:
        """Run the window of a trigger run that has ended again, as a new run."""
        now = self.clock.now()
        again = TriggerRun(
            trigger_id=run.trigger_id,
            factory=run.factory,
            life=run.life,
            name=run.name,
            type=run.type,
            subject=run.subject,
            generation=run.generation + 1,
            time=now,
            updated=now,
            status="Waiting",
            outputs=run.outputs,
        )
        self.history.save(again)
        self.wake()
        return again


class _Trigger:
    """One started trigger in one tick."""

    def __init__(
        self, scheduler: Scheduler, trigger_id: str, factory: Factory, name: str, kind: str, state: State
    ) -> None:
        self._scheduler = scheduler
        self._id = trigger_id
        self._factory = factory
        self._name = name
        self._kind = kind
        self._state = state
        self._now = scheduler.clock.now()

    def times(self, definition: Schedule) -> None:
        """Fire for every time that has come since the last."""
        after = max(_read_time(self._state.position), self._now - LATEST)
        while (due := next_time(definition.recurrence, after)) is not None and due <= self._now:
            self._fire(time_text(due), {"scheduledTime": time_text(due)}, due.isoformat(), definition)
            after = due

    def blobs(self, definition: BlobEvents) -> None:
        """Fire for every event that has come and matches."""
        position = int(self._state.position)
        for event in self._scheduler.events.after(position):
            position = event.sequence
            if event.account == definition.scope and definition.matches(
                event.kind, event.container, event.blob, event.size
            ):
                folder, _, file = f"{event.container}/{event.blob}".rpartition("/")
                body = {"fileName": file, "folderPath": folder, "eventType": event.kind}
                self._fire(f"{position:020}", {"body": body}, str(position), definition)
        if str(position) != self._state.position:
            self._scheduler.history.move(self._id, self._factory.id, str(position))

    def windows(self, definition: TumblingWindow) -> None:
        """Record the windows that have become due; they run as their dependencies and the concurrency allow."""
        history = self._scheduler.history
        waiting = sum(run.trigger_id == self._id for run in history.unfinished())
        number = int(self._state.position)
        while waiting < MOST_WAITING and (window := definition.windows.window(number)) is not None:
            if window.end + definition.delay > self._now:
                return
            number, waiting = number + 1, waiting + 1
            outputs = {"windowStartTime": time_text(window.start), "windowEndTime": time_text(window.end)}
            with history.store.transaction():
                history.save(self._run(time_text(window.start), outputs, "Waiting"))
                history.move(self._id, self._factory.id, str(number))

    def _fire(self, subject: str, outputs: dict[str, Any], position: str, definition: Schedule | BlobEvents) -> None:
        run = self._run(subject, outputs, "Inprogress")
        run.pipelines = {target.pipeline: str(uuid4()) for target in definition.targets}
        with self._scheduler.history.store.transaction():
            self._scheduler.history.save(run)
            self._scheduler.history.move(self._id, self._factory.id, position)

    def _run(self, subject: str, outputs: dict[str, Any], status: str) -> TriggerRun:
        return TriggerRun(
            trigger_id=self._id,
            factory=self._factory.id,
            life=self._state.life,
            name=self._name,
            type=self._kind,
            subject=subject,
            time=self._now,
            updated=self._now,
            status=status,
            outputs=outputs,
        )


def _read_time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
