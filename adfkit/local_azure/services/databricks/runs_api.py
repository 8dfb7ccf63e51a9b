"""The Jobs API 2.0, 2.1 and 2.2: runs. https://docs.databricks.com/api/azure/workspace/jobs"""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.services.databricks import errors, run_states, tasks
from adfkit.local_azure.services.databricks.data_plane import ApiCall, Route, answer
from adfkit.local_azure.services.databricks.driver import source
from adfkit.local_azure.services.databricks.records import NOTEBOOK, Records, milliseconds, new_id
from adfkit.local_azure.services.databricks.runs import Runs
from adfkit.local_azure.services.databricks.workspace_api import normal

Json = dict[str, Any]
PAGE: Final = 25
_IGNORED: Final = frozenset(
    {"access_control_list", "email_notifications", "webhook_notifications", "notification_settings", "health", "queue"}
    | {"budget_policy_id", "usage_policy_id", "performance_target", "tags", "description", "edit_mode", "format"}
)
"""What says who is told, who pays and who may look: here nobody is told, nothing costs, and every caller may."""
SETTINGS: Final = _IGNORED | {
    *("run_name", "name", "tasks", "timeout_seconds", "idempotency_token", "environments", "job_clusters"),
    *("parameters", "max_concurrent_runs", "run_as", "git_source", "schedule", "trigger", "continuous", "deployment"),
    *("new_cluster", "existing_cluster_id", "libraries", "max_retries", "min_retry_interval_millis"),
    *("retry_on_timeout", *tasks.KINDS),
}


class RunsApi:
    """One-time runs, and what came of every run."""

    def __init__(self, records: Records, runs: Runs) -> None:
        self._records = records
        self._runs = runs
        self.routes = (
            Route("POST", "jobs/runs/submit", self.submit),
            Route("GET", "jobs/runs/get", self.get),
            Route("GET", "jobs/runs/get-output", self.output),
            Route("GET", "jobs/runs/list", self.list),
            Route("GET", "jobs/runs/export", self.export),
            Route("POST", "jobs/runs/cancel", self.cancel),
            Route("POST", "jobs/runs/cancel-all", self.cancel_all),
            Route("POST", "jobs/runs/delete", self.delete),
        )

    async def submit(self, call: ApiCall) -> Response:
        """Begin a run that belongs to no job."""
        check_settings(call.parameters)
        found = tasks.check(call, self._records, call.parameters)
        run = new_run(call, found, job_id=new_id(), name=str(call.get("run_name", "Untitled")), kind="SUBMIT_RUN")
        run["internal"]["timeout_seconds"] = call.number("timeout_seconds", 0)
        return answer({"run_id": self._runs.submit(call.key, run, call.get("idempotency_token"))})

    async def get(self, call: ApiCall) -> Response:
        """A run, or one task of it by the task's run id."""
        run_id = call.number("run_id")
        run = self._require(call, run_id)
        if run["run_id"] == run_id:
            return answer(shown(run))
        return answer(shown({**run, **_task(run, run_id), "tasks": []}))

    async def output(self, call: ApiCall) -> Response:
        """What a task gave."""
        run_id = call.number("run_id")
        run = self._require(call, run_id)
        if run["run_id"] == run_id:
            if len(run["tasks"]) > 1:
                raise errors.invalid_parameter(
                    "Retrieving the output of runs with multiple tasks is not supported. "
                    "Please retrieve the output of each individual task run instead."
                )
            run_id = run["tasks"][0]["run_id"]
        task = _task(run, run_id)
        given = self._records.output(run_id)
        body: Json = {"metadata": shown({**run, **task, "tasks": []})}
        if "notebook_task" in task:
            value = {"result": given["result"], "truncated": given["truncated"]} if given.get("result") else {}
            body["notebook_output"] = value
        elif "logs" in given:
            body |= {"logs": given["logs"], "logs_truncated": given["logs_truncated"]}
        if run_states.ended(task) and run_states.result(task) != run_states.SUCCESS:
            body["error"] = given.get("error") or task["state"]["state_message"]
            body["error_trace"] = given.get("error_trace", "")
        return answer(body)

    async def list(self, call: ApiCall) -> Response:
        """The runs, the newest first."""
        job = call.number("job_id") if call.get("job_id") else None
        found = self._records.runs(call.key, job)
        kind = call.get("run_type")
        first, last = call.number("start_time_from", 0), call.number("start_time_to", 2**53)
        wanted = [
            run
            for run in found
            if (kind is None or run["run_type"] == kind)
            and first <= run["start_time"] <= last
            and not (call.flag("active_only") and run_states.ended(run))
            and not (call.flag("completed_only") and not run_states.ended(run))
        ]
        page = call.page("runs", [shown(run) for run in wanted], PAGE)
        if not call.flag("expand_tasks"):
            for run in page["runs"]:
                run.pop("tasks")
        return answer(page)

    async def export(self, call: ApiCall) -> Response:
        """The notebook of a task, as a page."""
        run_id = call.number("run_id")
        run = self._require(call, run_id)
        task = run["tasks"][0] if run["run_id"] == run_id else _task(run, run_id)
        path = normal(str((task.get("notebook_task") or {}).get("notebook_path") or "/"))
        found = self._records.object(call.key, path)
        if found is None or found.type != NOTEBOOK:
            raise errors.invalid_parameter(f"Run {run_id} has no notebook to export.")
        return answer(
            {
                "views": [
                    {
                        "type": "NOTEBOOK",
                        "name": path.rpartition("/")[2],
                        "content": source.to_html(found.content.decode()),
                    }
                ]
            }
        )

    async def cancel(self, call: ApiCall) -> Response:
        """Cancel a run; it has ended when this is answered."""
        await self._runs.cancel(self._require(call, call.number("run_id")))
        return answer()

    async def cancel_all(self, call: ApiCall) -> Response:
        """Cancel the runs of a job, or all."""
        if not call.get("job_id") and not call.flag("all_queued_runs"):
            raise errors.missing_parameter("job_id")
        for run in self._records.runs(call.key, call.number("job_id") if call.get("job_id") else None):
            await self._runs.cancel(run)
        return answer()

    async def delete(self, call: ApiCall) -> Response:
        """Remove a run that has ended."""
        run = self._require(call, call.number("run_id"))
        if not run_states.ended(run):
            raise errors.invalid_state(f"Run {run['run_id']} is active; cancel it before you delete it.")
        self._records.delete_run(run["run_id"])
        return answer()

    def _require(self, call: ApiCall, run_id: int) -> Json:
        run = self._records.run(call.key, run_id)
        if run is None:
            raise errors.run_not_found(run_id)
        return run


