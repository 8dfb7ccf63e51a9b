"""What a workspace keeps: its tree of objects, runs, and documents of other kinds (clusters, pools, jobs, scopes)."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import orjson

from adfkit.local_azure.store import Store

SCHEMA: Final = (
    """CREATE TABLE databricks_objects (
        workspace TEXT NOT NULL, path TEXT NOT NULL, type TEXT NOT NULL, language TEXT, content BLOB NOT NULL,
        object_id INTEGER NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL, PRIMARY KEY (workspace, path)
    ) WITHOUT ROWID""",
    """CREATE TABLE databricks_runs (
        run_id INTEGER PRIMARY KEY, workspace TEXT NOT NULL, job_id INTEGER NOT NULL, token TEXT,
        ended INTEGER NOT NULL, started INTEGER NOT NULL, document BLOB NOT NULL, UNIQUE (workspace, token)
    )""",
    """CREATE TABLE databricks_outputs (
        run_id INTEGER PRIMARY KEY, workspace TEXT NOT NULL, parent INTEGER NOT NULL, document BLOB NOT NULL
    )""",
    """CREATE TABLE databricks_documents (
        workspace TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, document BLOB NOT NULL,
        PRIMARY KEY (workspace, kind, id)
    )""",
)
Json = dict[str, Any]
DIRECTORY, NOTEBOOK, FILE = "DIRECTORY", "NOTEBOOK", "FILE"


@dataclass(frozen=True, slots=True)
class WorkspaceObject:
    """A directory, notebook or file; times in milliseconds. A notebook's content is its source form."""

    path: str
    type: str
    language: str | None
    content: bytes
    object_id: int
    created: int
    modified: int


