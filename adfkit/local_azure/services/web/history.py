"""What happened to the function apps: deployments, invocations and their log, in SQLite."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, Final

import orjson

from adfkit.local_azure.services.web.worker_process import LogRecord
from adfkit.local_azure.store import Store

SCHEMA: Final = (
    """CREATE TABLE web_deployments (
        id TEXT PRIMARY KEY, site TEXT NOT NULL, status INTEGER NOT NULL, status_text TEXT NOT NULL,
        deployer TEXT NOT NULL, remote_build INTEGER NOT NULL, package_sha256 TEXT NOT NULL,
        received_at TEXT NOT NULL, ended_at TEXT
    )""",
    "CREATE INDEX web_deployments_by_site ON web_deployments (site, received_at)",
    """CREATE TABLE web_invocations (
        id TEXT PRIMARY KEY, site TEXT NOT NULL, function TEXT NOT NULL, started_at TEXT NOT NULL, ended_at TEXT,
        status INTEGER, error TEXT
    )""",
    "CREATE INDEX web_invocations_by_site ON web_invocations (site, started_at)",
    """CREATE TABLE web_logs (
        site TEXT NOT NULL, invocation TEXT NOT NULL, time TEXT NOT NULL, level TEXT NOT NULL, logger TEXT NOT NULL,
        message TEXT NOT NULL
    )""",
    "CREATE INDEX web_logs_by_site ON web_logs (site, time)",
    "CREATE TABLE web_keys (site TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (site, name))",
    """CREATE TABLE web_functions (
        site TEXT NOT NULL, name TEXT NOT NULL, function BLOB NOT NULL, PRIMARY KEY (site, name)
    )""",
    "ALTER TABLE web_invocations ADD COLUMN operation TEXT NOT NULL DEFAULT ''",
    """CREATE TABLE web_timers (
        site TEXT NOT NULL, function TEXT NOT NULL, status BLOB NOT NULL, PRIMARY KEY (site, function)
    )""",
    """CREATE TABLE web_blobs (
        site TEXT NOT NULL, function TEXT NOT NULL, blob TEXT NOT NULL, etag TEXT NOT NULL, tries INTEGER NOT NULL,
        ended INTEGER NOT NULL, PRIMARY KEY (site, function, blob)
    )""",
)
TABLES: Final = (
    "web_deployments",
    "web_invocations",
    "web_logs",
    "web_keys",
    "web_functions",
    "web_timers",
    "web_blobs",
)
MASTER_KEY: Final = "_master"


class DeploymentStatus(IntEnum):
    """The `status` of a deployment, as the deployment site numbers it."""

    PENDING = 0
    BUILDING = 1
    DEPLOYING = 2
    FAILED = 3
    SUCCESS = 4

    @property
    def complete(self) -> bool:
        """Whether nothing more will happen."""
        return self in (DeploymentStatus.FAILED, DeploymentStatus.SUCCESS)


@dataclass(frozen=True, slots=True)
class Deployment:
    """One publishing of a package; times are ISO 8601 in UTC."""

    id: str
    site: str
    status: DeploymentStatus
    status_text: str
    deployer: str
    remote_build: bool
    package_sha256: str
    received_at: str
    ended_at: str | None


@dataclass(frozen=True, slots=True)
class BlobReceipt:
    """A version of a blob that a function was given: how often, and whether it is done with it."""

    etag: str
    tries: int
    ended: bool


class History:
    """Reads and writes the tables; `site` is a site's id in lower case."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.migrate("web", SCHEMA)

    def add_deployment(self, site: str, id: str, *, deployer: str, remote_build: bool, package_sha256: str) -> None:
        """Note a package that was received."""
        self._store.execute(
            "INSERT INTO web_deployments VALUES (?, ?, ?, '', ?, ?, ?, ?, NULL)",
            (id, site, DeploymentStatus.PENDING, deployer, remote_build, package_sha256, _now()),
        )

    def set_deployment(self, id: str, status: DeploymentStatus, text: str = "") -> None:
        """Note how far a deployment is."""
        self._store.execute(
            "UPDATE web_deployments SET status = ?, status_text = ?, ended_at = ? WHERE id = ?",
            (status, text, _now() if status.complete else None, id),
        )

    def deployments(self, site: str) -> list[Deployment]:
        """The deployments of a site, the latest first."""
        rows = self._store.rows(
            "SELECT * FROM web_deployments WHERE site = ? ORDER BY received_at DESC, rowid DESC", (site,)
        )
        return [_deployment(row) for row in rows]

    def built_remotely(self, site: str, package_sha256: str) -> bool:
        """Whether a package's requirements were installed at its deployment."""
        found = self._store.row(
            "SELECT remote_build FROM web_deployments WHERE site = ? AND package_sha256 = ? "
            "ORDER BY received_at DESC LIMIT 1",
            (site, package_sha256),
        )
        return bool(found and found["remote_build"])

    def fail_interrupted(self, text: str) -> None:
        """End what a killed process left running."""
        ended = (DeploymentStatus.FAILED, DeploymentStatus.SUCCESS)
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE web_deployments SET status = ?, status_text = ?, ended_at = ? WHERE status NOT IN (?, ?)",
                (DeploymentStatus.FAILED, text, _now(), *ended),
            )
            connection.execute(
                "UPDATE web_invocations SET ended_at = ?, status = 500, error = ? WHERE ended_at IS NULL",
                (_now(), text),
            )

    def start_invocation(self, site: str, id: str, function: str, *, operation: str) -> None:
        """Note an invocation before it runs; `operation` is the id of the trace that it belongs to."""
        self._store.execute(
            "INSERT INTO web_invocations (id, site, function, started_at, operation) VALUES (?, ?, ?, ?, ?)",
            (id, site, function, _now(), operation),
        )

    def end_invocation(self, id: str, status: int, error: str | None = None) -> None:
        """Note how an invocation ended."""
        self._store.execute(
            "UPDATE web_invocations SET ended_at = ?, status = ?, error = ? WHERE id = ?", (_now(), status, error, id)
        )

    def invocations(self, site: str) -> Sequence[Mapping[str, Any]]:
        """The invocations of a site, the latest first."""
        return [
            dict(row)
            for row in self._store.rows(
                "SELECT * FROM web_invocations WHERE site = ? ORDER BY started_at DESC", (site,)
            )
        ]

    def log(self, site: str, record: LogRecord) -> None:
        """Note one line."""
        time = datetime.fromtimestamp(record.time, UTC).isoformat() if record.time else _now()
        self._store.execute(
            "INSERT INTO web_logs VALUES (?, ?, ?, ?, ?, ?)",
            (site, record.invocation, time, record.level, record.logger, record.message),
        )

    def logs(self, site: str) -> Sequence[Mapping[str, Any]]:
        """The lines of a site in the order in which they came, each with `function` and `operation` (None for none)."""
        rows = self._store.rows(
            "SELECT line.*, invocation.function, invocation.operation FROM web_logs AS line LEFT JOIN web_invocations "
            "AS invocation ON invocation.id = line.invocation WHERE line.site = ? ORDER BY line.rowid",
            (site,),
        )
        return [dict(row) for row in rows]

    def set_functions(self, site: str, functions: Mapping[str, Mapping[str, Any]]) -> None:
        """Note the functions of the package that serves now, by name: each one's `path` and `bindings`."""
        with self._store.transaction() as connection:
            connection.execute("DELETE FROM web_functions WHERE site = ?", (site,))
            for name, function in functions.items():
                connection.execute("INSERT INTO web_functions VALUES (?, ?, ?)", (site, name, orjson.dumps(function)))

    def functions(self, site: str) -> dict[str, dict[str, Any]]:
        """Those functions."""
        rows = self._store.rows("SELECT name, function FROM web_functions WHERE site = ? ORDER BY name", (site,))
        return {row["name"]: orjson.loads(row["function"]) for row in rows}

    def key(self, site: str, name: str) -> str:
        """A key of a site, made when first asked for."""
        with self._store.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO web_keys VALUES (?, ?, ?)", (site, name, secrets.token_urlsafe(40))
            )
            row = connection.execute("SELECT value FROM web_keys WHERE site = ? AND name = ?", (site, name)).fetchone()
        return str(row["value"])

    def keys(self, site: str, prefix: str) -> dict[str, str]:
        """The keys whose names begin so, by the rest of their names."""
        rows = self._store.rows(
            "SELECT name, value FROM web_keys WHERE site = ? AND substr(name, 1, ?) = ? ORDER BY name",
            (site, len(prefix), prefix),
        )
        return {row["name"].removeprefix(prefix): row["value"] for row in rows}

    def set_key(self, site: str, name: str, value: str) -> None:
        """Set a key, or replace it."""
        self._store.execute("INSERT OR REPLACE INTO web_keys VALUES (?, ?, ?)", (site, name, value))

    def delete_key(self, site: str, name: str) -> None:
        """Delete a key; one that is gone already is no error."""
        self._store.execute("DELETE FROM web_keys WHERE site = ? AND name = ?", (site, name))

    def timer(self, site: str, function: str) -> dict[str, Any] | None:
        """When a timer's function ran and runs next, as it was noted; None before its first time."""
        row = self._store.row("SELECT status FROM web_timers WHERE site = ? AND function = ?", (site, function))
        return orjson.loads(row["status"]) if row else None

    def set_timer(self, site: str, function: str, status: Mapping[str, Any]) -> None:
        """Note that."""
        self._store.execute(
            "INSERT OR REPLACE INTO web_timers VALUES (?, ?, ?)", (site, function, orjson.dumps(status))
        )

    def blob_receipts(self, site: str, function: str) -> dict[str, BlobReceipt]:
        """The blobs that a function has been given, by path."""
        rows = self._store.rows(
            "SELECT blob, etag, tries, ended FROM web_blobs WHERE site = ? AND function = ?", (site, function)
        )
        return {row["blob"]: BlobReceipt(row["etag"], row["tries"], bool(row["ended"])) for row in rows}

    def set_blob_receipt(self, site: str, function: str, blob: str, receipt: BlobReceipt) -> None:
        """Note one of them."""
        self._store.execute(
            "INSERT OR REPLACE INTO web_blobs VALUES (?, ?, ?, ?, ?, ?)",
            (site, function, blob, receipt.etag, receipt.tries, receipt.ended),
        )

    def forget(self, site: str) -> None:
        """Remove all of a deleted site."""
        with self._store.transaction() as connection:
            for table in TABLES:
                connection.execute(f"DELETE FROM {table} WHERE site = ?", (site,))  # noqa: S608  our own names


def _deployment(row: Any) -> Deployment:
    return Deployment(
        id=row["id"],
        site=row["site"],
        status=DeploymentStatus(row["status"]),
        status_text=row["status_text"],
        deployer=row["deployer"],
        remote_build=bool(row["remote_build"]),
        package_sha256=row["package_sha256"],
        received_at=row["received_at"],
        ended_at=row["ended_at"],
    )


def _now() -> str:
    return datetime.now(UTC).isoformat()
