"""One pipeline run while it runs: its blocks, its activities with their policies, and every step in history."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from adfkit.expressions import Scope
from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.clock import Clock, TimeIsUp, within
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext, Definition
from adfkit.local_azure.services.data_factory.runtime.errors import ActivityError, ActivityFailure
from adfkit.local_azure.services.data_factory.runtime.factory import Factory
from adfkit.local_azure.services.data_factory.runtime.frames import Frame
from adfkit.local_azure.services.data_factory.runtime.history import History
from adfkit.local_azure.services.data_factory.runtime.json_values import time_text, to_json
from adfkit.local_azure.services.data_factory.runtime.outcomes import BlockOutcome, Failed, Outcome, Skipped, Succeeded
from adfkit.local_azure.services.data_factory.runtime.policy import ActivityPolicy, read_policy
from adfkit.local_azure.services.data_factory.runtime.records import ActivityRun, PipelineRun
from adfkit.local_azure.services.data_factory.runtime.scheduler import run_block
from adfkit.local_azure.services.data_factory.runtime.scopes import evaluate, run_scope

if TYPE_CHECKING:
    from adfkit.local_azure.services.data_factory.runtime.runtime import PipelineRuntime

MAX_OUTPUT_BYTES: Final = 4 * 1024 * 1024
logger = logging.getLogger(__name__)


class Execution:
    """A run in progress. Made anew after a restart, it takes what has ended from history and goes on."""

    def __init__(self, record: PipelineRun, factory: Factory, runtime: PipelineRuntime) -> None:
        self.record = record
        self.factory = factory
        self.runtime = runtime
        self.history: History = runtime.history
        self.clock: Clock = runtime.clock
        self.cancelled = False
        """Set before the task of a run is cancelled for good; without it, a restart goes on where it was."""
        self._recorded: dict[str, list[ActivityRun]] = defaultdict(list)
        """What history holds by path, in the order in which it began; empty for what is new."""

    def restore(self) -> None:
        """Take over what history holds of this run: from before a restart, or of the run that it recovers."""
        for activity in self.history.activities(self.record.run_id):
            self._recorded[activity.path].append(activity)

    def scope(self, frame: Frame) -> Scope:
        """What an expression in a block sees now."""
        return run_scope(self.record, self.factory, frame, self.clock)

    async def run(self) -> BlockOutcome:
        """Run the pipeline's activities to their end."""
        return await self.run_block(self.record.definition.get("activities") or [], Frame())

    async def run_block(self, activities: Sequence[Definition], frame: Frame) -> BlockOutcome:
        """Run one block's activities to their end; their results are put in the frame."""
        return await run_block(
            activities,
            lambda activity: self._run_activity(activity, frame),
            lambda activity: self._skip(activity, frame),
        )

    async def _run_activity(self, definition: Definition, frame: Frame) -> Outcome:
        if str(definition.get("state", "Active")).lower() == "inactive":
            outcome = _inactive(definition)
            self._event("ActivityInactive", definition, frame, outcome.condition)
        else:
            outcome = await self._run_attempts(definition, frame)
        frame.results[definition["name"]] = outcome.result
        return outcome

    def _adopt_recorded(self, definition: Definition, frame: Frame) -> None:
        """What `Frame.adopt` did when a container that has ended ran in another process."""
        if definition["type"] == "ForEach":
            return
        prefix = f"{frame.path}{definition['name']}/"
        for path, attempts in self._recorded.items():
            if path.startswith(prefix) and attempts[-1].has_ended:
                frame.results[attempts[-1].name] = _outcome(attempts[-1]).result

    def _skip(self, definition: Definition, frame: Frame) -> None:
        frame.results[definition["name"]] = {"status": "Skipped"}
        self._event("ActivitySkipped", definition, frame, "")

    def _event(self, kind: str, definition: Definition, frame: Frame, detail: str) -> None:
        path = frame.path + definition["name"]
        self.history.add_event(self.record.run_id, self.clock.now(), kind, path, detail)

    async def _run_attempts(self, definition: Definition, frame: Frame) -> Outcome:
        recorded = self._recorded.get(frame.path + definition["name"], [])
        if recorded and recorded[-1].has_ended:
            self._adopt_recorded(definition, frame)
        activity = self.runtime.activity(definition)
        policy, invalid = self._policy(definition, frame)
        for attempt in itertools.count():
            record = recorded[attempt] if attempt < len(recorded) else self._start(definition, frame, attempt, policy)
            if not record.has_ended:
                context = ActivityContext(definition, frame, record, self)
                await self._attempt(activity, context, policy, invalid)
            outcome = _outcome(record)
            if not isinstance(outcome, Failed) or attempt >= policy.retry:
                break
            due = (record.ended or self.clock.now()) + timedelta(seconds=policy.retry_interval)
            await self.clock.sleep((due - self.clock.now()).total_seconds())
        return outcome

    def _policy(self, definition: Definition, frame: Frame) -> tuple[ActivityPolicy, ActivityFailure | None]:
        """The policy, or the default one and why the activity fails for its own."""
        if not definition.get("policy"):
            return ActivityPolicy(), None
        try:
            scope = self.scope(frame)
            return read_policy(definition, lambda value: evaluate(value, scope)), None
        except ActivityFailure as failure:
            return ActivityPolicy(), failure

    def _start(self, definition: Definition, frame: Frame, attempt: int, policy: ActivityPolicy) -> ActivityRun:
        record = ActivityRun(
            id=str(uuid4()),
            run_id=self.record.run_id,
            name=definition["name"],
            type=definition["type"],
            path=frame.path + definition["name"],
            attempt=attempt,
            linked_service=(definition.get("linkedServiceName") or {}).get("referenceName"),
            secure_input=policy.secure_input,
            secure_output=policy.secure_output,
            user_properties={item["name"]: item.get("value") for item in definition.get("userProperties") or ()},
            started=self.clock.now(),
        )
        self.history.start_activity(record)
        return record

    async def _attempt(
        self,
        activity: Activity | None,
        context: ActivityContext,
        policy: ActivityPolicy,
        invalid: ActivityFailure | None,
    ) -> None:
        """Execute once; how it ended is in the record, and in history, afterwards."""
        record = context.record
        try:
            record.output = await self._execute(activity, context, policy, invalid)
            record.status = "Succeeded"
        except ActivityFailure as failure:
            record.status = "TimedOut" if failure.timed_out else "Failed"
            record.output, record.error = failure.output, failure.error.to_json(record.name)
        except asyncio.CancelledError:
            if self.cancelled:
                record.status = "Cancelled"
                self._end(record)
            raise
        except Exception:
            logger.exception("Activity '%s' of run %s", record.path, record.run_id)
            record.status = "Failed"
            record.output, record.error = {}, _internal_error(record)
        self._end(record)

    async def _execute(
        self,
        activity: Activity | None,
        context: ActivityContext,
        policy: ActivityPolicy,
        invalid: ActivityFailure | None,
    ) -> dict[str, Any]:
        if invalid is not None:
            raise invalid
        if activity is None:
            raise errors.unsupported_activity(context.record.type)
        missing = next((name for name in activity.required if context.raw(name) is None), None)
        if missing is not None:
            raise errors.required_property(missing)
        context.record.user_properties = context.evaluate(context.record.user_properties)
        if not activity.has_policy:
            return await activity.execute(context)
        elapsed = (self.clock.now() - context.record.started).total_seconds()
        try:
            output = await within(self.clock, policy.timeout - elapsed, activity.execute(context))
        except TimeIsUp as error:
            raise errors.timed_out(policy.timeout) from error
        size = len(to_json(output))
        if size > MAX_OUTPUT_BYTES:
            raise errors.output_too_large(size)
        return output

    def _end(self, record: ActivityRun) -> None:
        record.ended = self.clock.now()
        self.history.end_activity(record, self.record)


