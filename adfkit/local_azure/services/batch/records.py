"""Jobs and tasks of the Batch service in SQLite, as the service shows them; a row is a JSON document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from adfkit.local_azure.services.batch import errors
from adfkit.local_azure.store import Store

Json = dict[str, Any]
SCHEMA: Final = (
    """CREATE TABLE batch_jobs (
        account TEXT NOT NULL, id TEXT NOT NULL, pool TEXT NOT NULL, state TEXT NOT NULL, document BLOB NOT NULL,
        PRIMARY KEY (account, id)
    )""",
    """CREATE TABLE batch_tasks (
        account TEXT NOT NULL, job TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, document BLOB NOT NULL,
        PRIMARY KEY (account, job, id)
    )""",
    "CREATE INDEX batch_tasks_by_state ON batch_tasks (state)",
)
UNFINISHED: Final = ("active", "preparing", "running")


@dataclass(slots=True)
class Job:
    """A job; `account` is the account's resource id in lower case, `document` what GET shows."""

    account: str
    document: Json

    @property
    def id(self) -> str:
        return str(self.document["id"])

    @property
    def pool(self) -> str:
        return str(self.document["poolInfo"]["poolId"])

    @property
    def state(self) -> str:
        return str(self.document["state"])


@dataclass(slots=True)
class Task:
    """A task of a job; `document` is what GET shows."""

    account: str
    job: str
    document: Json

    @property
    def id(self) -> str:
        return str(self.document["id"])

    @property
    def key(self) -> tuple[str, str, str]:
        return self.account, self.job, self.id

    @property
    def state(self) -> str:
        return str(self.document["state"])

    @property
    def execution(self) -> Json:
        execution: Json = self.document["executionInfo"]
        return execution

    @property
    def slots(self) -> int:
        return int(self.document.get("requiredSlots") or 1)

    @property
    def succeeded(self) -> bool:
        return self.state == "completed" and self.execution.get("result") == "success"


class Records:
    """Reads and writes the tables."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.migrate("batch", SCHEMA)

    def jobs(self, account: str) -> list[Job]:
        """The jobs of an account by id."""
        rows = self._store.rows("SELECT document FROM batch_jobs WHERE account = ? ORDER BY id", (account,))
        return [Job(account, orjson.loads(row["document"])) for row in rows]

    def job(self, account: str, id: str) -> Job:
        """A job.

        Raises:
            AzureError: 404 `JobNotFound`.
        """
        row = self._store.row("SELECT document FROM batch_jobs WHERE account = ? AND id = ?", (account, id))
        if row is None:
            raise errors.not_found("Job", id)
        return Job(account, orjson.loads(row["document"]))

    def add_job(self, job: Job) -> None:
        """Keep a new job.

        Raises:
            AzureError: 409 `JobExists`.
        """
        row = (job.account, job.id, job.pool, job.state, orjson.dumps(job.document))
        if not self._store.execute("INSERT OR IGNORE INTO batch_jobs VALUES (?, ?, ?, ?, ?)", row):
            raise errors.exists("Job", job.id)

    def save_job(self, job: Job) -> None:
        """Keep what changed."""
        self._store.execute(
            "UPDATE batch_jobs SET state = ?, document = ? WHERE account = ? AND id = ?",
            (job.state, orjson.dumps(job.document), job.account, job.id),
        )

    def delete_job(self, account: str, id: str) -> None:
        """Remove a job with its tasks."""
        with self._store.transaction() as connection:
            connection.execute("DELETE FROM batch_tasks WHERE account = ? AND job = ?", (account, id))
            connection.execute("DELETE FROM batch_jobs WHERE account = ? AND id = ?", (account, id))

    def forget(self, account: str) -> None:
        """Remove all of a deleted account."""
        with self._store.transaction() as connection:
            connection.execute("DELETE FROM batch_tasks WHERE account = ?", (account,))
            connection.execute("DELETE FROM batch_jobs WHERE account = ?", (account,))

    def tasks(self, account: str, job: str) -> list[Task]:
        """The tasks of a job in the order in which they were added."""
        rows = self._store.rows(
            "SELECT document FROM batch_tasks WHERE account = ? AND job = ? ORDER BY rowid", (account, job)
        )
        return [Task(account, job, orjson.loads(row["document"])) for row in rows]

    def task(self, account: str, job: str, id: str) -> Task:
        """A task.

        Raises:
            AzureError: 404 `TaskNotFound`.
        """
        row = self._store.row(
            "SELECT document FROM batch_tasks WHERE account = ? AND job = ? AND id = ?", (account, job, id)
        )
        if row is None:
            raise errors.not_found("Task", id)
        return Task(account, job, orjson.loads(row["document"]))

    def add_task(self, task: Task) -> None:
        """Keep a new task.

        Raises:
            AzureError: 409 `TaskExists`.
        """
        row = (task.account, task.job, task.id, task.state, orjson.dumps(task.document))
        if not self._store.execute("INSERT OR IGNORE INTO batch_tasks VALUES (?, ?, ?, ?, ?)", row):
            raise errors.exists("Task", task.id)

    def save_task(self, task: Task) -> None:
        """Keep what changed."""
        self._store.execute(
            "UPDATE batch_tasks SET state = ?, document = ? WHERE account = ? AND job = ? AND id = ?",
            (task.state, orjson.dumps(task.document), *task.key),
        )

    def delete_task(self, task: Task) -> None:
        """Remove a task."""
        self._store.execute("DELETE FROM batch_tasks WHERE account = ? AND job = ? AND id = ?", task.key)

    def unfinished(self) -> list[Task]:
        """The tasks of all accounts that have not ended, the oldest first."""
        rows = self._store.rows(
            "SELECT account, job, document FROM batch_tasks WHERE state IN (?, ?, ?) ORDER BY rowid", UNFINISHED
        )
        return [Task(row["account"], row["job"], orjson.loads(row["document"])) for row in rows]


def set_state(document: Json, state: str) -> None:
    """Move a job or a task to a state, and note from which."""
    moment = now()
    if document.get("state") not in (None, state):
        document["previousState"] = document["state"]
        document["previousStateTransitionTime"] = document["stateTransitionTime"]
    document.update(state=state, stateTransitionTime=moment, lastModified=moment, eTag=f"0x{abs(hash(moment)):X}")


def now() -> str:
    """The time as the service writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
