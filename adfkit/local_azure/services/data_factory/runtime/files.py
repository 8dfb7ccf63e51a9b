"""Which files a dataset with store settings means: one, a folder's, or those that match a wildcard."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.blobs import Blob, BlobStore, Location

KNOWN_SETTINGS = frozenset(
    {
        "type",
        "recursive",
        "wildcardFolderPath",
        "wildcardFileName",
        "enablePartitionDiscovery",
        "maxConcurrentConnections",
    }
)


def store_settings(value: Any) -> dict[str, Any]:
    """The store settings of an activity; absent ones are empty.

    Raises:
        ActivityFailure: 2104 where one is not of its type.
    """
    settings = {} if value is None else value
    if not isinstance(settings, dict):
        raise errors.wrong_type("storeSettings", "Object", settings)
    for name in ("wildcardFolderPath", "wildcardFileName"):
        if not isinstance(settings.get(name, ""), str | None):
            raise errors.wrong_type(name, "String", settings[name])
    return settings


async def find_files(
    store: BlobStore, location: Location, settings: Mapping[str, Any], *, recursive: bool
) -> list[Blob]:
    """The files, in the order of their names; `recursive` is the default where the settings do not say.

    Raises:
        ActivityFailure: a setting is not supported, or there is no such file.
    """
    for name, value in settings.items():
        if name not in KNOWN_SETTINGS and value not in (None, "", False):
            raise errors.unsupported(f"the store setting '{name}'")
    file_pattern, folder_pattern = settings.get("wildcardFileName"), settings.get("wildcardFolderPath")
    if location.file and not file_pattern and not folder_pattern:
        blob = await store.properties(location)
        if blob is None:
            raise store.missing(location.container, location.path)
        return [blob]
    prefix = "" if folder_pattern else location.prefix
    deep = bool(settings.get("recursive", recursive)) or folder_pattern is not None
    blobs, _ = await store.list(location.container, prefix, recursive=deep)
    return [blob for blob in blobs if _is_match(blob.name, prefix, folder_pattern, file_pattern)]


def _is_match(name: str, prefix: str, folder_pattern: str | None, file_pattern: str | None) -> bool:
    folder, _, file = name.rpartition("/")
    if file_pattern and not fnmatchcase(file, file_pattern):
        return False
    if folder_pattern is None:
        return name.startswith(prefix)
    parts, patterns = folder.split("/"), folder_pattern.strip("/").split("/")
    return len(parts) == len(patterns) and all(
        fnmatchcase(part, pattern) for part, pattern in zip(parts, patterns, strict=True)
    )