def _inactive(definition: Definition) -> Outcome:
    """What an inactive activity is marked as: https://learn.microsoft.com/azure/data-factory/deactivate-activity"""
    mark = str(definition.get("onInactiveMarkAs") or "Succeeded").lower()
    if mark == "failed":
        error = ActivityError("ActivityInactive", "The activity is inactive and is marked as failed.")
        return Failed(error, {"status": "Failed", "output": {}, "error": error.to_json(definition["name"])})
    if mark == "skipped":
        return Skipped({"status": "Skipped"})
    return Succeeded({"status": "Succeeded", "output": {}})


def _outcome(record: ActivityRun) -> Outcome:
    result: dict[str, Any] = {
        "activityRunId": record.id,
        "activityRunStart": time_text(record.started),
        "activityRunEnd": time_text(record.ended) if record.ended else None,
        "status": record.status,
        "output": record.output if record.output is not None else {},
    }
    if record.status == "Succeeded":
        return Succeeded(result)
    error: Mapping[str, Any] = record.error or {}
    result["error"] = error
    failure_type = error.get("failureType", "UserError")
    details = error.get("details") or ()
    return Failed(ActivityError(error.get("errorCode", ""), error.get("message", ""), failure_type, details), result)


def _internal_error(record: ActivityRun) -> dict[str, Any]:
    message = (
        f"An internal error of local Azure ended the activity; its log has the traceback of activity run {record.id}."
    )
    return ActivityError("InternalError", message, "SystemError").to_json(record.name)
