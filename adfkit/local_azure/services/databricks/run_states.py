"""States of runs and tasks, as the Jobs API shows them in `state` and, since 2.2, in `status`.

https://docs.databricks.com/api/azure/workspace/jobs/getrun
"""

from __future__ import annotations

from typing import Any, Final

from adfkit.local_azure.services.databricks.records import milliseconds

Json = dict[str, Any]
SUCCESS, FAILED, CANCELED, TIMEDOUT = "SUCCESS", "FAILED", "CANCELED", "TIMEDOUT"
WORKLOAD_FAILED: Final = "Workload failed, see run output for details"
ENDED: Final = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")
_TERMINATIONS: Final = {
    SUCCESS: ("SUCCESS", "SUCCESS"),
    FAILED: ("RUN_EXECUTION_ERROR", "CLIENT_ERROR"),
    CANCELED: ("USER_CANCELED", "CLIENT_ERROR"),
    TIMEDOUT: ("RUN_EXECUTION_ERROR", "CLIENT_ERROR"),
    "UPSTREAM_FAILED": ("SKIPPED", "CLIENT_ERROR"),
    "EXCLUDED": ("SKIPPED", "CLIENT_ERROR"),
    "MAXIMUM_CONCURRENT_RUNS_REACHED": ("MAX_CONCURRENT_RUNS_EXCEEDED", "CLIENT_ERROR"),
}


def ended(document: Json) -> bool:
    """Whether a run or a task has come to its end."""
    return document["state"]["life_cycle_state"] in ENDED


def result(document: Json) -> str:
    """How it ended; empty before."""
    return str(document["state"].get("result_state") or "")


def go(document: Json, life_cycle: str, message: str = "") -> None:
    """Move to a state that is not the last one."""
    document["state"] = {"life_cycle_state": life_cycle, "state_message": message, "user_cancelled_or_timedout": False}
    document["status"] = {"state": life_cycle}


def end(document: Json, result_state: str, message: str = "", *, code: str = "", internal: bool = False) -> None:
    """Come to the end. `internal`: the task did not run, or a run has a failed task; then it is INTERNAL_ERROR."""
    skipped = result_state in ("UPSTREAM_FAILED", "EXCLUDED", "MAXIMUM_CONCURRENT_RUNS_REACHED")
    life_cycle = "SKIPPED" if skipped else "INTERNAL_ERROR" if internal else "TERMINATED"
    document["state"] = {
        "life_cycle_state": life_cycle,
        "result_state": result_state,
        "state_message": message,
        "user_cancelled_or_timedout": result_state in (CANCELED, TIMEDOUT),
    }
    known, kind = _TERMINATIONS[result_state]
    details = {"code": code or known, "type": kind, "message": message}
    document["status"] = {"state": "TERMINATED", "termination_details": details}
    now = milliseconds()
    if document.get("running_since"):
        document["execution_duration"] = now - document.pop("running_since")
    document["end_time"] = now
    document["run_duration"] = now - document["start_time"]


def end_run(run: Json) -> None:
    """End a run whose tasks have all ended: it failed where one of those that nothing follows did."""
    tasks = run["tasks"]
    followed = {each["task_key"] for task in tasks for each in task.get("depends_on") or []}
    leaves = [task for task in tasks if task["task_key"] not in followed]
    bad = [task for task in leaves if result(task) not in (SUCCESS, "EXCLUDED")]
    if not bad:
        end(run, SUCCESS)
        return
    first = next((task for task in tasks if result(task) in (FAILED, TIMEDOUT, CANCELED)), bad[0])
    if result(first) == CANCELED:
        end(run, CANCELED, "Run cancelled.")
        return
    if result(first) == TIMEDOUT:
        end(run, TIMEDOUT, f"Task {first['task_key']} timed out.")
        return
    message = first["state"]["state_message"].rstrip(".")
    text = f"Task {first['task_key']} failed with message: {message}. This caused all downstream tasks to get skipped."
    end(run, FAILED, text, internal=True)
