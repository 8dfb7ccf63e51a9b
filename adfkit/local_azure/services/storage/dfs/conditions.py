"""Conditional headers of operations that the blob store below can't check, since they take several of its own.

https://learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations
"""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

from adfkit.local_azure.services.storage.dfs import errors
from adfkit.local_azure.services.storage.dfs.operation import Operation
from adfkit.local_azure.services.storage.dfs.tree import Status


def check(on: Operation, status: Status | None, *, prefix: str = "") -> None:
    """Refuse what a header with this prefix forbids for what is at the path now (None: nothing).

    Raises:
        AzureError: 409 `PathAlreadyExists`, 412 `ConditionNotMet`, 400 `InvalidHeaderValue`.
    """
    etag = status.entry.etag if status else None
    unless = on.header(f"{prefix}if-none-match")
    if unless == "*" and status is not None:
        raise errors.path_already_exists()
    match = on.header(f"{prefix}if-match")
    if match and (status is None or match not in ("*", etag)):
        raise errors.condition_not_met()
    if unless and unless == etag:
        raise errors.condition_not_met()
    since, until = _time(on, f"{prefix}if-modified-since"), _time(on, f"{prefix}if-unmodified-since")
    if status is None or not status.entry.modified:
        return
    modified = parsedate_to_datetime(status.entry.modified)
    if (since and modified <= since) or (until and modified > until):
        raise errors.condition_not_met()


def _time(on: Operation, name: str) -> datetime | None:
    text = on.header(name)
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text)
    except ValueError as error:
        raise errors.invalid_header(name) from error
