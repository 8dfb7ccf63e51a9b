"""Tasks of a run or a job: checked as the Jobs API checks them, and made ready to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.services.databricks import clusters, errors, libraries, run_states
from adfkit.local_azure.services.databricks.data_plane import ApiCall
from adfkit.local_azure.services.databricks.records import Records, new_id

Json = dict[str, Any]
KINDS: Final = ("notebook_task", "spark_python_task", "spark_jar_task")
CONDITIONS: Final = (
    "ALL_SUCCESS",
    "AT_LEAST_ONE_SUCCESS",
    "NONE_FAILED",
    "ALL_DONE",
    "AT_LEAST_ONE_FAILED",
    "ALL_FAILED",
)
MAX_TASKS: Final = 1000
_COMMON: Final = frozenset(
    {"task_key", "description", "depends_on", "run_if", "libraries", "timeout_seconds", "max_retries"}
    | {"min_retry_interval_millis", "retry_on_timeout", "new_cluster", "existing_cluster_id", "job_cluster_key"}
    | {"environment_key", "email_notifications", "notification_settings", "webhook_notifications", "health"}
    | {"disable_auto_optimization"}
)
_REQUIRED: Final = {
    "notebook_task": "notebook_path",
    "spark_python_task": "python_file",
    "spark_jar_task": "main_class_name",
}


def of_settings(settings: Json) -> list[Json]:
    """The tasks of a body of `runs/submit` or `jobs/create`; one in the old form, without `tasks`, is `main`.

    Raises:
        AzureError: 400 where there is none.
    """
    if given := settings.get("tasks"):
        return [dict(task) for task in given]
    names = (_COMMON - {"timeout_seconds"}) | {name for name in settings if name.endswith("_task")}
    task = {name: settings[name] for name in names if name in settings}
    if not task.keys() - _COMMON:
        raise errors.invalid_parameter(
            "One of job_cluster_key, new_cluster, or existing_cluster_id and a task is needed."
        )
    return [{"task_key": "main", **task}]


def check(call: ApiCall, records: Records, settings: Json) -> list[Json]:
    """The tasks, each on a cluster of its own or an existing one.

    Raises:
        AzureError: 400 for what is wrong, 501 for what local Azure does not run.
    """
    tasks = of_settings(settings)
    if settings.get("git_source"):
        raise not_implemented("'git_source' of a job; import its files into the workspace")
    keys = [str(task.get("task_key") or "") for task in tasks]
    if len(tasks) > MAX_TASKS or not all(keys) or len(set(keys)) != len(keys):
        raise errors.invalid_parameter("Every task needs a 'task_key' that no other has, and 1000 are the limit.")
    shared = {each["job_cluster_key"]: each["new_cluster"] for each in settings.get("job_clusters") or []}
    environments = {each["environment_key"]: each.get("spec") or {} for each in settings.get("environments") or []}
    for task in tasks:
        _check_kind(task)
        _check_dependencies(task, keys)
        _give_compute(call, records, task, shared, environments)
        libraries.check(task.get("libraries") or [])
    _check_cycles(tasks)
    return tasks


def _check_kind(task: Json) -> None:
    kinds = [name for name in task if name.endswith("_task") and task[name] is not None]
    key = task["task_key"]
    if len(kinds) != 1:
        raise errors.invalid_parameter(f"Task '{key}' must have one task of a kind; it has {len(kinds)}.")
    kind = kinds[0]
    if kind not in KINDS:
        raise not_implemented(f"tasks of the kind '{kind}' (task '{key}'); it runs {', '.join(KINDS)}")
    unknown = set(task) - _COMMON - {kind}
    if unknown:
        raise not_implemented(f"'{', '.join(sorted(unknown))}' of task '{key}'")
    if not task[kind].get(_REQUIRED[kind]):
        raise errors.invalid_parameter(f"Missing required field: settings.task.{kind}.{_REQUIRED[kind]}")
    if str(task[kind].get("source") or "WORKSPACE") != "WORKSPACE":
        raise not_implemented(f"the source '{task[kind]['source']}' of task '{key}'")
    for name in ("base_parameters", "parameters"):
        values = task[kind].get(name) or {}
        texts = values.values() if isinstance(values, Mapping) else values
        if not all(isinstance(value, str) for value in texts):
            raise errors.invalid_parameter(f"'{name}' of task '{key}' must hold texts only.")


def _check_dependencies(task: Json, keys: Sequence[str]) -> None:
    for each in task.get("depends_on") or []:
        if each.get("task_key") not in keys or "outcome" in each:
            raise errors.invalid_parameter(f"Task '{task['task_key']}' depends on an unknown task: {each}.")
    if task.get("run_if", CONDITIONS[0]) not in CONDITIONS:
        raise errors.invalid_parameter(f"'run_if' must be one of {', '.join(CONDITIONS)}.")


def _check_cycles(tasks: Sequence[Json]) -> None:
    waiting = {task["task_key"]: {each["task_key"] for each in task.get("depends_on") or []} for task in tasks}
    while free := [key for key, above in waiting.items() if not above & waiting.keys()]:
        for key in free:
            del waiting[key]
    if waiting:
        raise errors.invalid_parameter(f"Tasks depend on one another in a circle: {', '.join(sorted(waiting))}.")


def _give_compute(
    call: ApiCall, records: Records, task: Json, shared: Mapping[str, Json], environments: Mapping[str, Json]
) -> None:
    key = task["task_key"]
    if name := task.get("job_cluster_key"):
        if name not in shared:
            raise errors.invalid_parameter(f"Task '{key}' names the job cluster '{name}', which the job does not have.")
        task["new_cluster"] = dict(shared[name])
    if name := task.get("environment_key"):
        if name not in environments:
            raise errors.invalid_parameter(f"Task '{key}' names the environment '{name}', which there is not.")
        packages = environments[name].get("dependencies") or []
        task["libraries"] = [*(task.get("libraries") or []), *({"pypi": {"package": each}} for each in packages)]
        return
    if id := task.get("existing_cluster_id"):
        if records.get(call.key, "cluster", str(id)) is None:
            raise errors.invalid_parameter(f"Cluster {id} does not exist")
    elif given := task.get("new_cluster"):
        task["new_cluster"] = clusters.check(call, records, given)
    elif "notebook_task" not in task:
        raise errors.invalid_parameter(
            f"Task '{key}' needs one of job_cluster_key, new_cluster, existing_cluster_id or environment_key."
        )


def made_ready(call: ApiCall, run_id: int, tasks: Sequence[Json], start: int) -> list[Json]:
    """The tasks of a new run, waiting."""
    ready = []
    for task in tasks:
        task_run = new_id()
        cluster = task.get("existing_cluster_id") or clusters.new_cluster_id()
        document = {
            **task,
            "run_id": task_run,
            "attempt_number": 0,
            "start_time": start,
            "setup_duration": 0,
            "execution_duration": 0,
            "cleanup_duration": 0,
            "cluster_instance": {"cluster_id": cluster},
            "run_page_url": f"{call.url}/?o={call.workspace.properties['workspaceId']}#job/{run_id}/run/{task_run}",
        }
        run_states.go(document, "PENDING", "Waiting for cluster")
        ready.append(document)
    return ready
