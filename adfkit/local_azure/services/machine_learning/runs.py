"""Run history in SQLite: a status is stored before anyone is told of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from adfkit.local_azure.services.machine_learning.models import TERMINAL, Json, Run, RunError
from adfkit.local_azure.store import Store

SCHEMA = (
    """CREATE TABLE ml_runs (
        id TEXT PRIMARY KEY, workspace TEXT NOT NULL, parent TEXT, kind TEXT NOT NULL, display_name TEXT NOT NULL,
        experiment TEXT NOT NULL, status TEXT NOT NULL, definition BLOB NOT NULL, outputs BLOB NOT NULL, error BLOB,
        created_at TEXT NOT NULL, started_at TEXT, ended_at TEXT
    ) WITHOUT ROWID""",
    "CREATE INDEX ml_runs_by_workspace ON ml_runs (workspace, created_at)",
    "CREATE INDEX ml_runs_by_parent ON ml_runs (parent)",
)


class Runs:
    """Reads and writes runs."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.migrate("machine_learning", SCHEMA)

    def add(self, run: Run) -> None:
        """Store a new run."""
        self._store.execute(
            "INSERT INTO ml_runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, NULL, NULL)",
            (
                run.id,
                run.workspace,
                run.parent,
                run.kind,
                run.display_name,
                run.experiment,
                run.status,
                orjson.dumps(run.definition),
                orjson.dumps(run.outputs),
                run.created_at,
            ),
        )

    def get(self, workspace: str, id: str) -> Run | None:
        """The run of this id in a workspace, or None."""
        row = self._store.row("SELECT * FROM ml_runs WHERE id = ? AND workspace = ?", (id, workspace))
        return _run(row) if row else None

    def jobs(self, workspace: str) -> list[Run]:
        """The runs that clients submitted, the newest first."""
        rows = self._store.rows(
            "SELECT * FROM ml_runs WHERE workspace = ? AND parent IS NULL ORDER BY created_at DESC, id", (workspace,)
        )
        return [_run(row) for row in rows]

    def children(self, parent: str) -> list[Run]:
        """The steps of a pipeline run, in the order in which they began to exist."""
        rows = self._store.rows("SELECT * FROM ml_runs WHERE parent = ? ORDER BY created_at, id", (parent,))
        return [_run(row) for row in rows]

    def unfinished(self) -> list[Run]:
        """The pipeline runs that have not ended: what a gateway resumes when it starts."""
        marks = ", ".join("?" * len(TERMINAL))
        rows = self._store.rows(
            f"SELECT * FROM ml_runs WHERE parent IS NULL AND status NOT IN ({marks}) ORDER BY created_at",  # noqa: S608
            sorted(TERMINAL),
        )
        return [_run(row) for row in rows]

    def set_status(self, id: str, status: str, *, error: RunError | None = None, outputs: Json | None = None) -> None:
        """Move a run to a status, with the time at which it started or ended; a status that stays is not left."""
        marks = ", ".join("?" * len(TERMINAL))
        self._store.execute(
            f"""UPDATE ml_runs SET status = ?, error = COALESCE(?, error), outputs = COALESCE(?, outputs),
                started_at = CASE WHEN ? THEN COALESCE(started_at, ?) ELSE started_at END,
                ended_at = CASE WHEN ? THEN ? ELSE ended_at END
                WHERE id = ? AND status NOT IN ({marks})""",  # noqa: S608
            (
                status,
                orjson.dumps(error.as_json()) if error else None,
                orjson.dumps(outputs) if outputs is not None else None,
                status == "Running",
                now(),
                status in TERMINAL,
                now(),
                id,
                *sorted(TERMINAL),
            ),
        )


def now() -> str:
    """The time, as runs record it."""
    return datetime.now(UTC).isoformat()


def _run(row: Any) -> Run:
    return Run(
        id=row["id"],
        workspace=row["workspace"],
        kind=row["kind"],
        display_name=row["display_name"],
        experiment=row["experiment"],
        status=row["status"],
        definition=orjson.loads(row["definition"]),
        created_at=row["created_at"],
        parent=row["parent"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        error=RunError(**orjson.loads(row["error"])) if row["error"] else None,
        outputs=orjson.loads(row["outputs"]),
    )
