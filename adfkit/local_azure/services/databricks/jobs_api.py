"""The Jobs API: jobs, which are settings kept under a number, and their runs.

https://docs.databricks.com/api/azure/workspace/jobs
"""

from __future__ import annotations

import copy
from typing import Any, Final

from starlette.responses import Response

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.services.databricks import errors, run_states, tasks
from adfkit.local_azure.services.databricks.data_plane import ApiCall, Json, Route, answer
from adfkit.local_azure.services.databricks.records import Records, milliseconds, new_id
from adfkit.local_azure.services.databricks.runs import Runs
from adfkit.local_azure.services.databricks.runs_api import check_settings, new_run

JOB: Final = "job"
LIMIT: Final = 20
_RUN_NOW: Final = frozenset(
    {"job_id", "idempotency_token", "job_parameters", "notebook_params", "jar_params", "python_params", "queue", "only"}
)


class JobsApi:
    """Create, change, list and run."""

    def __init__(self, records: Records, runs: Runs) -> None:
        self._records = records
        self._runs = runs
        self.routes = (
            Route("POST", "jobs/create", self.create),
            Route("GET", "jobs/get", self.get),
            Route("GET", "jobs/list", self.list),
            Route("POST", "jobs/reset", self.reset),
            Route("POST", "jobs/update", self.update),
            Route("POST", "jobs/delete", self.delete),
            Route("POST", "jobs/run-now", self.run_now),
        )

    async def create(self, call: ApiCall) -> Response:
        """Keep a job."""
        job_id = new_id()
        self._keep(call, job_id, call.parameters, milliseconds())
        return answer({"job_id": job_id})

    async def get(self, call: ApiCall) -> Response:
        """A job."""
        return answer(self._require(call))

    async def list(self, call: ApiCall) -> Response:
        """The jobs, the newest first; without their tasks, where `expand_tasks` does not ask for them."""
        found = copy.deepcopy(self._records.all(call.key, JOB)[::-1])
        if name := call.get("name"):
            found = [job for job in found if str(job["settings"].get("name", "")).lower() == str(name).lower()]
        if not call.flag("expand_tasks"):
            for job in found:
                for hidden in ("tasks", "job_clusters"):
                    job["settings"].pop(hidden, None)
        return answer(call.page("jobs", found, LIMIT))

    async def reset(self, call: ApiCall) -> Response:
        """Give a job other settings altogether."""
        job = self._require(call)
        self._keep(call, job["job_id"], call.required("new_settings"), job["created_time"])
        return answer()

    async def update(self, call: ApiCall) -> Response:
        """Give a job some other settings; tasks and clusters are merged by their keys."""
        job = self._require(call)
        settings = {**job["settings"]}
        for name, value in (call.get("new_settings") or {}).items():
            settings[name] = _merged(settings.get(name) or [], value, name)
        for name in call.get("fields_to_remove") or []:
            _remove(settings, str(name))
        self._keep(call, job["job_id"], settings, job["created_time"])
        return answer()

    async def delete(self, call: ApiCall) -> Response:
        """Remove a job; its runs stay."""
        self._records.delete(call.key, JOB, str(self._require(call)["job_id"]))
        return answer()

    async def run_now(self, call: ApiCall) -> Response:
        """Begin a run of a job."""
        if unknown := set(call.parameters) - _RUN_NOW:
            raise not_implemented(f"'{', '.join(sorted(unknown))}' of 'run-now'")
        if call.get("only"):
            raise not_implemented("'only' of 'run-now': the run of some tasks")
        job = self._require(call)
        settings = copy.deepcopy(job["settings"])
        found = tasks.check(call, self._records, settings)
        parameters = _job_parameters(settings, call.get("job_parameters", {}))
        for task in found:
            _give_parameters(task, call, parameters)
        name = str(settings.get("name", "Untitled"))
        run = new_run(call, found, job_id=job["job_id"], name=name, kind="JOB_RUN")
        run["job_parameters"] = parameters
        run["internal"]["timeout_seconds"] = int(settings.get("timeout_seconds") or 0)
        active = [each for each in self._records.runs(call.key, job["job_id"]) if not run_states.ended(each)]
        limit = int(settings.get("max_concurrent_runs") or 1)
        if len(active) >= limit:
            if (call.get("queue") or settings.get("queue") or {}).get("enabled"):
                raise not_implemented(f"a queue of runs: {len(active)} of job {job['job_id']} are active")
            message = f"Skipped: {len(active)} of at most {limit} concurrent runs of the job are active."
            for each in (*run["tasks"], run):
                run_states.end(each, "MAXIMUM_CONCURRENT_RUNS_REACHED", message)
        run_id = self._runs.submit(call.key, run, call.get("idempotency_token"))
        return answer({"run_id": run_id, "number_in_job": run_id})

    def _keep(self, call: ApiCall, job_id: int, settings: Json, created: int) -> None:
        check_settings(settings)
        for name in ("schedule", "trigger", "continuous"):
            if settings.get(name):
                raise not_implemented(f"'{name}' of a Databricks job: it runs when it is told to")
        tasks.check(call, self._records, copy.deepcopy(settings))
        shown = {"max_concurrent_runs": 1, "format": "MULTI_TASK", "timeout_seconds": 0, **settings}
        document: dict[str, Any] = {
            "job_id": job_id,
            "creator_user_name": call.principal.client_id,
            "run_as_user_name": call.principal.client_id,
            "settings": {**shown, "tasks": tasks.of_settings(settings)},
            "created_time": created,
        }
        self._records.put(call.key, JOB, str(job_id), document)

    def _require(self, call: ApiCall) -> Json:
        found = self._records.get(call.key, JOB, str(call.number("job_id")))
        if found is None:
            raise errors.invalid_parameter(f"Job {call.number('job_id')} does not exist.")
        return found


def _job_parameters(settings: Json, given: Json) -> list[Json]:
    declared = {each["name"]: str(each.get("default", "")) for each in settings.get("parameters") or []}
    if unknown := set(given) - set(declared):
        raise errors.invalid_parameter(f"Job parameters {', '.join(sorted(unknown))} are not declared by the job.")
    return [
        {"name": name, "default": default, "value": str(given.get(name, default))} for name, default in declared.items()
    ]


def _give_parameters(task: Json, call: ApiCall, parameters: list[Json]) -> None:
    if "notebook_task" in task:
        given = {each["name"]: each["value"] for each in parameters} | call.get("notebook_params", {})
        base = task["notebook_task"].get("base_parameters") or {}
        task["notebook_task"] = {**task["notebook_task"], "base_parameters": {**base, **given}}
    for kind, name in (("spark_python_task", "python_params"), ("spark_jar_task", "jar_params")):
        if kind in task and call.get(name) is not None:
            task[kind] = {**task[kind], "parameters": call.get(name)}


def _merged(before: Any, given: Any, name: str) -> Any:
    key = {"tasks": "task_key", "job_clusters": "job_cluster_key", "environments": "environment_key"}.get(name)
    if key is None:
        return given
    new = {each[key]: each for each in given}
    kept = [new.pop(each[key], each) for each in before]
    return [*kept, *new.values()]


def _remove(settings: Json, name: str) -> None:
    """Remove a setting, or one of a list by its key, as in `tasks/clean`."""
    field, _, key = name.partition("/")
    if not key:
        settings.pop(field, None)
        return
    settings[field] = [each for each in settings.get(field) or [] if key not in each.values()]
