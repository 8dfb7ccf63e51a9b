"""The history of runs in SQLite: written before anyone is told, read back to answer queries and to resume."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from adfkit.local_azure.services.data_factory.runtime.json_values import from_json, to_json
from adfkit.local_azure.services.data_factory.runtime.records import ActivityRun, Event, PipelineRun
from adfkit.local_azure.services.data_factory.runtime.sealing import Sealer, open_secure_strings, seal_secure_strings
from adfkit.local_azure.store import Store

OWNER: Final = "data_factory"
SCHEMA: Final = (
    """CREATE TABLE pipeline_runs (
        run_id TEXT PRIMARY KEY, factory TEXT NOT NULL, pipeline TEXT NOT NULL, definition BLOB NOT NULL,
        parameters BLOB NOT NULL, secure_parameters BLOB NOT NULL, invoked_by BLOB NOT NULL, variables BLOB NOT NULL,
        return_value BLOB NOT NULL, status TEXT NOT NULL, message TEXT NOT NULL, created TEXT NOT NULL, started TEXT,
        ended TEXT, updated TEXT NOT NULL
    )""",
    "CREATE INDEX pipeline_runs_by_update ON pipeline_runs (factory, updated)",
    "CREATE INDEX pipeline_runs_by_status ON pipeline_runs (status, factory, pipeline)",
    """CREATE TABLE activity_runs (
        id TEXT PRIMARY KEY, run_id TEXT NOT NULL REFERENCES pipeline_runs (run_id) ON DELETE CASCADE,
        name TEXT NOT NULL, type TEXT NOT NULL, path TEXT NOT NULL, attempt INTEGER NOT NULL, linked_service TEXT,
        secure_input INTEGER NOT NULL, secure_output INTEGER NOT NULL, status TEXT NOT NULL, input BLOB, output BLOB,
        error BLOB, user_properties BLOB NOT NULL, state BLOB, started TEXT NOT NULL, ended TEXT,
        UNIQUE (run_id, path, attempt)
    )""",
    """CREATE TABLE run_events (
        sequence INTEGER PRIMARY KEY, run_id TEXT NOT NULL REFERENCES pipeline_runs (run_id) ON DELETE CASCADE,
        time TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, detail TEXT NOT NULL
    )""",
    "CREATE INDEX run_events_by_run ON run_events (run_id)",
    "ALTER TABLE pipeline_runs ADD COLUMN run_group TEXT NOT NULL DEFAULT ''",
    "UPDATE pipeline_runs SET run_group = run_id",
    "CREATE INDEX pipeline_runs_by_group ON pipeline_runs (run_group)",
)


class History:
    """Every pipeline run and activity run. Sealed are inputs, outputs and parameters that are marked
    secure, secure strings in definitions, and what activities keep for a restart."""

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._store = store
        self._sealer = sealer
        store.migrate(OWNER, SCHEMA)

    def add_run(self, run: PipelineRun, reused: Iterable[ActivityRun] = ()) -> None:
        """Record a run that has just been asked for, with what counts of the run that it recovers."""
        with self._store.transaction() as connection:
            columns = self._run_columns(run)
            _insert(connection, "pipeline_runs", columns)
            for activity in reused:
                _insert(connection, "activity_runs", self._activity_columns(activity))
            _add_event(connection, run.run_id, run.created, "RunCreated", run.pipeline, run.status)

    def save_run(self, run: PipelineRun, kind: str) -> None:
        """Record a run's new status; `kind` is the event's."""
        with self._store.transaction() as connection:
            self._update_run(connection, run)
            _add_event(connection, run.run_id, run.updated, kind, run.pipeline, run.message or run.status)

    def start_activity(self, activity: ActivityRun) -> None:
        """Record that an attempt begins."""
        with self._store.transaction() as connection:
            _insert(connection, "activity_runs", self._activity_columns(activity))
            _add_event(
                connection, activity.run_id, activity.started, "ActivityStarted", activity.path, f"{activity.attempt}"
            )

    def save_activity(self, activity: ActivityRun) -> None:
        """Record what an attempt in progress wants to find again."""
        with self._store.transaction() as connection:
            self._update_activity(connection, activity)

    def end_activity(self, activity: ActivityRun, run: PipelineRun) -> None:
        """Record, at once, how an attempt ended and the variables that it may have changed."""
        time = activity.ended or activity.started
        with self._store.transaction() as connection:
            self._update_activity(connection, activity)
            connection.execute(
                "UPDATE pipeline_runs SET variables = ?, return_value = ?, updated = ? WHERE run_id = ?",
                (to_json(run.variables), to_json(run.return_value), _text(time), run.run_id),
            )
            _add_event(connection, run.run_id, time, "ActivityEnded", activity.path, activity.status)

    def cancel_activities(self, run_id: str, time: datetime, below: str = "") -> None:
        """Record as Cancelled what still runs in a run, or inside the container at a path."""
        prefix = f"{below}/" if below else ""
        self._store.execute(
            "UPDATE activity_runs SET status = 'Cancelled', ended = ? "
            "WHERE run_id = ? AND status = 'InProgress' AND substr(path, 1, ?) = ?",
            (_text(time), run_id, len(prefix), prefix),
        )

    def add_event(self, run_id: str, time: datetime, kind: str, subject: str, detail: str = "") -> None:
        """Record something that has no row of its own, such as a skipped activity."""
        with self._store.transaction() as connection:
            _add_event(connection, run_id, time, kind, subject, detail)

    def run(self, run_id: str) -> PipelineRun | None:
        """The run of this id, or None."""
        row = self._store.row("SELECT * FROM pipeline_runs WHERE run_id = ?", (run_id,))
        return self._run(row) if row else None

    def unfinished(self) -> list[PipelineRun]:
        """Every run that has not ended, oldest first."""
        return self._runs("status IN ('Queued', 'InProgress', 'Canceling') ORDER BY rowid", ())

    def runs(self, factory: str, after: datetime, before: datetime) -> list[PipelineRun]:
        """A factory's runs whose last update lies in the interval, oldest first."""
        return self._runs(
            "factory = ? AND updated >= ? AND updated <= ? ORDER BY rowid",
            (factory, _text(after), _text(before)),
        )

    def superseded(self, factory: str) -> frozenset[str]:
        """The ids of a factory's runs that a later rerun of theirs stands for."""
        rows = self._store.rows(
            "SELECT run_id FROM pipeline_runs AS run WHERE factory = ? AND EXISTS "
            "(SELECT 1 FROM pipeline_runs AS later WHERE later.run_group = run.run_group AND later.rowid > run.rowid)",
            (factory,),
        )
        return frozenset(row["run_id"] for row in rows)

    def activities(self, run_id: str) -> list[ActivityRun]:
        """All attempts of all activities of a run, in the order they began."""
        rows = self._store.rows("SELECT * FROM activity_runs WHERE run_id = ? ORDER BY rowid", (run_id,))
        return [self._activity(row) for row in rows]

    def events(self, run_id: str, after: int = 0) -> list[Event]:
        """A run's events behind a sequence number."""
        rows = self._store.rows(
            "SELECT * FROM run_events WHERE run_id = ? AND sequence > ? ORDER BY sequence", (run_id, after)
        )
        return [
            Event(row["sequence"], row["run_id"], _time(row["time"]), row["kind"], row["subject"], row["detail"])
            for row in rows
        ]

    def remove_factory(self, factory: str) -> None:
        """Forget every run of a factory."""
        self._store.execute("DELETE FROM pipeline_runs WHERE factory = ?", (factory,))

    def _runs(self, where: str, parameters: Iterable[Any]) -> list[PipelineRun]:
        rows = self._store.rows(f"SELECT * FROM pipeline_runs WHERE {where}", tuple(parameters))  # noqa: S608
        return [self._run(row) for row in rows]

    def _update_run(self, connection: sqlite3.Connection, run: PipelineRun) -> None:
        _update(connection, "pipeline_runs", "run_id", self._run_columns(run))

    def _update_activity(self, connection: sqlite3.Connection, activity: ActivityRun) -> None:
        _update(connection, "activity_runs", "id", self._activity_columns(activity))

    def _run_columns(self, run: PipelineRun) -> dict[str, Any]:
        return {
            "run_id": run.run_id,
            "run_group": run.group,
            "factory": run.factory,
            "pipeline": run.pipeline,
            "definition": to_json(seal_secure_strings(run.definition, self._sealer)),
            "parameters": self._dump(run.parameters, sealed=bool(run.secure_parameters)),
            "secure_parameters": to_json(run.secure_parameters),
            "invoked_by": to_json(run.invoked_by),
            "variables": to_json(run.variables),
            "return_value": to_json(run.return_value),
            "status": run.status,
            "message": run.message,
            "created": _text(run.created),
            "started": _text(run.started) if run.started else None,
            "ended": _text(run.ended) if run.ended else None,
            "updated": _text(run.updated),
        }

    def _run(self, row: sqlite3.Row) -> PipelineRun:
        secure = tuple(from_json(row["secure_parameters"]))
        return PipelineRun(
            run_id=row["run_id"],
            group=row["run_group"],
            factory=row["factory"],
            pipeline=row["pipeline"],
            definition=open_secure_strings(from_json(row["definition"]), self._sealer),
            parameters=self._load(row["parameters"], sealed=bool(secure)),
            secure_parameters=secure,
            invoked_by=from_json(row["invoked_by"]),
            variables=from_json(row["variables"]),
            return_value=from_json(row["return_value"]),
            status=row["status"],
            message=row["message"],
            created=_time(row["created"]),
            started=_time(row["started"]) if row["started"] else None,
            ended=_time(row["ended"]) if row["ended"] else None,
            updated=_time(row["updated"]),
        )

    def _activity_columns(self, activity: ActivityRun) -> dict[str, Any]:
        return {
            "id": activity.id,
            "run_id": activity.run_id,
            "name": activity.name,
            "type": activity.type,
            "path": activity.path,
            "attempt": activity.attempt,
            "linked_service": activity.linked_service,
            "secure_input": activity.secure_input,
            "secure_output": activity.secure_output,
            "status": activity.status,
            "input": self._dump(activity.input, sealed=activity.secure_input),
            "output": self._dump(activity.output, sealed=activity.secure_output),
            "error": self._dump(activity.error, sealed=False),
            "user_properties": to_json(activity.user_properties),
            "state": self._dump(activity.state or None, sealed=True),
            "started": _text(activity.started),
            "ended": _text(activity.ended) if activity.ended else None,
        }

    def _activity(self, row: sqlite3.Row) -> ActivityRun:
        secure_input, secure_output = bool(row["secure_input"]), bool(row["secure_output"])
        return ActivityRun(
            id=row["id"],
            run_id=row["run_id"],
            name=row["name"],
            type=row["type"],
            path=row["path"],
            attempt=row["attempt"],
            linked_service=row["linked_service"],
            secure_input=secure_input,
            secure_output=secure_output,
            status=row["status"],
            input=self._load(row["input"], sealed=secure_input),
            output=self._load(row["output"], sealed=secure_output),
            error=self._load(row["error"], sealed=False),
            user_properties=from_json(row["user_properties"]),
            state=self._load(row["state"], sealed=True) or {},
            started=_time(row["started"]),
            ended=_time(row["ended"]) if row["ended"] else None,
        )

    def _dump(self, value: Any, *, sealed: bool) -> bytes | None:
        if value is None:
            return None
        return self._sealer.seal(value).encode() if sealed else to_json(value)

    def _load(self, column: bytes | None, *, sealed: bool) -> Any:
        if column is None:
            return None
        return self._sealer.open(column.decode()) if sealed else from_json(column)


def _insert(connection: sqlite3.Connection, table: str, columns: dict[str, Any]) -> None:
    names = ", ".join(columns)
    marks = ", ".join(f":{name}" for name in columns)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", columns)  # noqa: S608


def _update(connection: sqlite3.Connection, table: str, key: str, columns: dict[str, Any]) -> None:
    assignments = ", ".join(f"{name} = :{name}" for name in columns if name != key)
    connection.execute(f"UPDATE {table} SET {assignments} WHERE {key} = :{key}", columns)  # noqa: S608


def _add_event(
    connection: sqlite3.Connection, run_id: str, time: datetime, kind: str, subject: str, detail: str
) -> None:
    connection.execute(
        "INSERT INTO run_events (run_id, time, kind, subject, detail) VALUES (?, ?, ?, ?, ?)",
        (run_id, _text(time), kind, subject, detail),
    )


def _text(time: datetime) -> str:
    return time.isoformat(timespec="microseconds")  # one width, so that texts compare as the times do


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
