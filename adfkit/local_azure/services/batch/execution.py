"""One task on one node: its files, its process with retries and a time limit, its uploads, and how it ended."""

from __future__ import annotations

import asyncio
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from adfkit.local_azure.cloud import host
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.services.batch.blobs import Address, Blobs, TransferError
from adfkit.local_azure.services.batch.nodes import Node, NodeAgent, environment, task_folder
from adfkit.local_azure.services.batch.records import Json, Records, Task, now, set_state

DURATION: Final[TypeAdapter[timedelta]] = TypeAdapter(timedelta)


class TaskFailedError(Exception):
    """A task that failed before or after its process ran, with the service's code for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task runs."""

    platform: Platform
    agent: NodeAgent
    account: Resource
    pool: Resource
    node: Node


async def run(place: Place, records: Records, task: Task, settings: list[Json]) -> None:
    """Run a task to its end, which is in the records afterwards; `settings` are the job's common variables.

    Cancelled, it ends the process and leaves the task as it is.
    """
    folder = task_folder(place.node, task.job, task.id)
    retries = int((task.document.get("constraints") or {}).get("maxTaskRetryCount") or 0)
    while True:
        failure = await _attempt(place, records, task, settings, folder)
        execution = task.execution
        again = failure is not None and failure["code"] == "FailureExitCode"
        if not again or (retries >= 0 and execution["retryCount"] >= retries):
            break
        execution.update(retryCount=execution["retryCount"] + 1, lastRetryTime=now())
        records.save_task(task)
    end(records, task, failure)


def end(records: Records, task: Task, failure: Json | None) -> None:
    """Complete a task."""
    task.execution.update(endTime=now(), result="failure" if failure else "success")
    if failure:
        task.execution["failureInfo"] = failure
    set_state(task.document, "completed")
    records.save_task(task)


def failure_info(code: str, message: str, category: str = "UserError", **details: str) -> Json:
    """The `failureInfo` of a task."""
    named = [{"name": name, "value": value} for name, value in details.items()]
    return {"category": category, "code": code, "message": message, "details": named}


async def _attempt(place: Place, records: Records, task: Task, settings: list[Json], folder: Path) -> Json | None:
    document, execution = task.document, task.execution
    set_state(document, "preparing")
    records.save_task(task)
    failure: Json | None = None
    try:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        (folder / "wd").mkdir(parents=True)
        for file in document.get("resourceFiles") or []:
            await _fetch(place, file, folder / "wd")
        set_state(document, "running")
        execution.update(startTime=execution.get("startTime") or now())
        records.save_task(task)
        failure = await _process(place, task, settings, folder)
    except TaskFailedError as error:
        failure = failure_info(error.code, str(error))
    try:
        await _upload(place, task, folder, succeeded=failure is None)
    except TaskFailedError as error:
        failure = failure or failure_info(error.code, str(error))
    return failure


async def _process(place: Place, task: Task, settings: list[Json], folder: Path) -> Json | None:
    principal = pool_identity(place)
    identity = place.platform.identity.endpoint_environment(principal, "batch") if principal else {}
    variables = {
        **environment(place.platform, place.agent, place.account, place.pool, place.node, folder),
        "AZ_BATCH_JOB_ID": task.job,
        "AZ_BATCH_TASK_ID": task.id,
        **identity,
        **named_values(settings),
        **named_values(task.document.get("environmentSettings") or []),
    }
    limit = (task.document.get("constraints") or {}).get("maxWallClockTime")
    seconds = DURATION.validate_python(limit).total_seconds() if limit else None
    try:
        status = await start_and_wait(place, str(task.document["commandLine"]), variables, folder, seconds)
    except TimeoutError:
        task.execution["exitCode"] = 137
        return failure_info("TaskEnded", f"The task was ended: it ran longer than its maxWallClockTime, {limit}.")
    finally:
        place.platform.identity.revoke_endpoint(identity)
    task.execution["exitCode"] = status
    if status == 0:
        return None
    message = "The task exited with an exit code representing a failure"
    return failure_info("FailureExitCode", message, Message="The task process exited with an unexpected exit code")


async def start_and_wait(
    place: Place, command: str, variables: dict[str, str], folder: Path, seconds: float | None
) -> int:
    """Run a command line, without a shell as Batch does, its output in stdout.txt and stderr.txt; its exit code.

    A process that a signal ended has 128 and the signal's number.

    Raises:
        TaskFailedError: it could not be started.
        TimeoutError: it ran longer than so many seconds, and was ended.
    """
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise TaskFailedError("CommandLaunchFailed", f"The command line can't be read: {error}") from error
    program = shutil.which(arguments[0], path=variables["PATH"]) if arguments else None
    if program is None:
        raise TaskFailedError("CommandProgramNotFound", f"The program of the command line was not found: {command}")
    with (folder / "stdout.txt").open("wb") as output, (folder / "stderr.txt").open("wb") as errors:
        process = await place.platform.processes.spawn(
            [program, *arguments[1:]],
            env=variables,
            cwd=folder / "wd",
            stdout=output.fileno(),
            stderr=errors.fileno(),
        )
        try:
            status = await asyncio.wait_for(process.wait(), seconds)
        finally:
            if process.returncode is None:
                await place.platform.processes.end(process)
    return status if status >= 0 else 128 - status


