"""The runtime of all factories: starts, queues, cancels and resumes pipeline runs."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.callbacks import Callbacks
from adfkit.local_azure.services.data_factory.runtime.clock import Clock, SystemClock
from adfkit.local_azure.services.data_factory.runtime.errors import RunError
from adfkit.local_azure.services.data_factory.runtime.execution import Execution
from adfkit.local_azure.services.data_factory.runtime.factory import Factory
from adfkit.local_azure.services.data_factory.runtime.history import History
from adfkit.local_azure.services.data_factory.runtime.outcomes import BlockOutcome
from adfkit.local_azure.services.data_factory.runtime.parameters import (
    initial_variables,
    resolve_parameters,
    secure_names,
)
from adfkit.local_azure.services.data_factory.runtime.records import PipelineRun
from adfkit.local_azure.services.data_factory.runtime.recovery import Recovery

logger = logging.getLogger(__name__)
Key = tuple[str, str]


class PipelineRuntime:
    """Runs pipelines on one event loop. Knows nothing of HTTP or ARM.

    Args:
        history: where every step is written before anyone is told.
        activities: the activities that can be run, by type.
        factory: finds a factory by its id; None where it has gone.
        clock: the time that waits, retries and timeouts use.
        choose: what executes an activity, where that is not for its type alone to say.
    """

    def __init__(
        self,
        history: History,
        *,
        activities: Mapping[str, Activity],
        factory: Callable[[str], Factory | None],
        clock: Clock | None = None,
        choose: Callable[[Mapping[str, Any]], Activity | None] | None = None,
    ) -> None:
        self.history = history
        self.activity = choose or (lambda definition: activities.get(definition["type"]))
        self.clock: Clock = clock or SystemClock()
        self.callbacks = Callbacks()
        self._factory = factory
        self._executions: dict[str, Execution] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._finished: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._active: dict[Key, set[str]] = defaultdict(set)
        self._queues: dict[Key, deque[PipelineRun]] = defaultdict(deque)

    def create_run(
        self,
        factory: Factory,
        pipeline: str,
        parameters: Mapping[str, Any],
        invoked_by: Mapping[str, Any],
        run_id: str | None = None,
        recovery: Recovery | None = None,
    ) -> PipelineRun:
        """Start a run, or queue it behind the pipeline's concurrency; it is in history when this returns.

        A recovery run begins with the variables of the run that it recovers.

        Raises:
            RunError: the pipeline does not exist, or a parameter is missing or of another type.
        """
        found = factory.artifacts.find("pipelines", pipeline)
        if found is None:
            raise RunError(f"The pipeline '{pipeline}' does not exist in the data factory '{factory.name}'.")
        name, definition = found
        declared = definition.get("parameters") or {}
        now, id = self.clock.now(), run_id or str(uuid4())
        run = PipelineRun(
            run_id=id,
            group=recovery.reference.group if recovery else id,
            factory=factory.id,
            pipeline=name,
            definition=dict(definition),
            parameters=resolve_parameters(declared, parameters, f"pipeline '{name}'"),
            secure_parameters=secure_names(declared),
            invoked_by=dict(invoked_by),
            variables=initial_variables(definition.get("variables") or {}),
            created=now,
            updated=now,
        )
        reused = recovery.reused(definition, id) if recovery else []
        if recovery and reused:
            run.variables |= {
                name: recovery.reference.variables.get(name, value) for name, value in run.variables.items()
            }
        starts = self._may_start(run)
        if starts:
            run.status, run.started = "InProgress", now
        self.history.add_run(run, reused)
        if starts:
            self._start(run, factory)
        else:
            self._queues[_key(run)].append(run)
        return run

    async def wait(self, run_id: str) -> PipelineRun | None:
        """The run once it has ended; None where there is no such run."""
        run = self.history.run(run_id)
        if run is None or run.has_ended:
            return run
        await self._finished[run_id].wait()
        return self.history.run(run_id)

    async def cancel(self, run_id: str, *, recursive: bool) -> None:
        """End a run as Cancelled, with the runs that it started if `recursive`; one that has ended stays as it is."""
        run = self.history.run(run_id)
        if run is None or run.has_ended:
            return
        children = [
            child.run_id for child in self.history.unfinished() if child.invoked_by.get("pipelineRunId") == run_id
        ]
        execution = self._executions.get(run_id)
        if execution is None:
            self._drop_queued(run)
        else:
            await self._cancel(execution)
        if recursive:
            await asyncio.gather(*(self.cancel(child, recursive=True) for child in children))

    async def _cancel(self, execution: Execution) -> None:
        run = execution.record
        self._change(run, "Canceling", "RunCanceling")
        execution.cancelled = True
        task = self._tasks[run.run_id]
        task.cancel()
        await asyncio.wait({task})
        if not run.has_ended:  # the task had not even begun, so that nothing in it saw the cancellation
            self._end(run, "Cancelled", "")

    def resume(self) -> None:
        """Go on with every run that a process which ended left unfinished."""
        for run in self.history.unfinished():
            factory = self._factory(run.factory)
            if factory is None:
                self._end(run, "Cancelled", "The data factory was deleted.")
            elif run.status == "Canceling":
                self.history.cancel_activities(run.run_id, self.clock.now())
                self._end(run, "Cancelled", "")
            elif run.status == "InProgress":
                self._start(run, factory)
            elif self._may_start(run):
                self._start_queued(run, factory)
            else:
                self._queues[_key(run)].append(run)

    async def stop(self) -> None:
        """Stop working. Runs in progress stay so in history, for `resume`."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _may_start(self, run: PipelineRun) -> bool:
        limit = run.definition.get("concurrency")
        return not limit or len(self._active[_key(run)]) < int(limit)

    def _start(self, run: PipelineRun, factory: Factory) -> None:
        execution = Execution(run, factory, self)
        execution.restore()
        self._executions[run.run_id] = execution
        self._active[_key(run)].add(run.run_id)
        self._tasks[run.run_id] = asyncio.ensure_future(self._run(execution))

    def _start_queued(self, run: PipelineRun, factory: Factory) -> None:
        run.started = self.clock.now()
        self._change(run, "InProgress", "RunStarted")
        self._start(run, factory)

    async def _run(self, execution: Execution) -> None:
        run = execution.record
        try:
            outcome = await execution.run()
        except asyncio.CancelledError:
            if not execution.cancelled:
                raise
            self._end(run, "Cancelled", "")
        except Exception:
            logger.exception("Pipeline run %s", run.run_id)
            self._end(run, "Failed", "An internal error of local Azure ended the run; its log has the traceback.")
        else:
            self._end(run, "Succeeded" if outcome.succeeded else "Failed", _message(outcome))

    def _change(self, run: PipelineRun, status: Any, kind: str) -> None:
        run.status, run.updated = status, self.clock.now()
        self.history.save_run(run, kind)

    def _end(self, run: PipelineRun, status: Any, message: str) -> None:
        run.message, run.ended = message, self.clock.now()
        self._change(run, status, "RunEnded")
        self._executions.pop(run.run_id, None)
        self._tasks.pop(run.run_id, None)
        self._active[_key(run)].discard(run.run_id)
        finished = self._finished.pop(run.run_id, None)
        if finished is not None:
            finished.set()
        self._start_next(_key(run))

    def _start_next(self, key: Key) -> None:
        queue = self._queues[key]
        while queue and self._may_start(queue[0]):
            run = queue.popleft()
            factory = self._factory(run.factory)
            if factory is None:
                self._end(run, "Cancelled", "The data factory was deleted.")
            else:
                self._start_queued(run, factory)

    def _drop_queued(self, run: PipelineRun) -> None:
        queue = self._queues[_key(run)]
        for queued in queue:
            if queued.run_id == run.run_id:
                queue.remove(queued)
                break
        self._end(run, "Cancelled", "")


def _key(run: PipelineRun) -> Key:
    return run.factory, run.pipeline


def _message(outcome: BlockOutcome) -> str:
    return "\n".join(f"Operation on target {name} failed: {error.message}" for name, error in outcome.failures.items())
