"""What a task waits for, and what its end means for its job and for the tasks that depend on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adfkit.local_azure.services.batch.execution import failure_info
from adfkit.local_azure.services.batch.records import UNFINISHED, Job, Json, Records, Task, now, set_state

if TYPE_CHECKING:
    from adfkit.local_azure.services.batch.scheduler import Scheduler


def satisfied(records: Records, task: Task) -> bool:
    """Whether a task may run: all that it depends on has ended well, or with an exit that satisfies dependents."""
    wanted = task.document.get("dependsOn") or {}
    ids = [str(id) for id in wanted.get("taskIds") or []]
    for span in wanted.get("taskIdRanges") or []:
        ids.extend(str(number) for number in range(int(span["start"]), int(span["end"]) + 1))
    if not ids:
        return True
    found = {each.id: each for each in records.tasks(task.account, task.job)}
    return all(id in found and _satisfies(found[id]) for id in ids)


def _satisfies(task: Task) -> bool:
    if task.state != "completed":
        return False
    return task.succeeded or str(exit_options(task).get("dependencyAction", "block")).lower() == "satisfy"


def exit_options(task: Task) -> Json:
    """What the task's exit conditions say of how it ended."""
    conditions: Json = task.document.get("exitConditions") or {}
    code = task.execution.get("exitCode")
    if code is None:
        return dict(conditions.get("preProcessingError") or conditions.get("default") or {})
    for mapping in conditions.get("exitCodes") or []:
        if mapping["code"] == code:
            return dict(mapping["exitOptions"])
    for mapping in conditions.get("exitCodeRanges") or []:
        if mapping["start"] <= code <= mapping["end"]:
            return dict(mapping["exitOptions"])
    return dict(conditions.get("default") or {})


async def after_task(records: Records, scheduler: Scheduler, task: Task) -> None:
    """End the job where its settings say so."""
    job = records.job(task.account, task.job)
    if job.state != "active":
        return
    reacts = str(job.document.get("onTaskFailure", "noaction")).lower() == "performexitoptionsjobaction"
    action = str(exit_options(task).get("jobAction", "none")).lower()
    if not task.succeeded and reacts and action == "terminate":
        await terminate_job(records, scheduler, job, "TaskFailed")
    elif not task.succeeded and reacts and action == "disable":
        set_state(job.document, "disabled")
        records.save_job(job)
    elif str(job.document.get("onAllTasksComplete", "noaction")).lower() == "terminatejob" and all(
        each.state == "completed" for each in records.tasks(job.account, job.id)
    ):
        await terminate_job(records, scheduler, job, "AllTasksCompleted")


async def terminate_job(records: Records, scheduler: Scheduler, job: Job, reason: str) -> None:
    """Complete a job; what still runs or waits in it ends as failed."""
    set_state(job.document, "completed")
    job.document["executionInfo"].update(endTime=now(), terminateReason=reason)
    records.save_job(job)
    for task in records.tasks(job.account, job.id):
        if task.state in UNFINISHED:
            await scheduler.terminate(task, failure_info("TaskEnded", "The job of the task was terminated."))