async def _fetch(place: Place, file: Json, folder: Path) -> None:
    """Copy what a resource file names to the working directory."""
    blobs = Blobs(place.platform, _identity(place, file))
    try:
        if url := file.get("httpUrl"):
            await blobs.download(Address.parse(url), _inside(folder, str(file["filePath"])))
            return
        if url := file.get("storageContainerUrl"):
            container = Address.parse(url)
        else:
            container, blobs = _auto_storage(place, str(file["autoStorageContainerName"]))
        for name in await blobs.names(container, str(file.get("blobPrefix") or "")):
            await blobs.download(container.below(name), _inside(folder, str(file.get("filePath") or ""), name))
    except TransferError as error:
        codes = {404: "BlobNotFound", 401: "BlobAccessDenied", 403: "BlobAccessDenied"}
        raise TaskFailedError(codes.get(error.status, "BlobDownloadMiscError"), str(error)) from error


async def _upload(place: Place, task: Task, folder: Path, *, succeeded: bool) -> None:
    wanted = {"taskcompletion", "tasksuccess" if succeeded else "taskfailure"}
    for file in task.document.get("outputFiles") or []:
        if str(file["uploadOptions"]["uploadCondition"]).lower() not in wanted:
            continue
        destination = file["destination"]["container"]
        container, path = Address.parse(destination["containerUrl"]), str(destination.get("path") or "")
        blobs = Blobs(place.platform, _identity(place, destination))
        pattern = str(file["filePattern"])
        base = folder if pattern.startswith("../") else folder / "wd"
        found = sorted(each for each in base.glob(pattern.removeprefix("../")) if each.is_file())
        for each in found:
            exact = not any(letter in pattern for letter in "*?[")
            name = path if exact and path else "/".join(filter(None, (path, each.relative_to(base).as_posix())))
            try:
                await blobs.upload(each, container.below(name))
            except TransferError as error:
                codes = {
                    404: "FileUploadContainerNotFound",
                    401: "FileUploadAccessDenied",
                    403: "FileUploadAccessDenied",
                }
                raise TaskFailedError(codes.get(error.status, "FileUploadMiscError"), str(error)) from error


def pool_identity(place: Place) -> Principal | None:
    """The identity that code on the pool's nodes has: its user-assigned one, if it has a single one."""
    assigned = list((place.pool.body.get("identity") or {}).get("userAssignedIdentities") or {})
    return _principal(place, assigned[0]) if len(assigned) == 1 else None


def _identity(place: Place, holder: Mapping[str, Any]) -> Principal | None:
    id = str((holder.get("identityReference") or {}).get("resourceId") or "")
    if not id:
        return None
    assigned = {name.lower() for name in (place.pool.body.get("identity") or {}).get("userAssignedIdentities") or {}}
    if id.lower() not in assigned:
        raise TaskFailedError("BlobAccessDenied", f"The identity '{id}' is not assigned to the pool.")
    return _principal(place, id)


def _principal(place: Place, id: str) -> Principal:
    resource = place.platform.resources.require(id)
    return place.platform.identity.managed_identity(resource.id, display_name=resource.name)


def _auto_storage(place: Place, container: str) -> tuple[Address, Blobs]:
    storage: Json = place.account.properties.get("autoStorage") or {}
    account = place.platform.resources.get(str(storage.get("storageAccountId") or ""))
    if account is None:
        raise TaskFailedError("BlobNotFound", f"The Batch account '{place.account.name}' has no auto storage account.")
    reference = {"identityReference": storage.get("nodeIdentityReference")}
    url = f"https://{host(account.name, 'blob')}/{container}"
    return Address.parse(url), Blobs(place.platform, _identity(place, reference))


def _inside(folder: Path, *parts: str) -> Path:
    path = folder.joinpath(*filter(None, parts)).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise TaskFailedError("ResourceFileCreateFailed", f"'{'/'.join(parts)}' lies outside of the working directory.")
    return path


def named_values(settings: list[Json]) -> dict[str, str]:
    """Environment settings as variables."""
    return {str(setting["name"]): str(setting.get("value") or "") for setting in settings}
