"""Which files a dataset with store settings means: one, a folder's, or those that match a wildcard.

https://learn.microsoft.com/azure/data-factory/connector-azure-blob-storage#folder-and-file-filter-examples
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.blobs import Blob, BlobStore, Location

KNOWN_SETTINGS: Final = frozenset(
    {
        "type",
        "recursive",
        "wildcardFolderPath",
        "wildcardFileName",
        "prefix",
        "fileListPath",
        "modifiedDatetimeStart",
        "modifiedDatetimeEnd",
        "enablePartitionDiscovery",
        "maxConcurrentConnections",
        "deleteFilesAfterCompletion",
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
    for name in ("wildcardFolderPath", "wildcardFileName", "prefix", "fileListPath"):
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
    _require_known(settings)
    if settings.get("fileListPath"):
        return await _listed(store, location, str(settings["fileListPath"]))
    file_pattern, folder_pattern = settings.get("wildcardFileName"), settings.get("wildcardFolderPath")
    start, end = modified_range(settings)
    if location.file and not file_pattern and not folder_pattern and not settings.get("prefix"):
        blob = await store.properties(location)
        if blob is None:
            raise store.missing(location.container, location.path)
        return [blob] if start <= blob.last_modified < end else []
    deep = bool(settings.get("recursive", recursive))
    prefix = str(settings.get("prefix") or "") or root_folder(location, settings)
    listed_deep = deep or bool(folder_pattern) or bool(settings.get("prefix"))
    blobs, _ = await store.list(location.container, prefix, recursive=listed_deep)
    return [
        blob
        for blob in blobs
        if start <= blob.last_modified < end and _is_match(blob.name, folder_pattern, file_pattern, deep)
    ]


def root_folder(location: Location, settings: Mapping[str, Any]) -> str:
    """What all names of the files begin with: the folder, or what stands before a pattern's first wildcard."""
    pattern = settings.get("wildcardFolderPath")
    if settings.get("prefix"):
        return f"{settings['prefix']}".rpartition("/")[0] + "/" if "/" in str(settings["prefix"]) else ""
    if not pattern:
        return location.prefix
    fixed: list[str] = []
    for part in str(pattern).strip("/").split("/"):
        if any(each in part for each in "*?^"):
            break
        fixed.append(part)
    return "/".join(fixed) + "/" if fixed else ""


def modified_range(settings: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """From when, and before when, files must have been changed last.

    Raises:
        ActivityFailure: 2104 where one is no time.
    """
    earliest, latest = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    return _time(settings, "modifiedDatetimeStart", earliest), _time(settings, "modifiedDatetimeEnd", latest)


def _time(settings: Mapping[str, Any], name: str, default: datetime) -> datetime:
    value = settings.get(name)
    if not value:
        return default
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise errors.wrong_type(name, "DateTime", value) from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _require_known(settings: Mapping[str, Any]) -> None:
    for name, value in settings.items():
        if (name not in KNOWN_SETTINGS or name == "enablePartitionDiscovery") and value not in (None, "", False):
            raise errors.unsupported(f"the store setting '{name}'")


async def _listed(store: BlobStore, location: Location, path: str) -> list[Blob]:
    """The files that a text file names, one a line, relative to the folder."""
    container, _, name = path.strip("/").partition("/")
    content = await store.read(container, name)
    found = []
    for line in content.decode("utf-8-sig").splitlines():
        if line.strip():
            blob = await store.properties(Location(location.container, location.folder, line.strip().strip("/")))
            if blob is None:
                raise store.missing(location.container, f"{location.prefix}{line.strip()}")
            found.append(blob)
    return found


def _is_match(name: str, folder_pattern: str | None, file_pattern: str | None, recursive: bool) -> bool:
    folder, _, file = name.rpartition("/")
    if file_pattern and not _wildcard(file_pattern).fullmatch(file):
        return False
    if not folder_pattern:
        return True
    parts, patterns = folder.split("/"), folder_pattern.strip("/").split("/")
    if len(parts) < len(patterns) or (len(parts) > len(patterns) and not recursive):
        return False
    return all(_wildcard(pattern).fullmatch(part) for part, pattern in zip(parts, patterns, strict=False))


def _wildcard(pattern: str) -> re.Pattern[str]:
    """`*` and `?`; `^` takes the next character as it is."""
    tokens = re.findall(r"\^.|.", pattern, re.DOTALL)
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(token) or re.escape(token[-1]) for token in tokens), re.DOTALL)
