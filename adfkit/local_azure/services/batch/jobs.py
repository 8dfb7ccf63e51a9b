"""Jobs, tasks and the files of tasks, as the Batch service's API has them."""

from __future__ import annotations

import mimetypes
import re
import shutil
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

from starlette.responses import FileResponse, JSONResponse, Response

from adfkit.local_azure.errors import AzureError, not_implemented
from adfkit.local_azure.services.batch import dependencies, errors
from adfkit.local_azure.services.batch.data_plane import BatchRequest, Route, listed, selected
from adfkit.local_azure.services.batch.execution import failure_info
from adfkit.local_azure.services.batch.nodes import account_url, task_folder
from adfkit.local_azure.services.batch.records import UNFINISHED, Job, Json, Records, Task, now, set_state
from adfkit.local_azure.services.batch.scheduler import Scheduler

ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_TASKS: Final = 100
JOB_UNSUPPORTED: Final = ("jobManagerTask", "jobPreparationTask", "jobReleaseTask", "networkConfiguration")
TASK_UNSUPPORTED: Final = (
    "multiInstanceSettings",
    "containerSettings",
    "applicationPackageReferences",
    "affinityInfo",
    "authenticationTokenSettings",
)


class Jobs:
    """The handlers; `routes` lists them."""

    def __init__(self, records: Records, scheduler: Scheduler) -> None:
        self._records = records
        self._scheduler = scheduler
        job, task = "/jobs/{}", "/jobs/{}/tasks/{}"
        self.routes = (
            Route("POST", "/jobs", "jobs/write", self._add_job),
            Route("GET", "/jobs", "jobs/read", self._list_jobs),
            Route("GET", job, "jobs/read", self._get_job),
            Route("DELETE", job, "jobs/delete", self._delete_job),
            Route("POST", f"{job}/terminate", "jobs/write", self._terminate_job),
            Route("POST", f"{job}/disable", "jobs/write", self._disable_job),
            Route("POST", f"{job}/enable", "jobs/write", self._enable_job),
            Route("GET", f"{job}/taskcounts", "jobs/read", self._count_tasks),
            Route("POST", f"{job}/tasks", "jobs/write", self._add_task),
            Route("POST", f"{job}/addtaskcollection", "jobs/write", self._add_tasks),
            Route("GET", f"{job}/tasks", "jobs/read", self._list_tasks),
            Route("GET", task, "jobs/read", self._get_task),
            Route("DELETE", task, "jobs/write", self._delete_task),
            Route("POST", f"{task}/terminate", "jobs/write", self._terminate_task),
            Route("POST", f"{task}/reactivate", "jobs/write", self._reactivate_task),
            Route("GET", f"{task}/files", "jobs/read", self._list_files),
            Route("GET", f"{task}/files/{{}}", "jobs/read", self._get_file),
            Route("HEAD", f"{task}/files/{{}}", "jobs/read", self._get_file),
        )

    async def _add_job(self, call: BatchRequest) -> Response:
        body = call.body
        id, pool = _id(call.required("id")), call.required("poolInfo").get("poolId")
        _refuse(body, JOB_UNSUPPORTED, "a Batch job")
        if not pool:
            raise not_implemented("'poolInfo' of a Batch job without 'poolId' (pools made for a job)")
        if call.platform.resources.get(f"{call.account.id}/pools/{pool}") is None:
            raise errors.not_found("Pool", str(pool))
        moment = now()
        document: Json = {
            "priority": 0,
            "maxParallelTasks": -1,
            "onAllTasksComplete": "noaction",
            "onTaskFailure": "noaction",
            "usesTaskDependencies": False,
            **body,
            "constraints": {"maxTaskRetryCount": 0, **(body.get("constraints") or {})},
            "url": f"{account_url(call.account)}jobs/{id}",
            "creationTime": moment,
            "executionInfo": {"startTime": moment, "poolId": pool},
        }
        set_state(document, "active")
        self._records.add_job(Job(call.key, document))
        return _done(201, document)

    async def _list_jobs(self, call: BatchRequest) -> Response:
        return listed(call, [job.document for job in self._records.jobs(call.key)])

    async def _get_job(self, call: BatchRequest) -> Response:
        return _shown(call, self._job(call).document)

    async def _delete_job(self, call: BatchRequest) -> Response:
        job = self._job(call)
        await dependencies.terminate_job(self._records, self._scheduler, job, "JobDeleted")
        for task in self._records.tasks(job.account, job.id):
            self._remove_files(call, task)
        self._records.delete_job(job.account, job.id)
        return Response(status_code=202)

    async def _terminate_job(self, call: BatchRequest) -> Response:
        job = self._job(call)
        if job.state == "completed":
            raise errors.wrong_state("JobCompleted", f"The job '{job.id}' has ended.")
        reason = str(call.body.get("terminateReason") or "UserTerminate")
        await dependencies.terminate_job(self._records, self._scheduler, job, reason)
        return Response(status_code=202)

    async def _disable_job(self, call: BatchRequest) -> Response:
        job, option = self._job(call), str(call.required("disableTasks")).lower()
        if option == "requeue":
            raise not_implemented("'disableTasks' with 'requeue' in Batch; use 'wait' or 'terminate'")
        if job.state == "completed":
            raise errors.wrong_state("JobCompleted", f"The job '{job.id}' has ended.")
        set_state(job.document, "disabled")
        self._records.save_job(job)
        if option == "terminate":
            for task in self._records.tasks(job.account, job.id):
                if task.state in UNFINISHED[1:]:
                    await self._scheduler.terminate(task, failure_info("TaskEnded", "The job was disabled."))
        return Response(status_code=202)

    async def _enable_job(self, call: BatchRequest) -> Response:
        job = self._job(call)
        if job.state == "completed":
            raise errors.wrong_state("JobCompleted", f"The job '{job.id}' has ended.")
        set_state(job.document, "active")
        self._records.save_job(job)
        self._scheduler.wake()
        return Response(status_code=202)

    async def _count_tasks(self, call: BatchRequest) -> Response:
        job = self._job(call)
        counts = dict.fromkeys(("active", "running", "completed", "succeeded", "failed"), 0)
        slots = dict(counts)
        for task in self._records.tasks(job.account, job.id):
            state = "running" if task.state == "preparing" else task.state
            names = [state]
            if state == "completed":
                names.append("succeeded" if task.succeeded else "failed")
            for name in names:
                counts[name] += 1
                slots[name] += task.slots
        return JSONResponse({"taskCounts": counts, "taskSlotCounts": slots})

    async def _add_task(self, call: BatchRequest) -> Response:
        document = self._new_task(call, self._open_job(call), call.body)
        self._scheduler.wake()
        return _done(201, document)

    async def _add_tasks(self, call: BatchRequest) -> Response:
        job, bodies = self._open_job(call), call.required("value")
        if len(bodies) > MAX_TASKS:
            raise AzureError(413, "RequestBodyTooLarge", f"A collection has at most {MAX_TASKS} tasks.")
        results = []
        for body in bodies:
            result: Json = {"taskId": body.get("id", "")}
            try:
                document = self._new_task(call, job, body)
                result |= {"status": "success", "eTag": document["eTag"], "location": document["url"]}
            except AzureError as error:
                message = {"lang": "en-US", "value": error.message}
                result |= {"status": "clienterror", "error": {"code": error.code, "message": message}}
            results.append(result)
        self._scheduler.wake()
        return JSONResponse({"value": results})

    def _new_task(self, call: BatchRequest, job: Job, body: Json) -> Json:
        _refuse(body, TASK_UNSUPPORTED, "a Batch task")
        for name in ("id", "commandLine"):
            if not body.get(name):
                raise errors.missing_value(name)
        if body.get("dependsOn") and not job.document["usesTaskDependencies"]:
            raise AzureError(
                400,
                "TaskDependenciesNotSpecifiedOnJob",
                f"The job '{job.id}' does not use task dependencies: set its 'usesTaskDependencies'.",
            )
        _check_files(body)
        retries = job.document["constraints"]["maxTaskRetryCount"]
        document: Json = {
            "requiredSlots": 1,
            **body,
            "id": _id(body["id"]),
            "constraints": {"maxTaskRetryCount": retries, **(body.get("constraints") or {})},
            "url": f"{job.document['url']}/tasks/{body['id']}",
            "creationTime": now(),
            "executionInfo": {"retryCount": 0, "requeueCount": 0},
        }
        set_state(document, "active")
        self._records.add_task(Task(job.account, job.id, document))
        return document

    async def _list_tasks(self, call: BatchRequest) -> Response:
        job = self._job(call)
        return listed(call, [task.document for task in self._records.tasks(job.account, job.id)])

    async def _get_task(self, call: BatchRequest) -> Response:
        return _shown(call, self._task(call).document)

    async def _delete_task(self, call: BatchRequest) -> Response:
        task = self._task(call)
        if task.state in UNFINISHED:
            await self._scheduler.terminate(task, failure_info("TaskEnded", "The task was deleted."))
        self._remove_files(call, self._task(call))
        self._records.delete_task(task)
        return Response(status_code=200)

    async def _terminate_task(self, call: BatchRequest) -> Response:
        task = self._task(call)
        if task.state == "completed":
            raise errors.wrong_state("TaskCompleted", f"The task '{task.id}' has ended.")
        await self._scheduler.terminate(task, failure_info("TaskEnded", "Task Was Ended by User Request"))
        return Response(status_code=204)

    async def _reactivate_task(self, call: BatchRequest) -> Response:
        task = self._task(call)
        if task.state != "completed" or task.succeeded:
            raise errors.wrong_state("TaskNotCompleted", f"The task '{task.id}' has not ended as failed.")
        task.document["executionInfo"] = {"retryCount": 0, "requeueCount": task.execution["requeueCount"]}
        set_state(task.document, "active")
        self._records.save_task(task)
        self._scheduler.wake()
        return Response(status_code=204)

    async def _list_files(self, call: BatchRequest) -> Response:
        task = self._task(call)
        folder = self._folder(call, task)
        deep = call.query.get("recursive", "false").lower() == "true"
        if folder is None or not folder.is_dir():
            return listed(call, [])
        paths = sorted((folder.resolve()).rglob("*") if deep else folder.resolve().iterdir())
        return listed(call, [_file(task, folder, path) for path in paths])

    async def _get_file(self, call: BatchRequest) -> Response:
        task, name = self._task(call), unquote(call.ids[2])
        folder = self._folder(call, task)
        path = (folder / name).resolve() if folder else None
        if folder is None or path is None or not path.is_relative_to(folder.resolve()) or not path.exists():
            raise errors.not_found("File", name)
        shown = _file(task, folder, path)
        headers = {
            "ocp-batch-file-url": shown["url"],
            "ocp-batch-file-isdirectory": str(path.is_dir()).lower(),
            "ocp-batch-file-mode": f"0o{path.stat().st_mode:o}",
            "ocp-creation-time": _http_time(path.stat().st_ctime),
            "Last-Modified": _http_time(path.stat().st_mtime),
        }
        if path.is_dir():
            return Response(headers=headers)
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return FileResponse(path, headers=headers, media_type=kind)

    def _job(self, call: BatchRequest) -> Job:
        return self._records.job(call.key, call.ids[0])

    def _open_job(self, call: BatchRequest) -> Job:
        job = self._job(call)
        if job.state == "completed":
            raise errors.wrong_state("JobCompleted", f"The job '{job.id}' has ended; it takes no more tasks.")
        return job

    def _task(self, call: BatchRequest) -> Task:
        self._job(call)
        return self._records.task(call.key, call.ids[0], call.ids[1])

    def _remove_files(self, call: BatchRequest, task: Task) -> None:
        folder = self._folder(call, task, required=False)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _folder(self, call: BatchRequest, task: Task, *, required: bool = True) -> Path | None:
        """Where the task's files lie; None before it has run."""
        where = task.document.get("nodeInfo")
        if not where:
            return None
        for node in self._scheduler.nodes(f"{call.account.id}/pools/{where['poolId']}"):
            if node.id == where["nodeId"]:
                return task_folder(node, task.job, task.id)
        if required:
            raise errors.not_found("Node", where["nodeId"])
        return None


