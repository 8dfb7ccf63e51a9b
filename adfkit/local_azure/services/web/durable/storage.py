"""The task hubs in SQLite: instances, their history, messages that wait for them, activities to run, entities.

All that one step decides is written in one transaction, so a killed process finds either the step or its cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from sqlite3 import Connection
from typing import Any, Final

import orjson

from adfkit.local_azure.services.web.durable.events import Event, timestamp, to_time
from adfkit.local_azure.store import Store

SCHEMA: Final = (
    """CREATE TABLE durable_instances (
        site TEXT NOT NULL, id TEXT NOT NULL, execution TEXT NOT NULL, name TEXT NOT NULL, input TEXT, output TEXT,
        custom_status TEXT, status TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
        parent TEXT, parent_execution TEXT, parent_task INTEGER, PRIMARY KEY (site, id)
    )""",
    """CREATE TABLE durable_history (
        site TEXT NOT NULL, instance TEXT NOT NULL, position INTEGER NOT NULL, event BLOB NOT NULL,
        PRIMARY KEY (site, instance, position)
    )""",
    """CREATE TABLE durable_messages (
        number INTEGER PRIMARY KEY AUTOINCREMENT, site TEXT NOT NULL, target TEXT NOT NULL, visible_at TEXT NOT NULL,
        control INTEGER NOT NULL, message BLOB NOT NULL
    )""",
    "CREATE INDEX durable_messages_by_target ON durable_messages (site, target, number)",
    """CREATE TABLE durable_activities (
        site TEXT NOT NULL, instance TEXT NOT NULL, execution TEXT NOT NULL, task INTEGER NOT NULL, name TEXT NOT NULL,
        input TEXT, PRIMARY KEY (site, instance, execution, task)
    )""",
    """CREATE TABLE durable_entities (
        site TEXT NOT NULL, id TEXT NOT NULL, present INTEGER NOT NULL, state TEXT, updated_at TEXT NOT NULL,
        PRIMARY KEY (site, id)
    )""",
)
TABLES: Final = ("instances", "history", "messages", "activities", "entities")
ENDED: Final = frozenset({"Completed", "Failed", "Terminated"})


@dataclass(frozen=True, slots=True)
class Instance:
    """One orchestration. `input`, `output` and `custom_status` are JSON texts or None; times are ISO 8601 in UTC."""

    id: str
    execution: str
    name: str
    input: str | None
    output: str | None
    custom_status: str | None
    status: str
    created_at: str
    updated_at: str
    parent: str | None = None
    parent_execution: str | None = None
    parent_task: int | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in ENDED


@dataclass(frozen=True, slots=True)
class Message:
    """Something that waits for an instance: an event for its history, or a request to an entity."""

    number: int
    control: bool
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ActivityCall:
    """One activity to run for an execution of an instance; `input` is what the function gets."""

    instance: str
    execution: str
    task: int
    name: str
    input: str | None


class HubStorage:
    """One app's task hub; `site` is the app's id in lower case. Writes belong into `transaction()` together."""

    def __init__(self, store: Store, site: str) -> None:
        self._store = store
        self._site = site

    def transaction(self) -> AbstractContextManager[Connection]:
        """One transaction around what is written inside."""
        return self._store.transaction()

    def instance(self, id: str) -> Instance | None:
        """One instance."""
        row = self._store.row("SELECT * FROM durable_instances WHERE site = ? AND id = ?", (self._site, id))
        return _instance(row) if row else None

    def instances(self) -> list[Instance]:
        """All instances, the oldest first."""
        rows = self._store.rows(
            "SELECT * FROM durable_instances WHERE site = ? ORDER BY created_at, rowid", (self._site,)
        )
        return [_instance(row) for row in rows]

    def put_instance(self, instance: Instance) -> None:
        """Write an instance, in place of the one of its id."""
        self._store.execute(
            "INSERT OR REPLACE INTO durable_instances VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._site,
                instance.id,
                instance.execution,
                instance.name,
                instance.input,
                instance.output,
                instance.custom_status,
                instance.status,
                instance.created_at,
                instance.updated_at,
                instance.parent,
                instance.parent_execution,
                instance.parent_task,
            ),
        )

    def history(self, id: str) -> list[Event]:
        """The history of an instance's current execution."""
        rows = self._store.rows(
            "SELECT event FROM durable_history WHERE site = ? AND instance = ? ORDER BY position", (self._site, id)
        )
        return [orjson.loads(row["event"]) for row in rows]

    def add_history(self, id: str, position: int, events: Iterable[Event]) -> None:
        """Append events from `position` on."""
        with self.transaction() as connection:
            for offset, event in enumerate(events):
                connection.execute(
                    "INSERT INTO durable_history VALUES (?, ?, ?, ?)",
                    (self._site, id, position + offset, orjson.dumps(event)),
                )

    def clear(self, id: str) -> None:
        """Forget an execution's history and activities; what waits for the instance stays."""
        with self.transaction() as connection:
            connection.execute("DELETE FROM durable_history WHERE site = ? AND instance = ?", (self._site, id))
            connection.execute("DELETE FROM durable_activities WHERE site = ? AND instance = ?", (self._site, id))

    def stop(self, id: str) -> None:
        """Forget what an ended instance was to run and what waits for it."""
        with self.transaction() as connection:
            connection.execute("DELETE FROM durable_activities WHERE site = ? AND instance = ?", (self._site, id))
            connection.execute("DELETE FROM durable_messages WHERE site = ? AND target = ?", (self._site, id))

    def length(self, id: str) -> int:
        """How many events the history holds, those written in this transaction too."""
        with self.transaction() as connection:
            row = connection.execute(
                "SELECT count(*) AS n FROM durable_history WHERE site = ? AND instance = ?", (self._site, id)
            ).fetchone()
        return int(row["n"])

    def purge(self, id: str) -> None:
        """Forget an instance."""
        with self.transaction() as connection:
            self.clear(id)
            self.stop(id)
            connection.execute("DELETE FROM durable_instances WHERE site = ? AND id = ?", (self._site, id))

    def send(self, target: str, body: Mapping[str, Any], when: datetime, *, control: bool = False) -> None:
        """Queue a message for an instance or an entity, to be seen from `when` on.

        Those of `control` reach a suspended instance too; all others wait until it is resumed.
        """
        self._store.execute(
            "INSERT INTO durable_messages (site, target, visible_at, control, message) VALUES (?, ?, ?, ?, ?)",
            (self._site, target, timestamp(when), control, orjson.dumps(dict(body))),
        )

    def waiting(self, target: str, now: datetime) -> list[Message]:
        """What waits for a target, in order."""
        rows = self._store.rows(
            "SELECT * FROM durable_messages WHERE site = ? AND target = ? AND visible_at <= ? ORDER BY number",
            (self._site, target, timestamp(now)),
        )
        return [Message(row["number"], bool(row["control"]), orjson.loads(row["message"])) for row in rows]

    def targets(self, now: datetime) -> list[str]:
        """Who has messages to work on, the longest waiting first."""
        rows = self._store.rows(
            "SELECT target FROM durable_messages AS message WHERE site = ? AND visible_at <= ? AND (control OR NOT "
            "EXISTS (SELECT 1 FROM durable_instances WHERE site = message.site AND id = message.target "
            "AND status = 'Suspended')) GROUP BY target ORDER BY min(number)",
            (self._site, timestamp(now)),
        )
        return [row["target"] for row in rows]

    def next_visible(self, now: datetime) -> datetime | None:
        """When the next message can be seen that cannot be yet."""
        row = self._store.row(
            "SELECT min(visible_at) AS next FROM durable_messages WHERE site = ? AND visible_at > ?",
            (self._site, timestamp(now)),
        )
        return to_time(row["next"]) if row and row["next"] else None

    def take(self, messages: Sequence[Message]) -> None:
        """Remove messages that have been worked on."""
        with self.transaction() as connection:
            connection.executemany(
                "DELETE FROM durable_messages WHERE number = ?", [(message.number,) for message in messages]
            )

    def schedule(self, call: ActivityCall) -> None:
        """Queue an activity."""
        self._store.execute(
            "INSERT INTO durable_activities VALUES (?, ?, ?, ?, ?, ?)",
            (self._site, call.instance, call.execution, call.task, call.name, call.input),
        )

    def activities(self) -> list[ActivityCall]:
        """The activities that have not ended, in the order in which they were queued."""
        rows = self._store.rows("SELECT * FROM durable_activities WHERE site = ? ORDER BY rowid", (self._site,))
        return [ActivityCall(row["instance"], row["execution"], row["task"], row["name"], row["input"]) for row in rows]

    def ended(self, call: ActivityCall) -> bool:
        """Remove an activity that has ended; False where its execution has been forgotten meanwhile."""
        return bool(
            self._store.execute(
                "DELETE FROM durable_activities WHERE site = ? AND instance = ? AND execution = ? AND task = ?",
                (self._site, call.instance, call.execution, call.task),
            )
        )

    def entity(self, id: str) -> tuple[bool, str | None]:
        """Whether an entity exists, and its state as JSON text."""
        row = self._store.row("SELECT * FROM durable_entities WHERE site = ? AND id = ?", (self._site, id))
        return (bool(row["present"]), row["state"]) if row else (False, None)

    def entities(self, name: str = "") -> list[tuple[str, str, str | None]]:
        """The id, the time of the last change and the state of those that exist, all or those of one name."""
        rows = self._store.rows("SELECT * FROM durable_entities WHERE site = ? AND present ORDER BY id", (self._site,))
        prefix = f"@{name.lower()}@" if name else "@"
        return [(row["id"], row["updated_at"], row["state"]) for row in rows if row["id"].startswith(prefix)]

    def put_entity(self, id: str, present: bool, state: str | None) -> None:
        """Write an entity's state."""
        self._store.execute(
            "INSERT OR REPLACE INTO durable_entities VALUES (?, ?, ?, ?, ?)",
            (self._site, id, present, state, now_text()),
        )

    def forget(self) -> None:
        """Remove the hub."""
        with self.transaction() as connection:
            for table in TABLES:
                connection.execute(f"DELETE FROM durable_{table} WHERE site = ?", (self._site,))  # noqa: S608  see TABLES


def migrate(store: Store) -> None:
    """Make the tables."""
    store.migrate("durable", SCHEMA)


def sites_at_work(store: Store) -> list[str]:
    """The sites whose hubs have something to go on with."""
    rows = store.rows("SELECT site FROM durable_messages UNION SELECT site FROM durable_activities")
    return [row["site"] for row in rows]


def now_text() -> str:
    """The time as instances keep it."""
    return datetime.now(UTC).isoformat()


def _instance(row: Any) -> Instance:
    return Instance(**{name: row[name] for name in Instance.__dataclass_fields__})
