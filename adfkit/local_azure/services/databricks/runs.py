"""Runs the tasks of runs: as many processes at once as the machine has cores, each task after those it depends on.

A run that a killed local Azure left is run again from its first unfinished task: in Azure nothing would have touched
its cluster, so whoever waits for it sees it end as it would have there.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from typing import Any, Final

from adfkit.local_azure.platform import Platform
from adfkit.local_azure.services.databricks import execution, run_states, storage
from adfkit.local_azure.services.databricks.execution import Place, TaskFailedError
from adfkit.local_azure.services.databricks.records import Records, milliseconds

Json = dict[str, Any]
_REFERENCE: Final = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")
logger = logging.getLogger(__name__)


class Runs:
    """The runs of all workspaces."""

    def __init__(self, platform: Platform, records: Records) -> None:
        self._platform = platform
        self._records = records
        self._working: dict[int, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(max(1, os.cpu_count() or 1))

    async def start(self) -> None:
        """Take up what did not come to its end."""
        for workspace, run in self._records.unfinished():
            if run["internal"].get("cancelled"):
                self._cancelled(run)
                continue
            for task in run["tasks"]:
                if not run_states.ended(task):
                    run_states.go(task, "PENDING", "Waiting to run again, after local Azure was started anew.")
            self._begin(workspace, run)

    async def stop(self) -> None:
        """End every process; the runs go on at the next start."""
        working = list(self._working.values())
        for each in working:
            each.cancel()
        await asyncio.gather(*working, return_exceptions=True)

    def submit(self, workspace: str, run: Json, token: str | None) -> int:
        """Keep a new run and begin it, unless it has ended; one with the same idempotency token is that one."""
        run_id = self._records.add_run(workspace, run, token)
        if run_id == run["run_id"]:
            if run_states.ended(run):
                self._save(run)
            else:
                self._begin(workspace, run)
        return run_id

    async def cancel(self, run: Json) -> None:
        """Cancel a run; what has ended stays as it is."""
        if run_states.ended(run):
            return
        run["internal"]["cancelled"] = True
        self._save(run)
        working = self._working.get(run["run_id"])
        if working is not None:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
        run = self._current(run)
        if not run_states.ended(run):
            run["internal"]["cancelled"] = True
            self._cancelled(run)

    def _current(self, run: Json) -> Json:
        workspace = run["internal"]["workspace"]
        return self._records.run(workspace, run["run_id"]) or run

    def _cancelled(self, run: Json) -> None:
        for task in run["tasks"]:
            if not run_states.ended(task):
                run_states.end(task, run_states.CANCELED, "Run cancelled.")
        run_states.end(run, run_states.CANCELED, "Run cancelled.")
        self._save(run)

    def _save(self, run: Json) -> None:
        self._records.save_run(run, ended=run_states.ended(run))

    def _begin(self, workspace: str, run: Json) -> None:
        work = asyncio.create_task(self._work(workspace, run))
        self._working[run["run_id"]] = work
        work.add_done_callback(lambda _: self._working.pop(run["run_id"], None))

    async def _work(self, workspace: str, run: Json) -> None:
        try:
            limit = int(run["internal"].get("timeout_seconds") or 0) or None
            async with asyncio.timeout(limit):
                await self._tasks(workspace, run)
            run_states.end_run(run)
        except TimeoutError:
            for task in run["tasks"]:
                if not run_states.ended(task):
                    run_states.end(task, run_states.TIMEDOUT, "The run timed out.")
            run_states.end(run, run_states.TIMEDOUT, f"The run took longer than its timeout of {limit} seconds.")
        except Exception as error:
            logger.exception("Run %s", run["run_id"])
            message = f"Local Azure could not run it: {type(error).__name__}: {error}"
            for task in run["tasks"]:
                if not run_states.ended(task):
                    run_states.end(task, run_states.FAILED, message, code="INTERNAL_ERROR", internal=True)
            run_states.end(run, run_states.FAILED, message, code="INTERNAL_ERROR", internal=True)
        self._save(run)

    async def _tasks(self, workspace: str, run: Json) -> None:
        tasks = {task["task_key"]: task for task in run["tasks"]}
        working: dict[asyncio.Task[None], str] = {}
        try:
            while True:
                started = set(working.values())
                for key, task in tasks.items():
                    above = [tasks[each["task_key"]] for each in task.get("depends_on") or []]
                    if run_states.ended(task) or key in started or not all(map(run_states.ended, above)):
                        continue
                    if _may_run(str(task.get("run_if") or "ALL_SUCCESS"), above):
                        working[asyncio.create_task(self._task(workspace, run, task))] = key
                    else:
                        run_states.end(task, "UPSTREAM_FAILED", "An upstream task failed.")
                        self._save(run)
                        break
                else:
                    if not working:
                        return
                    done, _ = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
                    for each in done:
                        del working[each]
                        each.result()
        finally:
            for each in working:
                each.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    async def _task(self, workspace: str, run: Json, task: Json) -> None:
        async with self._slots:
            while True:
                await self._attempt(workspace, run, task)
                again = run_states.result(task) == run_states.FAILED
                if not again or task["attempt_number"] >= int(task.get("max_retries") or 0):
                    return
                task["attempt_number"] += 1
                await asyncio.sleep(int(task.get("min_retry_interval_millis") or 0) / 1000)

    async def _attempt(self, workspace: str, run: Json, task: Json) -> None:
        limit = int(task.get("timeout_seconds") or 0) or None
        task["start_time"] = milliseconds()
        try:
            async with asyncio.timeout(limit):
                await self._run(workspace, run, task)
            run_states.end(task, run_states.SUCCESS)
        except TimeoutError:
            run_states.end(task, run_states.TIMEDOUT, f"The task took longer than its timeout of {limit} seconds.")
        except TaskFailedError as error:
            run_states.end(task, run_states.FAILED, str(error), code=error.code, internal=error.internal)
        self._save(run)

    async def _run(self, workspace: str, run: Json, task: Json) -> None:
        place = self._place(workspace, run, task)
        run_states.go(task, "PENDING", "Installing libraries")
        run_states.go(run, "RUNNING", "In run")
        self._save(run)
        environment, jars = await execution.prepare(place)
        now = milliseconds()
        task.update(setup_duration=now - task["start_time"], running_since=now)
        run_states.go(task, "RUNNING", "In run")
        self._save(run)
        found = await execution.run(place, environment, jars, storage.identities(place))
        if found.get("task_values"):
            run["internal"].setdefault("task_values", {})[task["task_key"]] = found["task_values"]

    def _place(self, workspace: str, run: Json, task: Json) -> Place:
        resource = self._platform.resources.require(workspace)
        principal = self._platform.identity.principal(run["internal"]["principal"])
        if principal is None:
            raise TaskFailedError(f"{run['creator_user_name']} does not exist any more.", internal=True)
        if id := task.get("existing_cluster_id"):
            cluster = self._records.get(workspace, "cluster", id)
            if cluster is None:
                message = f"Cluster {id} does not exist"
                raise TaskFailedError(message, code="CLUSTER_ERROR", internal=True)
            if cluster["state"] != "RUNNING":
                cluster |= {"state": "RUNNING", "start_time": milliseconds()}
                self._records.put(workspace, "cluster", id, cluster)
        else:
            cluster = task.get("new_cluster") or {}
        return Place(self._platform, self._records, resource, principal, run, resolved(run, task), cluster)


def _may_run(condition: str, above: list[Json]) -> bool:
    results = [run_states.result(task) for task in above]
    good = [result == run_states.SUCCESS for result in results]
    bad = [
        result in (run_states.FAILED, run_states.TIMEDOUT, run_states.CANCELED, "UPSTREAM_FAILED") for result in results
    ]
    match condition:
        case "AT_LEAST_ONE_SUCCESS":
            return any(good)
        case "NONE_FAILED":
            return not any(bad)
        case "ALL_DONE":
            return True
        case "AT_LEAST_ONE_FAILED":
            return any(bad)
        case "ALL_FAILED":
            return all(bad)
    return all(good)


def resolved(run: Json, task: Json) -> Json:
    """The task with references such as `{{job.run_id}}` in its parameters replaced; others stay as they are."""
    known = {
        "job.id": run["job_id"],
        "job.run_id": run["run_id"],
        "job.name": run["run_name"],
        "run_id": task["run_id"],
        "job_id": run["job_id"],
        "parent_run_id": run["run_id"],
        "task.name": task["task_key"],
        "task.run_id": task["run_id"],
    }
    known |= {f"job.parameters.{each['name']}": each["value"] for each in run.get("job_parameters") or []}
    for key, values in (run["internal"].get("task_values") or {}).items():
        known |= {f"tasks.{key}.values.{name}": value for name, value in values.items()}

    def fill(value: Any) -> Any:
        if isinstance(value, str):
            return _REFERENCE.sub(lambda match: str(known.get(match[1], match[0])), value)
        if isinstance(value, dict):
            return {name: fill(each) for name, each in value.items()}
        return [fill(each) for each in value] if isinstance(value, list) else value

    kinds = ("notebook_task", "spark_python_task", "spark_jar_task")
    return {**task, **{kind: fill(task[kind]) for kind in kinds if kind in task}}