class Records:
    """All of it in SQLite; `workspace` is the resource id in lower case."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.migrate("databricks", SCHEMA)

    def forget(self, workspace: str) -> None:
        """Remove everything of a workspace."""
        with self._store.transaction() as connection:
            for table in ("objects", "runs", "outputs", "documents"):
                connection.execute(f"DELETE FROM databricks_{table} WHERE workspace = ?", (workspace,))  # noqa: S608

    # the tree

    def object(self, workspace: str, path: str) -> WorkspaceObject | None:
        """What lies at a path, or None; the root is always there."""
        row = self._store.row("SELECT * FROM databricks_objects WHERE workspace = ? AND path = ?", (workspace, path))
        if row is None:
            return WorkspaceObject("/", DIRECTORY, None, b"", 0, 0, 0) if path == "/" else None
        return _object(row)

    def below(self, workspace: str, path: str) -> list[WorkspaceObject]:
        """Everything below a directory, at any depth, by path."""
        prefix = path.rstrip("/") + "/"
        rows = self._store.rows(
            "SELECT * FROM databricks_objects WHERE workspace = ? AND path >= ? AND path < ? ORDER BY path",
            (workspace, prefix, prefix[:-1] + "0"),  # '0' follows '/'
        )
        return [_object(row) for row in rows]

    def put_object(self, workspace: str, path: str, type: str, language: str | None, content: bytes) -> None:
        """Write an object; one that was there keeps its id and creation time."""
        now = milliseconds()
        self._store.execute(
            "INSERT INTO databricks_objects VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (workspace, path) DO UPDATE "
            "SET type = excluded.type, language = excluded.language, content = excluded.content, "
            "modified = excluded.modified",
            (workspace, path, type, language, content, new_id(), now, now),
        )

    def delete_objects(self, workspace: str, path: str) -> None:
        """Remove an object and everything below it."""
        with self._store.transaction() as connection:
            for each in [path, *(found.path for found in self.below(workspace, path))]:
                connection.execute("DELETE FROM databricks_objects WHERE workspace = ? AND path = ?", (workspace, each))

    # runs

    def add_run(self, workspace: str, run: Json, token: str | None) -> int:
        """Keep a new run; returns its id, or that of the run which has the same idempotency token."""
        with self._store.transaction() as connection:
            row = connection.execute(
                "SELECT run_id FROM databricks_runs WHERE workspace = ? AND token = ?", (workspace, token)
            ).fetchone()
            if row is not None:
                return int(row["run_id"])
            values = (run["run_id"], workspace, run["job_id"], token, 0, run["start_time"], orjson.dumps(run))
            connection.execute("INSERT INTO databricks_runs VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            for task in run["tasks"]:
                connection.execute(
                    "INSERT INTO databricks_outputs VALUES (?, ?, ?, '{}')", (task["run_id"], workspace, run["run_id"])
                )
        return int(run["run_id"])

    def save_run(self, run: Json, *, ended: bool) -> None:
        """Keep what changed."""
        self._store.execute(
            "UPDATE databricks_runs SET ended = ?, document = ? WHERE run_id = ?",
            (ended, orjson.dumps(run), run["run_id"]),
        )

    def run(self, workspace: str, run_id: int) -> Json | None:
        """A run, also by the run id of one of its tasks; None where there is none."""
        row = self._store.row(
            "SELECT document FROM databricks_runs WHERE workspace = ? AND run_id IN "
            "(?, (SELECT parent FROM databricks_outputs WHERE run_id = ?))",
            (workspace, run_id, run_id),
        )
        return dict(orjson.loads(row["document"])) if row else None

    def runs(self, workspace: str, job_id: int | None = None) -> list[Json]:
        """The runs of a workspace or of one job, the newest first."""
        rows = self._store.rows(
            "SELECT document FROM databricks_runs WHERE workspace = ? AND job_id = COALESCE(?, job_id) "
            "ORDER BY started DESC, rowid DESC",
            (workspace, job_id),
        )
        return [orjson.loads(row["document"]) for row in rows]

    def unfinished(self) -> list[tuple[str, Json]]:
        """The runs of all workspaces that have not ended, the oldest first, each with its workspace."""
        rows = self._store.rows("SELECT workspace, document FROM databricks_runs WHERE ended = 0 ORDER BY started")
        return [(row["workspace"], orjson.loads(row["document"])) for row in rows]

    def delete_run(self, run_id: int) -> None:
        """Remove a run and its outputs."""
        with self._store.transaction() as connection:
            connection.execute("DELETE FROM databricks_runs WHERE run_id = ?", (run_id,))
            connection.execute("DELETE FROM databricks_outputs WHERE parent = ?", (run_id,))

    def put_output(self, run_id: int, output: Json) -> None:
        """Keep what a task gave: `result`, `error`, `error_trace`, `logs`."""
        self._store.execute(
            "UPDATE databricks_outputs SET document = ? WHERE run_id = ?", (orjson.dumps(output), run_id)
        )

    def output(self, run_id: int) -> Json:
        """What a task gave, as far as it came."""
        row = self._store.row("SELECT document FROM databricks_outputs WHERE run_id = ?", (run_id,))
        return dict(orjson.loads(row["document"])) if row else {}

    # documents

    def put(self, workspace: str, kind: str, id: str, document: Json) -> None:
        """Write a document."""
        self._store.execute(
            "INSERT INTO databricks_documents VALUES (?, ?, ?, ?) "
            "ON CONFLICT (workspace, kind, id) DO UPDATE SET document = excluded.document",
            (workspace, kind, id, orjson.dumps(document)),
        )

    def get(self, workspace: str, kind: str, id: str) -> Json | None:
        """A document, or None."""
        row = self._store.row(
            "SELECT document FROM databricks_documents WHERE workspace = ? AND kind = ? AND id = ?",
            (workspace, kind, id),
        )
        return dict(orjson.loads(row["document"])) if row else None

    def all(self, workspace: str, kind: str) -> list[Json]:
        """The documents of a kind, in the order in which they were first written."""
        rows = self._store.rows(
            "SELECT document FROM databricks_documents WHERE workspace = ? AND kind = ? ORDER BY rowid",
            (workspace, kind),
        )
        return [orjson.loads(row["document"]) for row in rows]

    def delete(self, workspace: str, kind: str, id: str) -> bool:
        """Remove a document; whether there was one."""
        return bool(
            self._store.execute(
                "DELETE FROM databricks_documents WHERE workspace = ? AND kind = ? AND id = ?", (workspace, kind, id)
            )
        )


def new_id() -> int:
    """A number as Databricks gives it to objects, jobs and runs: it fits a JavaScript number."""
    return uuid4().int % 10**15 + 1


def milliseconds() -> int:
    """The time in milliseconds since the epoch."""
    return int(time.time() * 1000)


def _object(row: sqlite3.Row) -> WorkspaceObject:
    names = ("path", "type", "language", "content", "object_id", "created", "modified")
    return WorkspaceObject(**{name: row[name] for name in names})