def _id(value: Any) -> str:
    if not isinstance(value, str) or not ID.fullmatch(value):
        raise errors.invalid_value("id", "letters, digits, hyphens and underscores, at most 64")
    return value


def _refuse(body: Json, names: tuple[str, ...], where: str) -> None:
    for name in names:
        if body.get(name):
            raise not_implemented(f"'{name}' of {where}")


def _check_files(body: Json) -> None:
    for file in body.get("resourceFiles") or []:
        kinds = [name for name in ("httpUrl", "storageContainerUrl", "autoStorageContainerName") if file.get(name)]
        if len(kinds) != 1:
            raise errors.invalid_value("resourceFiles", "each names exactly one source")
        if kinds == ["httpUrl"] and not file.get("filePath"):
            raise errors.invalid_value("resourceFiles", "'httpUrl' needs 'filePath'")
    for file in body.get("outputFiles") or []:
        container = (file.get("destination") or {}).get("container") or {}
        if not file.get("filePattern") or not container.get("containerUrl"):
            raise errors.invalid_value("outputFiles", "each has 'filePattern' and a container's 'containerUrl'")


def _file(task: Task, folder: Path, path: Path) -> Json:
    name = path.relative_to(folder.resolve()).as_posix()
    found = path.stat()
    shown: Json = {"name": name, "url": f"{task.document['url']}/files/{quote(name)}", "isDirectory": path.is_dir()}
    if not path.is_dir():
        shown["properties"] = {
            "creationTime": datetime.fromtimestamp(found.st_ctime, UTC).isoformat(),
            "lastModified": datetime.fromtimestamp(found.st_mtime, UTC).isoformat(),
            "contentLength": str(found.st_size),
            "contentType": "application/octet-stream",
            "fileMode": f"0o{found.st_mode:o}",
        }
    return shown


def _shown(call: BatchRequest, document: Json) -> Response:
    return JSONResponse(selected(call, document), headers={"ETag": document["eTag"]})


def _done(status: int, document: Json) -> Response:
    return Response(status_code=status, headers={"ETag": document["eTag"], "Location": document["url"]})


def _http_time(moment: float) -> str:
    return format_datetime(datetime.fromtimestamp(moment, UTC), usegmt=True)
