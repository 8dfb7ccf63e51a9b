"""One version of an asset for each run, however many runs register at the same time, or the same run twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from azure.ai.ml.constants import ListViewType
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

ATTEMPTS = 20  # each lost to another run that took the version in between


class VersionError(Exception):
    """No version could be registered; the text says why."""


def version_of_run(operations: Any, name: str, run_id: str, make: Callable[[str], Any]) -> str:
    """The version of the asset that is tagged with the run: found, else created.

    Versions are counted up by hand, since two runs may ask for the next one at the same time: the service refuses to
    give a version another content, and the loser tries the version after it.

    Args:
        operations: `MLClient.data` or `MLClient.models`.
        make: the asset for a version, tagged with `run_id`.
    """
    for _ in range(ATTEMPTS):
        versions = _versions(operations, name)
        if found := _of_run(versions, run_id):
            return str(found)
        version = max(versions, default=0) + 1
        try:
            operations.create_or_update(make(str(version)))
        except HttpResponseError:
            if not _taken(operations, name, str(version), run_id):
                raise
            continue
        first = _of_run(_versions(operations, name), run_id) or version
        if first != version:  # the same run was registered twice at the same time: the lower version stays
            operations.archive(name, str(version))
        return str(first)
    raise VersionError(f"{ATTEMPTS} times another run took the next version of {name}. Run this one again.")


def identical(operations: Any, name: str, before: int, content_sha256: str | None) -> str | None:
    """The first version below `before` that is tagged with this content, whichever run made it; None without one."""
    versions = _versions(operations, name)
    found = (
        version
        for version, asset in versions.items()
        if version < before and content_sha256 and (asset.tags or {}).get("content_sha256") == content_sha256
    )
    first = min(found, default=None)
    return None if first is None else str(first)


def _versions(operations: Any, name: str) -> dict[int, Any]:
    try:
        listed = list(operations.list(name=name, list_view_type=ListViewType.ALL))
    except ResourceNotFoundError:
        return {}
    return {int(asset.version): asset for asset in listed if str(asset.version).isdecimal()}


def _of_run(versions: Mapping[int, Any], run_id: str) -> int | None:
    return min((version for version, asset in versions.items() if _run(asset) == run_id), default=None)


def _taken(operations: Any, name: str, version: str, run_id: str) -> bool:
    try:
        return _run(operations.get(name, version)) != run_id
    except ResourceNotFoundError:
        return False


def _run(asset: Any) -> str | None:
    run_id: str | None = (asset.tags or {}).get("run_id")
    return run_id
