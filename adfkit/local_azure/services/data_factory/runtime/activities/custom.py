"""Custom: a command on a pool of Azure Batch, with files and properties that Data Factory hands to it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import uuid4

from adfkit.local_azure.services.data_factory.runtime import errors, http
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.batch import BatchPool, Task
from adfkit.local_azure.services.data_factory.runtime.blobs import BlobStore
from adfkit.local_azure.services.data_factory.runtime.connections import (
    LinkedService,
    resolve_dataset,
    resolve_linked_service,
)
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.services.data_factory.runtime.errors import ActivityFailure
from adfkit.local_azure.services.data_factory.runtime.factory import Kind
from adfkit.local_azure.services.data_factory.runtime.json_values import from_json, to_json

CONTAINER: Final = "adfjobs"
STREAMS: Final = ("stdout.txt", "stderr.txt")
OUTPUTS: Final = "outputs.json"
DEFAULT_RETENTION: Final = 30
MAX_OUTPUTS: Final = 2 * 1024 * 1024
MAX_RESOURCES: Final = 32768
"""Characters of the task's resource files, which Batch limits."""
TAIL: Final = 1000
"""Characters of stderr's end that an error quotes."""


class Custom(Activity):
    type = "Custom"
    required: ClassVar[tuple[str, ...]] = ("command",)
    documentation = "https://learn.microsoft.com/azure/data-factory/transform-data-using-custom-activity"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        reference = context.definition.get("linkedServiceName")
        if not reference:
            raise errors.required_property("linkedServiceName")
        linked_service = resolve_linked_service(context, reference)
        pool = BatchPool(context, linked_service)
        storage = resolve_linked_service(context, linked_service.properties["linkedServiceName"])
        files = Files(context, storage)
        command = context.text("command")
        context.show_input({"command": command})
        if "task" not in context.state:
            context.remember(task=str(uuid4()))
        id = str(context.state["task"])
        if "submitted" not in context.state:
            await pool.submit(await self._task(context, files, id, command))
            context.remember(submitted=True)
        try:
            ended = await pool.wait(id)
        except asyncio.CancelledError:
            # a timeout or a cancelled run ends the task too; a process that stops leaves it to its successor
            if context.execution.cancelled or context.timed_out:
                await pool.terminate(id)
            raise
        return await self._result(context, pool, files, id, ended)

    async def _task(self, context: ActivityContext, files: Files, id: str, command: str) -> Task:
        resources = await files.resources()
        for name, content in _documents(context).items():
            resources.append(await files.put(f"{id}/runtime/{name}", name, content))
        if len(to_json(resources)) > MAX_RESOURCES:
            raise ActivityFailure(
                "2504",
                "Operation returned an invalid status code 'BadRequest'. The resource files take more than "
                f"{MAX_RESOURCES} characters: have fewer files in 'folderPath', or zip them.",
            )
        if context.get("autoUserSpecification"):
            raise errors.unsupported("'autoUserSpecification' of a Custom activity")
        days = context.get("retentionTimeInDays", DEFAULT_RETENTION)
        if isinstance(days, bool) or not isinstance(days, int | float):
            raise errors.wrong_type("retentionTimeInDays", "Double", days)
        return Task(id, command, resources, files.outputs(id), days)

    async def _result(
        self, context: ActivityContext, pool: BatchPool, files: Files, id: str, ended: Mapping[str, Any]
    ) -> dict[str, Any]:
        execution: Mapping[str, Any] = ended.get("executionInfo") or {}
        failure = execution.get("failureInfo")
        computer = {"account": pool.account, "poolName": pool.pool, "vmSize": await pool.vm_size()}
        output: dict[str, Any] = {
            "exitcode": execution.get("exitCode"),
            "outputs": [files.url(f"{id}/output/{name}") for name in STREAMS],
            "computeInformation": to_json(computer).decode(),
            **http.runtime_output(context),
        }
        custom = await files.read(f"{id}/output/{OUTPUTS}")
        too_long = custom is not None and len(custom) > MAX_OUTPUTS
        if custom is not None and not too_long:
            output["customOutput"] = _parsed(custom)
        if failure:
            raise ActivityFailure("2500", await _message(files, id, execution, failure), output=output)
        if too_long:
            raise ActivityFailure("2500", f"{OUTPUTS} is longer than {MAX_OUTPUTS} bytes, the limit.", output=output)
        return output