def check_settings(settings: Json) -> None:
    """Refuse settings that would change what runs, and that local Azure does not know.

    Raises:
        AzureError: 501, naming them.
    """
    if unknown := set(settings) - SETTINGS - {name for name in settings if name.endswith("_task")}:
        raise not_implemented(f"'{', '.join(sorted(unknown))}' of a Databricks job or run")
    if settings.get("run_as"):
        raise not_implemented("'run_as' of a Databricks job or run: it runs as the one that begins it")


def new_run(call: ApiCall, found: list[Json], *, job_id: int, name: str, kind: str) -> Json:
    """A run about to begin; `internal` is what the API does not show."""
    run_id, now = new_id(), milliseconds()
    run: Json = {
        "job_id": job_id,
        "run_id": run_id,
        "number_in_job": run_id,
        "original_attempt_run_id": run_id,
        "attempt_number": 0,
        "creator_user_name": call.principal.client_id,
        "run_as_user_name": call.principal.client_id,
        "run_name": name,
        "run_type": kind,
        "trigger": "ONE_TIME",
        "format": "MULTI_TASK",
        "start_time": now,
        "setup_duration": 0,
        "execution_duration": 0,
        "cleanup_duration": 0,
        "run_page_url": f"{call.url}/?o={call.workspace.properties['workspaceId']}#job/{job_id}/run/{run_id}",
        "tasks": tasks.made_ready(call, run_id, found, now),
        "internal": {"principal": call.principal.object_id, "workspace": call.key},
    }
    run_states.go(run, "PENDING", "Waiting for cluster")
    return run


def shown(run: Json) -> Json:
    """A run as the API shows it; secrets stand in its clusters as references only."""
    hidden = ("internal", "running_since")
    body = {name: value for name, value in run.items() if name not in hidden}
    body["tasks"] = [{name: value for name, value in task.items() if name not in hidden} for task in run["tasks"]]
    return body


def _task(run: Json, run_id: int) -> Json:
    found: Json = next(task for task in run["tasks"] if task["run_id"] == run_id)
    return found
