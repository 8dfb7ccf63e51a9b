"""Every ARM resource, in SQLite: by id without case, with an ETag, removed with all that is below it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson

from adfkit.local_azure import resource_id
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.store import Store

SCHEMA = (
    """CREATE TABLE resources (
        key TEXT PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL COLLATE NOCASE, name TEXT NOT NULL,
        parent TEXT NOT NULL, body BLOB NOT NULL, etag TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX resources_by_parent ON resources (parent, type)",
    "CREATE INDEX resources_by_type ON resources (type)",
)


@dataclass(frozen=True, slots=True)
class Resource:
    """A stored resource. `body` is what ARM shows but for id, name and type; times are ISO 8601 in UTC."""

    id: str
    type: str
    name: str
    body: Mapping[str, Any]
    etag: str
    created_at: str
    updated_at: str

    @property
    def properties(self) -> Mapping[str, Any]:
        """The body's `properties`, empty where it has none."""
        properties: Mapping[str, Any] = self.body.get("properties") or {}
        return properties


class Resources:
    """Reads and writes resources; knows nothing of their types."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.migrate("resources", SCHEMA)

    def get(self, id: str) -> Resource | None:
        """The resource of this id, or None."""
        row = self._store.row("SELECT * FROM resources WHERE key = ?", (_key(id),))
        return _resource(row) if row else None

    def require(self, id: str) -> Resource:
        """The resource of this id.

        Raises:
            AzureError: 404 `ResourceNotFound`.
        """
        resource = self.get(id)
        if resource is None:
            raise AzureError(404, "ResourceNotFound", f"The resource '{id}' was not found.")
        return resource

    def put(self, id: str, body: Mapping[str, Any], *, if_match: str | None = None) -> Resource:
        """Create or replace a resource; the spelling of an existing id is kept.

        Raises:
            AzureError: 412 `PreconditionFailed` where `if_match` is neither `*` nor the stored ETag.
        """
        parsed = resource_id.parse(id)
        now = datetime.now(UTC).isoformat()
        stored = {key: value for key, value in body.items() if key not in ("id", "name", "type", "etag")}
        with self._store.transaction() as connection:
            row = connection.execute("SELECT * FROM resources WHERE key = ?", (parsed.key,)).fetchone()
            existing = _resource(row) if row else None
            _check_etag(id, existing, if_match)
            resource = Resource(
                id=existing.id if existing else parsed.text,
                type=parsed.type,
                name=existing.name if existing else parsed.name,
                body=stored,
                etag=str(uuid4()),
                created_at=existing.created_at if existing else now,
                updated_at=now,
            )
            connection.execute(
                "INSERT OR REPLACE INTO resources VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    parsed.key,
                    resource.id,
                    resource.type,
                    resource.name,
                    parsed.parent.lower(),
                    orjson.dumps(stored),
                    resource.etag,
                    resource.created_at,
                    now,
                ),
            )
        return resource

    def delete(self, id: str) -> list[Resource]:
        """Remove a resource with all below it and all attached to it (`/providers/...`); returns what was removed."""
        prefix = _key(id) + "/"
        with self._store.transaction() as connection:
            # a range scan over the primary key: all ids that begin with the prefix ('0' follows '/')
            where = "key = ? OR (key >= ? AND key < ?)"
            bounds = (_key(id), prefix, prefix[:-1] + "0")
            removed = [_resource(row) for row in connection.execute(f"SELECT * FROM resources WHERE {where}", bounds)]  # noqa: S608
            connection.execute(f"DELETE FROM resources WHERE {where}", bounds)  # noqa: S608
        return removed

    def children(self, parent: str, type: str | None = None) -> list[Resource]:
        """What is directly below an id (a resource, group or subscription), by name; of one type if given."""
        if type is None:
            rows = self._store.rows("SELECT * FROM resources WHERE parent = ? ORDER BY key", (_key(parent),))
        else:
            rows = self._store.rows(
                "SELECT * FROM resources WHERE parent = ? AND type = ? ORDER BY key", (_key(parent), type)
            )
        return [_resource(row) for row in rows]

    def of_type(self, type: str, below: str = "") -> list[Resource]:
        """All resources of a type whose id is below a scope (empty: everywhere)."""
        prefix = _key(below) + "/" if below else ""
        rows = self._store.rows(
            "SELECT * FROM resources WHERE type = ? AND substr(key, 1, ?) = ? ORDER BY key", (type, len(prefix), prefix)
        )
        return [_resource(row) for row in rows]


def _key(id: str) -> str:
    return "/" + id.strip("/").lower()


def _check_etag(id: str, existing: Resource | None, if_match: str | None) -> None:
    if if_match is None or (if_match == "*" and existing):
        return
    if existing is None or if_match.strip('"') != existing.etag:
        raise AzureError(412, "PreconditionFailed", f"'{id}' has changed: '{if_match}' is not its ETag any more.")


def _resource(row: Any) -> Resource:
    return Resource(
        id=row["id"],
        type=row["type"],
        name=row["name"],
        body=orjson.loads(row["body"]),
        etag=row["etag"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
