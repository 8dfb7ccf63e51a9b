"""Long-running operations: kept in SQLite from their start, run as tasks, run again where a process was killed.

https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson

from adfkit.local_azure.arm import errors
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.service import Json
from adfkit.local_azure.store import Store

SCHEMA = (
    """CREATE TABLE operations (
        name TEXT PRIMARY KEY, key TEXT NOT NULL, request BLOB NOT NULL, status TEXT NOT NULL, error BLOB,
        started_at TEXT NOT NULL, ended_at TEXT
    ) WITHOUT ROWID""",
    "CREATE INDEX operations_by_key ON operations (key, status)",
)
RUNNING = "InProgress"
SUCCEEDED = "Succeeded"
FAILED = "Failed"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `request` holds what is needed to run it again; `error` is an ARM error (code, message)."""

    name: str
    key: str
    request: Json
    status: str
    error: Json | None
    started_at: str
    ended_at: str | None

    def show(self, id: str) -> Json:
        """The body of the operation's status page."""
        body: Json = {"id": id, "name": self.name, "status": self.status, "startTime": self.started_at}
        if self.ended_at is not None:
            body["endTime"] = self.ended_at
        if self.error is not None:
            body["error"] = self.error
        return body


class Operations:
    """Starts operations and tells how they stand."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tasks: set[asyncio.Task[None]] = set()
        store.migrate("operations", SCHEMA)

    def start(self, key: str, request: Json, work: Awaitable[Any], failed: Callable[[], None]) -> Operation:
        """Record an operation on the resource with this key and run its work; `failed` is called if it fails."""
        operation = Operation(uuid4().hex, key, request, RUNNING, None, _now(), None)
        self._store.execute(
            "INSERT INTO operations VALUES (?, ?, ?, ?, NULL, ?, NULL)",
            (operation.name, key, orjson.dumps(request), RUNNING, operation.started_at),
        )
        self.run(operation.name, work, failed)
        return operation

    def run(self, name: str, work: Awaitable[Any], failed: Callable[[], None]) -> None:
        """Run the work of a recorded operation in the background and record how it ends."""
        task = asyncio.create_task(self._finish(name, work, failed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish(self, name: str, work: Awaitable[Any], failed: Callable[[], None]) -> None:
        try:
            await work
        except AzureError as error:
            failed()
            self._end(name, FAILED, error.envelope()["error"])
        except Exception:
            log.exception("operation %s failed", name)
            failed()
            message = f"The operation '{name}' failed; the gateway's log says why."
            self._end(name, FAILED, {"code": "InternalServerError", "message": message})
        else:
            self._end(name, SUCCEEDED, None)

    def _end(self, name: str, status: str, error: Json | None) -> None:
        self._store.execute(
            "UPDATE operations SET status = ?, error = ?, ended_at = ? WHERE name = ?",
            (status, None if error is None else orjson.dumps(error), _now(), name),
        )

    def get(self, name: str) -> Operation:
        """The operation of this name.

        Raises:
            AzureError: 404 `OperationNotFound`.
        """
        row = self._store.row("SELECT * FROM operations WHERE name = ?", (name,))
        if row is None:
            raise errors.operation_not_found(name)
        return _operation(row)

    def running(self, key: str | None = None) -> list[Operation]:
        """The operations in progress; only those on one resource if a key is given."""
        sql = "SELECT * FROM operations WHERE status = ?"
        if key is None:
            return [_operation(row) for row in self._store.rows(sql, (RUNNING,))]
        return [_operation(row) for row in self._store.rows(f"{sql} AND key = ?", (RUNNING, key))]

    async def stop(self) -> None:
        """Cancel what runs; it stays recorded as in progress, and the next start runs it again."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _operation(row: Any) -> Operation:
    return Operation(
        name=row["name"],
        key=row["key"],
        request=orjson.loads(row["request"]),
        status=row["status"],
        error=None if row["error"] is None else orjson.loads(row["error"]),
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )
