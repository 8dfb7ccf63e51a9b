"""The Batch service as the Custom activity uses it: a job for the pool, a task for the attempt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from adfkit.local_azure.services.data_factory.runtime import http
from adfkit.local_azure.services.data_factory.runtime.connections import LinkedService
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.services.data_factory.runtime.errors import ActivityFailure, required_property, unsupported
from adfkit.local_azure.services.data_factory.runtime.factory import HttpRequest, HttpResponse
from adfkit.local_azure.services.data_factory.runtime.json_values import to_json

AUDIENCE: Final = "https://batch.core.windows.net/"
VERSION: Final = "2024-07-01.20.0"
JSON: Final = {"Content-Type": "application/json; odata=minimalmetadata"}
FIRST_WAIT: Final = 0.2
LONGEST_WAIT: Final = 3.0
"""Seconds between looks at a task: more with each, up to this."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it is added: its id, command line, and the files that it takes and leaves."""

    id: str
    command: str
    resource_files: Sequence[Mapping[str, Any]]
    output_files: Sequence[Mapping[str, Any]]
    retention_days: float


class BatchPool:
    """The pool of an AzureBatch linked service, called with the factory's identity."""

    def __init__(self, context: ActivityContext, linked_service: LinkedService) -> None:
        """Raises ActivityFailure where the linked service is another one, lacks a property or has a key."""
        if linked_service.type != "AzureBatch":
            raise ActivityFailure(
                "2110", f"The linked service type '{linked_service.type}' is not supported for 'Custom' activities."
            )
        properties = linked_service.properties
        for name in ("accountName", "batchUri", "poolName", "linkedServiceName"):
            if not properties.get(name):
                raise required_property(name)
        if properties.get("accessKey"):
            raise unsupported(
                f"'accessKey' in linked service '{linked_service.name}'; leave it out, and give the factory's managed "
                "identity a role such as Azure Batch Job Submitter on the account"
            )
        if urlsplit(str(properties["batchUri"])).scheme != "https":
            raise ActivityFailure("2509", f"Batch url {properties['batchUri']} is invalid; it must be in Uri format.")
        self._context = context
        self._credential = linked_service.credential
        self._base = str(properties["batchUri"]).rstrip("/")
        self.account, self.pool = str(properties["accountName"]), str(properties["poolName"])
        self.job = f"adfv2-{self.pool}"

    async def submit(self, task: Task) -> None:
        """Add the task, and the pool's job before it; what is there already is left as it is.

        Raises:
            ActivityFailure: 2501 where Batch refuses.
        """
        job = {"id": self.job, "poolInfo": {"poolId": self.pool}}
        self._require(await self._send("POST", "/jobs", job), "JobExists")
        seconds = int(task.retention_days * 86400)
        body: dict[str, Any] = {
            "id": task.id,
            "commandLine": task.command,
            "resourceFiles": list(task.resource_files),
            "outputFiles": list(task.output_files),
            "constraints": {"retentionTime": f"PT{seconds}S", "maxTaskRetryCount": 0},
        }
        self._require(await self._send("POST", f"/jobs/{self.job}/tasks", body), "TaskExists")

    async def wait(self, id: str) -> dict[str, Any]:
        """The task once it has ended.

        Raises:
            ActivityFailure: 2501 where Batch does not tell.
        """
        pause = FIRST_WAIT
        while True:
            response = await self._send("GET", f"/jobs/{self.job}/tasks/{id}")
            self._require(response)
            task = http.json_object(response) or {}
            if task.get("state") == "completed":
                return task
            await self._context.clock.sleep(pause)
            pause = min(pause * 1.5, LONGEST_WAIT)

    async def terminate(self, id: str) -> None:
        """End the task, if it has not ended."""
        await self._send("POST", f"/jobs/{self.job}/tasks/{id}/terminate", {})

    async def vm_size(self) -> str:
        """The size of the pool's nodes."""
        response = await self._send("GET", f"/pools/{self.pool}")
        self._require(response)
        return str((http.json_object(response) or {}).get("vmSize", ""))

    async def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> HttpResponse:
        token = self._context.cloud.token(AUDIENCE, self._credential)
        return await self._context.cloud.send(
            HttpRequest(
                method=method,
                url=f"{self._base}{path}?api-version={VERSION}",
                headers={"Authorization": f"Bearer {token}", **(JSON if body is not None else {})},
                content=to_json(body) if body is not None else b"",
            )
        )

    def _require(self, response: HttpResponse, but: str = "") -> None:
        if 200 <= response.status < 300:
            return
        error = http.json_object(response) or {}
        code, message = str(error.get("code") or response.reason), error.get("message")
        if code == but:
            return
        said = message.get("value") if isinstance(message, Mapping) else response.text
        note = http.refusal_note(self._context, response.status, AUDIENCE, self._credential)
        raise ActivityFailure(
            "2501",
            "Cannot access user batch account; please check batch account settings. "
            f"{self._base} answered {response.status} {code}: {said}{note}",
        )
