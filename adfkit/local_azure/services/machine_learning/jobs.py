"""Pipeline jobs: steps run as soon as what they need is there; all state is in run history, so a job survives us."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from uuid import uuid4

from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.services.machine_learning import computes, pipelines
from adfkit.local_azure.services.machine_learning.api import WORKSPACES, workspace_guid
from adfkit.local_azure.services.machine_learning.endpoints import compute_id
from adfkit.local_azure.services.machine_learning.models import Json, Run, RunError
from adfkit.local_azure.services.machine_learning.pipelines import Pipeline, Step
from adfkit.local_azure.services.machine_learning.runs import Runs, now
from adfkit.local_azure.services.machine_learning.steps import StepContext, StepFailedError, execute

logger = logging.getLogger(__name__)


class Jobs:
    """Runs the pipeline jobs of all workspaces."""

    def __init__(self, platform: Platform, runs: Runs) -> None:
        self._platform = platform
        self._runs = runs
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._nodes: dict[str, asyncio.Semaphore] = {}

    def resume(self) -> None:
        """Go on with the jobs that a stopped gateway left: ended steps stay ended, others run again."""
        for run in self._runs.unfinished():
            self._start(run)

    async def stop(self) -> None:
        """Interrupt every job; the next start resumes them."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def submit(self, workspace: Resource, experiment: str, display_name: str, definition: Json) -> Run:
        """Store a new job and start it; `definition` is what `_Job` reads."""
        run = Run(
            id=f"batchjob-{uuid4()}",
            workspace=workspace_guid(workspace),
            kind="pipeline",
            display_name=display_name,
            experiment=experiment,
            status="NotStarted",
            definition=definition,
            created_at=now(),
        )
        self._runs.add(run)
        self._start(run)
        return run

    async def cancel(self, run: Run) -> None:
        """End a job and its steps; one that has ended stays as it is."""
        if run.ended:
            return
        self._runs.set_status(run.id, "CancelRequested")
        task = self._tasks.get(run.id)
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        for child in self._runs.children(run.id):
            self._runs.set_status(child.id, "Canceled")
        self._runs.set_status(run.id, "Canceled")

    def _start(self, run: Run) -> None:
        task = asyncio.create_task(self._run(run), name=f"job {run.id}")
        self._tasks[run.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(run.id, None))

    async def _run(self, run: Run) -> None:
        try:
            if run.status == "CancelRequested":
                raise StepFailedError(RunError("Canceled", "The job was canceled."))  # noqa: TRY301
            error = await _Job(self._platform, self._runs, self._nodes, run).run()
        except AzureError as problem:
            error = RunError(problem.code, problem.message)
        except StepFailedError as problem:
            error = problem.error
        except Exception:
            logger.exception("job %s failed", run.id)
            error = RunError("SystemError", f"An unexpected error ended job {run.id}; the gateway's log has it.")
        status = "Completed" if error is None else "Canceled" if error.code == "Canceled" else "Failed"
        for child in self._runs.children(run.id):
            self._runs.set_status(child.id, "Canceled")  # those that never came to run
        self._runs.set_status(run.id, status, error=error)


class _Job:
    """One pipeline job under way."""

    def __init__(self, platform: Platform, runs: Runs, nodes: dict[str, asyncio.Semaphore], run: Run) -> None:
        self._platform = platform
        self._runs = runs
        self._nodes = nodes
        self._run = run
        self._workspace = _workspace(platform, run.workspace)
        self._pipeline: Pipeline = pipelines.load(platform, run.definition["component"])
        self._children = self._make_children()

    def _make_children(self) -> dict[str, Run]:
        children = {child.definition["step"]: child for child in self._runs.children(self._run.id)}
        for name, step in self._pipeline.steps.items():
            if name not in children:
                children[name] = Run(
                    id=str(uuid4()),
                    workspace=self._run.workspace,
                    kind="command",
                    display_name=step.display_name,
                    experiment=self._run.experiment,
                    status="NotStarted",
                    definition={"step": name, "compute": step.compute or self._run.definition["compute"]},
                    created_at=now(),
                    parent=self._run.id,
                )
                self._runs.add(children[name])
        return children

    async def run(self) -> RunError | None:
        """Run all steps that can; returns the first failure, or None."""
        self._runs.set_status(self._run.id, "Running")
        outputs = {name: child.outputs for name, child in self._children.items() if child.status == "Completed"}
        first_error = next((child.error for child in self._children.values() if child.status == "Failed"), None)
        begun = set(outputs) | {name for name, child in self._children.items() if child.ended}
        tasks: dict[asyncio.Task[dict[str, str]], str] = {}
        go_on = self._run.definition["continue_on_step_failure"]
        try:
            while True:
                if first_error is None or go_on:
                    for name, step in self._pipeline.steps.items():
                        if name not in begun and step.needs <= set(outputs):
                            begun.add(name)
                            tasks[asyncio.create_task(self._step(step, outputs))] = name
                if not tasks:
                    return first_error
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    name = tasks.pop(task)
                    try:
                        outputs[name] = task.result()
                    except StepFailedError as problem:
                        first_error = first_error or problem.error
                if first_error is not None and not go_on:
                    return first_error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _step(self, step: Step, outputs: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        child = self._children[step.name]
        try:
            compute = self._platform.resources.require(compute_id(self._workspace, child.definition["compute"]))
            context = StepContext(
                workspace=self._workspace,
                run=child,
                step=step,
                values=self._values(step, outputs),
                principal=computes.compute_principal(self._platform, compute),
                compute=compute.name,
            )
            self._runs.set_status(child.id, "Queued")
            async with self._node(compute):
                addresses = await execute(self._platform, self._runs, context)
        except AzureError as problem:
            raise self._failed(step, RunError(problem.code, problem.message)) from problem
        except StepFailedError as problem:
            raise self._failed(step, problem.error) from problem
        self._runs.set_status(child.id, "Completed", outputs=addresses)
        return addresses

    def _node(self, compute: Resource) -> asyncio.Semaphore:
        """One node of a cluster; a cluster whose size was changed counts anew."""
        limit = computes.node_limit(compute)
        return self._nodes.setdefault(f"{compute.id.lower()}:{limit}", asyncio.Semaphore(limit))

    def _failed(self, step: Step, error: RunError) -> StepFailedError:
        self._runs.set_status(self._children[step.name].id, "Failed", error=error)
        return StepFailedError(RunError(error.code, f"Step '{step.name}' failed: {error.message}"))

    def _values(self, step: Step, outputs: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        values = {name: port.default for name, port in step.inputs.items() if port.default is not None}
        given: Mapping[str, str] = self._run.definition["inputs"]
        for name, source in step.sources.items():
            if source.constant is not None:
                values[name] = source.constant
            elif source.input is not None and source.input in given:
                values[name] = given[source.input]
            elif source.step is not None and source.output is not None:
                values[name] = outputs[source.step][source.output]
        return values


def _workspace(platform: Platform, guid: str) -> Resource:
    for workspace in platform.resources.of_type(WORKSPACES):
        if workspace.properties.get("workspaceId") == guid:
            return workspace
    raise AzureError(404, "ResourceNotFound", f"The workspace {guid} of the job does not exist any more.")
