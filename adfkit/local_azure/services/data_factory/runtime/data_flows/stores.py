"""The files of sources on their way in, those of sinks on their way out, with the factory's identity."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from adfkit.data_flows.syntax import Transformation
from adfkit.local_azure.services.data_factory.runtime.blobs import BlobStore
from adfkit.local_azure.services.data_factory.runtime.data_flows.errors import (
    INVALID_PATH,
    NO_CONTAINER,
    USER_ERROR,
    failure,
    of_store,
)
from adfkit.local_azure.services.data_factory.runtime.data_flows.settings import SinkSettings, SourceSettings
from adfkit.local_azure.services.data_factory.runtime.errors import ActivityFailure
from adfkit.local_azure.services.data_factory.runtime.factory import Cloud
from adfkit.local_azure.services.data_factory.runtime.file_formats.compression import (
    NONE,
    CompressionError,
    pack,
    unpack,
)

_SPECIAL = re.compile(r"[*?\[]")


async def fetch(cloud: Cloud, source: SourceSettings, folder: Path) -> tuple[list[Path], list[str]]:
    """Bring the files of a source into a local folder; with their paths in the store, whose order is theirs.

    Raises:
        ActivityFailure: there are none, or the factory may not read them.
    """
    store = BlobStore(cloud, source.linked_service, USER_ERROR)
    container = source.location.container
    with _told(source.node):
        there = await store.container_exists(container)
        names = await _names(store, source) if there else []
    if not there:
        raise failure(NO_CONTAINER, f"The container '{container}' does not exist.", source.node)
    if not names and not source.may_be_empty:
        raise _nothing(source)
    await asyncio.to_thread(folder.mkdir)
    paths = []
    for index, name in enumerate(names):
        path = folder / f"{index}"
        with _told(source.node):
            await store.download(container, name, path)
        paths.append(await asyncio.to_thread(_plain, source, name, path))
    return paths, [f"/{container}/{name}" for name in names]


async def store(cloud: Cloud, sink: SinkSettings, files: Mapping[str, Path]) -> int:
    """Write the files of a sink, by their names in its folder; returns their bytes.

    Raises:
        ActivityFailure: the factory may not write them, or the container is not there.
    """
    blobs = BlobStore(cloud, sink.linked_service, USER_ERROR)
    location = sink.location
    size = 0
    with _told(sink.node):
        if sink.clear:
            for blob in (await blobs.list(location.container, location.prefix, recursive=True))[0]:
                await blobs.delete(location.container, blob.name)
        for name, path in files.items():
            packed, bytes = await asyncio.to_thread(_packed, sink, name, path)
            await blobs.upload(location.container, location.prefix + name, packed)
            size += bytes
    return size


def _plain(source: SourceSettings, name: str, path: Path) -> Path:
    """The file decompressed."""
    try:
        [(_, plain)] = unpack(path, source.compression, path.parent)
    except CompressionError as error:
        raise failure(USER_ERROR, f"The file /{source.location.container}/{name}: {error}", source.node) from error
    return plain


def _packed(sink: SinkSettings, name: str, path: Path) -> tuple[Path, int]:
    """The file compressed, and its bytes."""
    packed = path
    if sink.compression.codec != NONE:
        packed = path.with_name(f"{path.name}.packed")
        pack(path, sink.compression, packed, name)
    return packed, packed.stat().st_size


@contextmanager
def _told(node: Transformation) -> Iterator[None]:
    """Say of which source or sink the store's refusals are."""
    try:
        yield
    except ActivityFailure as error:
        raise of_store(error, node) from error


async def _names(store: BlobStore, source: SourceSettings) -> list[str]:
    location = source.location
    if source.wildcards:
        found = [name for pattern in source.wildcards for name in await _matching(store, location.container, pattern)]
        return list(dict.fromkeys(found))
    if location.file:
        return [location.path] if await store.properties(location) else []
    blobs, _ = await store.list(location.container, location.prefix, recursive=False)
    return [blob.name for blob in blobs if _is_data(blob.name)]


async def _matching(store: BlobStore, container: str, pattern: str) -> list[str]:
    fixed = pattern[: match.start()] if (match := _SPECIAL.search(pattern)) else pattern
    blobs, _ = await store.list(container, fixed, recursive=True)
    wanted = re.compile(_expression(pattern))
    return [blob.name for blob in blobs if wanted.fullmatch(blob.name) and _is_data(blob.name)]


def _expression(pattern: str) -> str:
    """A wildcard path as a regular expression: `**` goes through folders, `*` and `?` stay within one."""
    parts = re.split(r"(\*\*/?|\*|\?|\[[^\]]*\])", pattern)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(
        meaning.get(part) or (part if part.startswith("[") and part.endswith("]") else re.escape(part))
        for part in parts
    )


def _is_data(name: str) -> bool:
    """Spark hides files whose names begin so."""
    return not name.rpartition("/")[2].startswith(("_", "."))


def _nothing(source: SourceSettings) -> ActivityFailure:
    path = " and ".join(source.wildcards) or source.location.path
    return failure(
        INVALID_PATH,
        f"Path /{source.location.container}/{path} does not resolve to any file(s). "
        "Please make sure the file/folder exists and is not hidden.",
        source.node,
    )