class Files:
    """What the activity keeps in the container adfjobs of the Batch linked service's storage, and what a task reads."""

    def __init__(self, context: ActivityContext, storage: LinkedService) -> None:
        self._context = context
        self._storage = storage
        self._blobs = BlobStore(context.cloud, storage, "2502")

    def url(self, path: str) -> str:
        """The address of a blob in adfjobs."""
        return self._blobs.url(CONTAINER, path)

    async def put(self, path: str, name: str, content: bytes) -> dict[str, str]:
        """Write a blob; returns the resource file by which the task gets it under a name."""
        await self._blobs.ensure_container(CONTAINER)
        await self._blobs.write(CONTAINER, path, content)
        return {"httpUrl": f"{self.url(path)}?{self._signature(self._storage, CONTAINER)}", "filePath": name}

    async def read(self, path: str) -> bytes | None:
        """A blob of adfjobs, or None where there is none."""
        return await self._blobs.read_if_there(CONTAINER, path)

    def outputs(self, id: str) -> list[dict[str, Any]]:
        """The output files of the task: its streams and outputs.json, uploaded however it ends."""
        container = f"{self._blobs.url(CONTAINER)}?{self._signature(self._storage, CONTAINER)}"
        return [
            {
                "filePattern": pattern,
                "destination": {"container": {"containerUrl": container, "path": f"{id}/output/{name}"}},
                "uploadOptions": {"uploadCondition": "taskcompletion"},
            }
            for pattern, name in (*((f"../{stream}", stream) for stream in STREAMS), (OUTPUTS, OUTPUTS))
        ]

    async def resources(self) -> list[dict[str, str]]:
        """The blobs below `folderPath` as resource files, in one folder, as the activity hands them over.

        Raises:
            ActivityFailure: 2507 and 2508 for a folder that is empty, or has two files of one name.
        """
        reference, folder = self._context.raw("resourceLinkedService"), self._context.get("folderPath")
        if bool(reference) != bool(folder):
            raise errors.required_property("folderPath" if reference else "resourceLinkedService")
        if not reference:
            return []
        linked_service = resolve_linked_service(self._context, reference)
        container, _, prefix = str(folder).strip("/").partition("/")
        store = BlobStore(self._context.cloud, linked_service, "2502")
        blobs, _ = await store.list(container, f"{prefix}/" if prefix else "", recursive=True)
        names = [blob.name for blob in blobs]
        if not names:
            raise ActivityFailure("2507", f"The folder path does not exist or is empty: {folder}.")
        twice = [name for name, count in Counter(name.rpartition("/")[2] for name in names).items() if count > 1]
        if twice:
            raise ActivityFailure("2508", f"There are duplicate files in the resource folder. ({', '.join(twice)})")
        signature = self._signature(linked_service, container)
        return [
            {"httpUrl": f"{store.url(container, name)}?{signature}", "filePath": name.rpartition("/")[2]}
            for name in names
        ]

    def _signature(self, linked_service: LinkedService, container: str) -> str:
        account = BlobStore(self._context.cloud, linked_service, "2502").account
        return self._context.cloud.shared_access(account, container, linked_service.credential)


def _documents(context: ActivityContext) -> dict[str, bytes]:
    """The three files that a command finds in its working directory."""
    properties = context.evaluate(context.definition.get("typeProperties") or {})
    activity = {
        **{name: context.definition.get(name) for name in ("name", "type", "linkedServiceName", "userProperties")},
        "typeProperties": properties,
    }
    referenced = properties.get("referenceObjects") or {}
    return {
        "activity.json": to_json(activity),
        "linkedServices.json": to_json(_linked_services(context, referenced.get("linkedServices") or [])),
        "datasets.json": to_json(_datasets(context, referenced.get("datasets") or [])),
    }


def _linked_services(context: ActivityContext, references: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found = [resolve_linked_service(context, reference) for reference in references]
    return [_artifact(context, "linkedservices", each.name, each.properties) for each in found]


def _datasets(context: ActivityContext, references: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found = [resolve_dataset(context, reference, "datasets") for reference in references]
    return [_artifact(context, "datasets", each.name, each.properties) for each in found]


def _artifact(context: ActivityContext, kind: Kind, name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """An artifact with its parameters filled in."""
    artifact = context.factory.artifacts.find(kind, name)
    if artifact is None:
        raise errors.missing_reference("linked service" if kind == "linkedservices" else "dataset", name)
    return {"name": name, "properties": {**artifact[1], "typeProperties": dict(properties)}}


async def _message(files: Files, id: str, execution: Mapping[str, Any], failure: Mapping[str, Any]) -> str:
    """Data Factory's own words, and what a person needs to know: how the task ended, and its last words."""
    code = execution.get("exitCode")
    how = f"exited with code {code}" if code is not None else "did not run"
    text = f"Hit unexpected exception and execution failed. The task {id} {how}: {failure.get('message', '')}"
    last = (await files.read(f"{id}/output/stderr.txt") or b"").decode(errors="replace").strip()[-TAIL:]
    return f"{text}. stderr ends with: {last}" if last else f"{text}."


def _parsed(content: bytes) -> Any:
    try:
        return from_json(content.decode())
    except ValueError:  # handed on as it is: it is the command's own text
        return content.decode(errors="replace")
