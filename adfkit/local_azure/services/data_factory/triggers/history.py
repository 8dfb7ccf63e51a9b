"""What triggers have done, in SQLite: how far each has come, and every trigger run, written before it is acted upon."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from adfkit.local_azure.services.data_factory.runtime.json_values import from_json, to_json
from adfkit.local_azure.store import Store

OWNER: Final = "data_factory_triggers"
SCHEMA: Final = (
    """CREATE TABLE trigger_states (
        trigger_id TEXT PRIMARY KEY, factory TEXT NOT NULL, life TEXT NOT NULL, position TEXT NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE trigger_runs (
        id TEXT PRIMARY KEY, trigger_id TEXT NOT NULL, factory TEXT NOT NULL, life TEXT NOT NULL, name TEXT NOT NULL,
        type TEXT NOT NULL, subject TEXT NOT NULL, generation INTEGER NOT NULL, time TEXT NOT NULL,
        status TEXT NOT NULL, message TEXT NOT NULL, outputs BLOB NOT NULL, pipelines BLOB NOT NULL,
        attempt INTEGER NOT NULL, retry_at TEXT, updated TEXT NOT NULL,
        UNIQUE (trigger_id, life, subject, generation)
    )""",
    "CREATE INDEX trigger_runs_by_update ON trigger_runs (factory, updated)",
    "CREATE INDEX trigger_runs_by_status ON trigger_runs (status, trigger_id)",
)
WAITING: Final = frozenset({"Waiting", "WaitingOnDependency"})
UNFINISHED: Final = frozenset({*WAITING, "Inprogress"})


@dataclass(slots=True, kw_only=True)
class TriggerRun:
    """One firing of a trigger.

    Attributes:
        life: which trigger of this name; one that was deleted and made again is another.
        subject: what it fired for, once: a time, a window's start, an event.
        generation: 1, counted up by reruns.
        outputs: what `trigger()` shows as `outputs`, and with it the times.
        pipelines: the run's id by pipeline, of the latest attempt.
    """

    trigger_id: str
    factory: str
    life: str
    name: str
    type: str
    subject: str
    time: datetime
    updated: datetime
    generation: int = 1
    status: str = "Inprogress"
    message: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)
    pipelines: dict[str, str] = field(default_factory=dict)
    attempt: int = 0
    retry_at: datetime | None = None
    id: str = field(default_factory=lambda: uuid4().hex)


@dataclass(frozen=True, slots=True)
class State:
    """How far a trigger has come: a time, the number of the next window, or of the last event."""

    life: str
    position: str


class TriggerHistory:
    """Reads and writes the two tables."""

    def __init__(self, store: Store) -> None:
        self.store = store
        store.migrate(OWNER, SCHEMA)

    def state(self, trigger_id: str) -> State | None:
        row = self.store.row("SELECT life, position FROM trigger_states WHERE trigger_id = ?", (trigger_id,))
        return State(row["life"], row["position"]) if row else None

    def move(self, trigger_id: str, factory: str, position: str) -> None:
        """Set how far a trigger has come; the first time begins its life."""
        self.store.execute(
            "INSERT INTO trigger_states VALUES (?, ?, ?, ?) "
            "ON CONFLICT (trigger_id) DO UPDATE SET position = excluded.position",
            (trigger_id, factory, uuid4().hex, position),
        )

    def forget(self, trigger_id: str, now: datetime) -> None:
        """End a trigger's life; its runs stay, those that have not ended as Cancelled."""
        with self.store.transaction() as connection:
            connection.execute("DELETE FROM trigger_states WHERE trigger_id = ?", (trigger_id,))
            connection.execute(
                "UPDATE trigger_runs SET status = 'Cancelled', message = 'The trigger was deleted.', updated = ? "
                "WHERE trigger_id = ? AND status IN ('Waiting', 'WaitingOnDependency', 'Inprogress')",
                (_text(now), trigger_id),
            )

    def remove_factory(self, factory: str) -> None:
        with self.store.transaction() as connection:
            connection.execute("DELETE FROM trigger_states WHERE factory = ?", (factory,))
            connection.execute("DELETE FROM trigger_runs WHERE factory = ?", (factory,))

    def save(self, run: TriggerRun) -> None:
        """Insert or replace a run.

        Raises:
            sqlite3.IntegrityError: the trigger has fired for this subject and generation already.
        """
        self.store.execute(
            "INSERT INTO trigger_runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET status = excluded.status, message = excluded.message, "
            "pipelines = excluded.pipelines, attempt = excluded.attempt, "
            "retry_at = excluded.retry_at, updated = excluded.updated",
            (
                *(run.id, run.trigger_id, run.factory, run.life, run.name, run.type, run.subject, run.generation),
                *(_text(run.time), run.status, run.message, to_json(run.outputs), to_json(run.pipelines)),
                *(run.attempt, _text(run.retry_at) if run.retry_at else None, _text(run.updated)),
            ),
        )

    def run(self, id: str) -> TriggerRun | None:
        row = self.store.row("SELECT * FROM trigger_runs WHERE id = ?", (id,))
        return _run(row) if row else None

    def runs(self, factory: str, after: datetime, before: datetime) -> list[TriggerRun]:
        """A factory's trigger runs whose last update lies in the interval, oldest first."""
        return self._runs(
            "factory = ? AND updated >= ? AND updated <= ? ORDER BY time, subject", factory, _text(after), _text(before)
        )

    def unfinished(self) -> list[TriggerRun]:
        """All that wait or are in progress, each trigger's in the order of its subjects."""
        return self._runs("status IN ('Waiting', 'WaitingOnDependency', 'Inprogress') ORDER BY trigger_id, subject")

    def latest(self, trigger_id: str, subject: str) -> TriggerRun | None:
        """The run of the highest generation for a subject, in the trigger's present life."""
        found = self._runs(
            "trigger_id = ? AND subject = ? AND life = "
            "(SELECT life FROM trigger_states s WHERE s.trigger_id = trigger_runs.trigger_id) "
            "ORDER BY generation DESC LIMIT 1",
            trigger_id,
            subject,
        )
        return found[0] if found else None

    def _runs(self, where: str, *parameters: Any) -> list[TriggerRun]:
        return [_run(row) for row in self.store.rows(f"SELECT * FROM trigger_runs WHERE {where}", parameters)]  # noqa: S608


def _run(row: sqlite3.Row) -> TriggerRun:
    values: Mapping[str, Any] = dict(row)
    return TriggerRun(
        **{
            **values,
            "time": datetime.fromisoformat(values["time"]),
            "updated": datetime.fromisoformat(values["updated"]),
            "retry_at": datetime.fromisoformat(values["retry_at"]) if values["retry_at"] else None,
            "outputs": from_json(values["outputs"]),
            "pipelines": from_json(values["pipelines"]),
        }
    )


def _text(time: datetime) -> str:
    return time.isoformat(timespec="microseconds")  # one width, so that texts compare as the times do
