"""One app's task hub at work: steps of orchestrations, activities and entities, each from a message that waits.

Delivery is at least once, as in Azure: what a killed process had begun, the next one begins again.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import httpx
import orjson

from adfkit.local_azure.platform import Platform
from adfkit.local_azure.services.web.durable import entities, orchestrations
from adfkit.local_azure.services.web.durable.access import check_access
from adfkit.local_azure.services.web.durable.events import EventType, event
from adfkit.local_azure.services.web.durable.known import (
    ACTIVITY,
    ENTITY,
    ORCHESTRATOR,
    KnownFunctions,
    UnknownFunctionError,
)
from adfkit.local_azure.services.web.durable.settings import HubSettings
from adfkit.local_azure.services.web.durable.storage import ActivityCall, HubStorage, Instance, now_text
from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.host import FunctionHost
from adfkit.local_azure.services.web.host import Instance as HostInstance
from adfkit.local_azure.services.web.models import app_of
from adfkit.local_azure.services.web.worker_process import (
    FunctionFailedError,
    InvocationFailedError,
    WorkerExitedError,
)

logger = logging.getLogger(__name__)

RETRY_SECONDS: Final = 1.0
"""How long the hub waits before it tries again where the host does not run."""
WORKER_EXITS: Final = 3
"""How often an orchestrator is called again after an end of the worker."""
FAILURES: Final = (UnknownFunctionError, FunctionFailedError)
"""What a call of a function may end with; a worker that exits fails the activities that it ran, as in Azure."""


class InstanceExistsError(Exception):
    """An orchestration of this id has not ended."""


class Hub:
    """Runs what is stored, and what is sent; `start` it once, `wake` it when something is stored."""

    def __init__(self, platform: Platform, host: FunctionHost, key: str) -> None:
        self.storage = HubStorage(platform.store, key)
        self._platform = platform
        self._host = host
        self._key = key
        self._awake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._exits: Counter[str] = Counter()
        self._settings: HubSettings | None = None

    def start(self) -> None:
        """Begin, or go on, unless it runs."""
        if self._loop is None or self._loop.done():
            self._loop = asyncio.create_task(self._logged("the hub", self._serve()))
        self._awake.set()

    async def stop(self) -> None:
        """End at once; what was under way is taken up again by the next start."""
        tasks = [task for task in (self._loop, *self._busy.values()) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._loop = None
        self._busy.clear()

    def begin(self, name: str, input: str | None, id: str | None = None, version: str = "") -> str:
        """Store a new orchestration, in place of an ended one of its id, and return the id; `input` is a JSON text.

        Raises:
            InstanceExistsError: one of this id has not ended.
        """
        id = id or uuid4().hex
        now, execution = datetime.now(UTC), uuid4().hex
        with self.storage.transaction():
            existing = self.storage.instance(id)
            if existing and not existing.ended:
                raise InstanceExistsError(
                    f"An Orchestration instance with the status {existing.status} already exists."
                )
            self.storage.purge(id)
            self.storage.put_instance(
                Instance(id, execution, name, input, None, None, "Pending", now_text(), now_text())
            )
            self.storage.send(id, orchestrations.started(id, execution, name, input, now, version=version), now)
        self.start()
        return id

    def send(self, target: str, body: dict[str, Any], *, control: bool = False) -> None:
        """Store a message."""
        self.storage.send(target, body, datetime.now(UTC), control=control)
        self.start()

    async def _serve(self) -> None:
        said = ""
        while True:
            self._awake.clear()
            try:
                instance = await self.ready()
            except (HostError, httpx.HTTPError) as error:
                if str(error) != said:  # once, not each second
                    said = str(error)
                    logger.warning("%s: durable functions wait: %s", self._key, said)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            said = ""
            self._dispatch(instance, KnownFunctions(instance.functions))
            now = datetime.now(UTC)
            upcoming = self.storage.next_visible(now)
            timeout = max((upcoming - now).total_seconds(), 0.001) if upcoming else None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._awake.wait(), timeout)

    async def ready(self) -> HostInstance:
        """The host's instance, where the app may reach its task hub.

        Raises:
            HostError: the app is gone or stopped, its host does not run, or its identity may not reach the hub.
        """
        site = self._platform.resources.get(self._key)
        if site is None:
            raise HostError("The function app is gone.")
        app = app_of(self._platform, site)
        if not app.enabled:
            raise HostError(f"The function app '{app.name}' is stopped.")
        check_access(self._platform, app)
        instance = await self._host.ready(app)
        self._settings = HubSettings.read(app, instance.package.settings)
        return instance

    def _dispatch(self, instance: HostInstance, known: KnownFunctions) -> None:
        for target in self.storage.targets(datetime.now(UTC)):
            work = self._entity if target.startswith("@") else self._step
            self._run(target, work(instance, known, target))
        most = self._settings.concurrent_activities if self._settings else 1
        running = sum(key.startswith(ACTIVITY) for key in self._busy)
        for call in self.storage.activities():
            key = f"{ACTIVITY} {call.instance} {call.execution} {call.task}"
            if key not in self._busy and running < most:
                running += 1
                self._run(key, self._activity(instance, known, call))

    def _run(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        if key in self._busy:
            work.close()
            return
        task = asyncio.create_task(self._logged(key, work))
        self._busy[key] = task

        def ended(task: asyncio.Task[None]) -> None:
            if self._busy.get(key) is task:
                del self._busy[key]
            self._awake.set()

        task.add_done_callback(ended)

    async def _logged(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:  # an error of ours: said, and tried again, not in a tight loop
            logger.exception("%s: %s failed", self._key, key)
            await asyncio.sleep(RETRY_SECONDS)

    async def _activity(self, instance: HostInstance, known: KnownFunctions, call: ActivityCall) -> None:
        try:
            function = known.require(ACTIVITY, call.name)
            text = "null" if call.input is None else call.input
            result = await self._host.call(instance, function, text, trace_parent=trace_parent(call.instance))
            outcome = event(EventType.TASK_COMPLETED, datetime.now(UTC), TaskScheduledId=call.task, Result=result)
        except FAILURES as error:
            reason, details = _described(error)
            text = f"Activity function '{call.name}' failed: {reason}"
            ended = datetime.now(UTC)
            outcome = event(EventType.TASK_FAILED, ended, TaskScheduledId=call.task, Reason=text, Details=details)
        with self.storage.transaction():
            if self.storage.ended(call):
                self.storage.send(call.instance, {"execution": call.execution, "event": outcome}, datetime.now(UTC))

    async def _entity(self, instance: HostInstance, known: KnownFunctions, target: str) -> None:
        messages = self.storage.waiting(target, datetime.now(UTC))
        name, _, key = target[1:].partition("@")
        present, state = self.storage.entity(target)
        try:
            function = known.require(ENTITY, name)
            text = entities.context(name, key, present, state, messages)
            answer = orjson.loads(await self._host.call(instance, function, text))
        except FAILURES as error:
            answer = entities.failed(present, state, _described(error)[0], len(messages))
        with self.storage.transaction():
            self.storage.put_entity(target, answer["entityExists"], answer["entityState"])
            self.storage.take(messages)
            for message, result in zip(messages, answer["results"], strict=True):
                if caller := message.body.get("parent"):
                    reply = entities.reply(message.body["id"], result)
                    body = {"execution": message.body["parentExecution"], "event": reply}
                    self.storage.send(caller, body, datetime.now(UTC))

    async def _step(self, instance: HostInstance, known: KnownFunctions, target: str) -> None:
        step = orchestrations.begin(self.storage, target)
        if step is None:
            return
        try:
            function = known.require(ORCHESTRATOR, step.instance.name)
            trace = trace_parent(step.instance.id)
            answer = orjson.loads(await self._host.call(instance, function, step.context(), trace_parent=trace))
        except InvocationFailedError as error:
            answer = orchestrations.state_of(error.message) or {"schemaVersion": 2, "error": _described(error)[0]}
        except FAILURES as error:
            if isinstance(error, WorkerExitedError) and self._exits[target] < WORKER_EXITS:
                self._exits[target] += 1  # most often by what else it ran; a replay can be tried again
                return
            answer = {"schemaVersion": 2, "error": _described(error)[0]}
        self._exits.pop(target, None)
        orchestrations.commit(self.storage, known, step, answer)


def trace_parent(instance: str) -> str:
    """The trace of an orchestration and those below it, whose ids begin with its own.

    It is the orchestration's id where that is a GUID: who starts one as a part of a trace names it by that.
    """
    root = instance.partition(":")[0]
    trace = root.replace("-", "").lower()
    if not re.fullmatch(r"[0-9a-f]{32}", trace):
        trace = hashlib.md5(root.encode(), usedforsecurity=False).hexdigest()
    return f"00-{trace}-{trace[:16]}-01"


def _described(error: Exception) -> tuple[str, str]:
    """What happened, and where."""
    if isinstance(error, InvocationFailedError):
        return f"{error.type}: {error.message}", error.stack
    return str(error), ""
