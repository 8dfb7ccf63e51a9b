"""Events of blobs, for those who subscribed to an account's: in SQLite before the writer has its answer.

https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from adfkit.local_azure.store import Store

CREATED: Final = "Microsoft.Storage.BlobCreated"
DELETED: Final = "Microsoft.Storage.BlobDeleted"
SCHEMA: Final = (
    """CREATE TABLE blob_event_subscriptions (
        subscriber TEXT PRIMARY KEY, account TEXT NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE blob_events (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, kind TEXT NOT NULL, container TEXT NOT NULL,
        blob TEXT NOT NULL, size INTEGER, time TEXT NOT NULL
    )""",
)


@dataclass(frozen=True, slots=True)
class BlobEvent:
    """One event; `account` is the account's id in lower case, `size` None for a blob that was deleted."""

    sequence: int
    account: str
    kind: str
    container: str
    blob: str
    size: int | None
    time: str


def kind(method: str, query: Mapping[str, str], status: int) -> str | None:
    """The event that an answered operation on a blob is; None for an operation that is none."""
    comp = query.get("comp", "")
    if method == "PUT" and comp in ("", "blocklist") and status in (201, 202):
        return CREATED
    if method == "DELETE" and not comp and status == 202 and "snapshot" not in query:
        return DELETED
    return None


class BlobEvents:
    """Subscriptions and what has happened since; ids are compared in lower case."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.migrate("blob_events", SCHEMA)

    def subscribe(self, subscriber: str, account: str) -> None:
        self._store.execute(
            "INSERT OR REPLACE INTO blob_event_subscriptions VALUES (?, ?)", (subscriber.lower(), account.lower())
        )

    def unsubscribe(self, subscriber: str) -> None:
        self._store.execute("DELETE FROM blob_event_subscriptions WHERE subscriber = ?", (subscriber.lower(),))

    def is_subscribed(self, subscriber: str) -> bool:
        sql = "SELECT 1 FROM blob_event_subscriptions WHERE subscriber = ?"
        return self._store.row(sql, (subscriber.lower(),)) is not None

    def wanted(self, account: str) -> bool:
        """Whether anyone has subscribed to an account's events."""
        return (
            self._store.row("SELECT 1 FROM blob_event_subscriptions WHERE account = ?", (account.lower(),)) is not None
        )

    def record(self, account: str, kind: str, container: str, blob: str, size: int | None) -> None:
        """Keep an event."""
        self._store.execute(
            "INSERT INTO blob_events (account, kind, container, blob, size, time) VALUES (?, ?, ?, ?, ?, ?)",
            (account.lower(), kind, container, blob, size, datetime.now(UTC).isoformat()),
        )

    def after(self, sequence: int) -> list[BlobEvent]:
        """The events behind a number, in order."""
        rows = self._store.rows("SELECT * FROM blob_events WHERE sequence > ? ORDER BY sequence", (sequence,))
        return [BlobEvent(**dict(row)) for row in rows]

    def last(self) -> int:
        """The number of the last event, 0 where there is none."""
        row = self._store.row("SELECT max(sequence) AS last FROM blob_events")
        return int(row["last"] or 0) if row else 0

    def drop(self, sequence: int) -> None:
        """Forget the events up to a number: everyone has had them."""
        self._store.execute("DELETE FROM blob_events WHERE sequence <= ?", (sequence,))
