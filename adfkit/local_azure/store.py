"""The one SQLite file of local Azure: one writer at a time, readers in parallel, schemas declared by their owners."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Parameters = Sequence[Any] | Mapping[str, Any]


class Store:
    """Write-ahead logging; a committed write survives kill -9. Safe to use from any thread.

    Each service declares its tables once with `migrate`; a list only grows at its end, and what ran is recorded.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._write_lock = threading.RLock()
        self._writer = self._connect()
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        with self.transaction() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS migrations (owner TEXT PRIMARY KEY, applied INTEGER NOT NULL)"
            )

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=30)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")  # survives a killed process; only a power cut may lose the tail
        connection.execute("PRAGMA foreign_keys=ON")
        return connection

    def migrate(self, owner: str, statements: Sequence[str]) -> None:
        """Run those of the owner's statements that have not run yet, in order, in one transaction."""
        with self.transaction() as connection:
            row = connection.execute("SELECT applied FROM migrations WHERE owner = ?", (owner,)).fetchone()
            applied = int(row["applied"]) if row else 0
            for statement in statements[applied:]:
                connection.execute(statement)
            connection.execute(
                "INSERT INTO migrations (owner, applied) VALUES (?, ?) "
                "ON CONFLICT (owner) DO UPDATE SET applied = excluded.applied",
                (owner, len(statements)),
            )

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The writer's connection in a transaction: committed at the end, rolled back on an error. Nests as one."""
        with self._write_lock:
            if self._writer.in_transaction:
                yield self._writer
                return
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction of its own and return what it returns."""
        with self.transaction() as connection:
            return work(connection)

    def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Run one writing statement in a transaction; returns the number of rows it changed."""
        with self.transaction() as connection:
            return connection.execute(sql, parameters).rowcount

    def rows(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """All rows of a query, read beside the writer."""
        return self._reader().execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        row: sqlite3.Row | None = self._reader().execute(sql, parameters).fetchone()
        return row

    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect()
            connection.execute("PRAGMA query_only=ON")
            self._local.connection = connection
            self._readers.append(connection)
        return connection

    def close(self) -> None:
        """Close every connection."""
        with self._write_lock:
            for connection in (self._writer, *self._readers):
                connection.close()
