"""Operations on files and directories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import httpx
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.services.storage.addresses import decode_path
from adfkit.local_azure.services.storage.dfs import conditions, errors, responses
from adfkit.local_azure.services.storage.dfs.operation import Operation
from adfkit.local_azure.services.storage.dfs.tree import Entry, Status
from adfkit.local_azure.services.storage.events import CREATED, DELETED

_CONDITIONS: Final = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since")
_CONTENT: Final = ("content-type", "content-encoding", "content-language", "content-disposition", "cache-control")
_META: Final = "x-ms-meta-"


async def create(on: Operation) -> Response:
    """A file, or a directory; the directories above it come with it."""
    kind = on.query.get("resource")
    if kind not in ("file", "directory"):
        raise errors.invalid_parameter("resource")
    status = await on.tree.status(on.path)
    if not on.path:
        raise errors.path_already_exists()
    conditions.check(on, status)
    if status is not None and status.entry.is_directory != (kind == "directory"):
        raise errors.path_already_exists() if kind == "directory" else errors.path_conflict()
    await on.tree.make_parents(on.path)
    if kind == "directory":
        made = await on.tree.put_directory(on.path, _new_headers(on))
    else:
        made = await on.tree.put(on.path, headers=_new_headers(on))
        on.record(CREATED, 0)
    headers = {"ETag": made.headers["etag"], "Last-Modified": made.headers["last-modified"]}
    return Response(status_code=201, headers=headers)


def _new_headers(on: Operation) -> dict[str, str]:
    given = {name: on.header(f"x-ms-{name}") for name in _CONTENT}
    headers = {f"x-ms-blob-{name}": value for name, value in given.items() if value is not None}
    metadata = responses.decode_properties(on.header("x-ms-properties") or "")
    return headers | {f"{_META}{name}": value for name, value in metadata.items()}


async def append(on: Operation) -> Response:
    """Data kept until it is flushed, which `flush=true` does at once; a file that is not there comes with it."""
    status = await _file_or_none(on)
    position = on.number("position")
    content = await on.context.request.body()
    if not content:
        raise errors.invalid_header("Content-Length")
    await on.tree.append(on.path, position, content, on.only("content-md5", "x-ms-lease-id"))
    if on.flag("flush"):
        await _flush(on, status, position + len(content), on.only("x-ms-lease-id"))
    return Response(status_code=202)


async def update(on: Operation) -> Response:
    """`flush` or `setProperties`; access lists can't be changed, since access is by roles alone."""
    action = on.query.get("action", "")
    if action == "setProperties":
        metadata = responses.decode_properties(on.header("x-ms-properties") or "")
        status = await _file(on)
        await on.tree.call(
            "PUT",
            status.entry.name,
            query={"comp": "metadata"},
            headers={f"{_META}{name}": value for name, value in metadata.items()} | on.only(*_CONDITIONS),
        )
        return Response(status_code=200)
    if action != "flush":
        raise not_implemented(f"the Data Lake operation '{action}' on a path")
    if on.flag("retainUncommittedData"):
        raise not_implemented("a flush with 'retainUncommittedData'")
    file = await _file_or_none(on)
    headers = {f"x-ms-blob-{name}": value for name in _CONTENT if (value := on.header(f"x-ms-{name}")) is not None}
    headers |= on.only("x-ms-lease-id", *_CONDITIONS)
    made = await _flush(on, file, on.number("position"), headers)
    return Response(headers={"ETag": made.headers["etag"], "Last-Modified": made.headers["last-modified"]})


async def _flush(on: Operation, status: Status | None, position: int, headers: Mapping[str, str]) -> httpx.Response:
    if status is None:
        await on.tree.make_parents(on.path)
    made = await on.tree.flush(on.path, status, position, headers)
    if on.flag("close"):  # a flush that leaves the file open is no event
        on.record(CREATED, position)
    return made


async def _file(on: Operation) -> Status:
    status = await _file_or_none(on)
    if status is None:
        raise errors.path_not_found()
    return status


async def _file_or_none(on: Operation) -> Status | None:
    status = await on.tree.status(on.path)
    if status is not None and status.entry.is_directory:
        raise errors.path_conflict()
    return status


async def properties(on: Operation) -> Response:
    """Status, or the access list (`getAccessControl`), as headers."""
    status = await on.tree.status(on.path)
    if status is None:
        raise errors.path_not_found()
    action = on.query.get("action", "getStatus")
    if action == "getAccessControl":
        entry = status.entry
        return Response(headers={**responses.access_headers(), "ETag": entry.etag, "Last-Modified": entry.modified})
    if action != "getStatus":
        raise not_implemented(f"the Data Lake operation '{action}' on a path")
    return Response(headers=responses.status_headers(status))


async def read(on: Operation) -> Response:
    """A file's content, or a range of it."""
    status = await _file(on)
    answer = await on.tree.send("GET", on.path, headers=on.only("range", "x-ms-range", *_CONDITIONS))
    headers = responses.status_headers(status)
    headers |= {name: answer.headers[name] for name in ("content-length", "content-range") if name in answer.headers}
    headers = {name: value for name, value in headers.items() if name != "Content-Length"}

    return StreamingResponse(
        answer.aiter_raw(),
        status_code=answer.status_code,
        headers=headers,
        background=BackgroundTask(answer.aclose),
    )


async def delete(on: Operation) -> Response:
    """A file, or a directory with all that it holds (`recursive`)."""
    status = await on.tree.status(on.path)
    if status is None or not on.path:
        raise errors.path_not_found()
    conditions.check(on, status)
    below = await on.tree.children(on.path, recursive=True) if status.entry.is_directory else []
    if below and not on.flag("recursive"):
        raise errors.directory_not_empty()
    await on.tree.make_parents(on.path)
    await _remove(on, [status.entry, *below])
    if not status.entry.is_directory:
        on.record(DELETED)
    return Response(status_code=200)


async def _remove(on: Operation, entries: list[Entry]) -> None:
    for entry in reversed(entries):
        if entry.etag:
            await on.tree.delete(entry.name, on.only("x-ms-lease-id"))


def rename_source(on: Operation) -> tuple[str, str] | None:
    """File system and path that a rename begins at; None for a request that is none."""
    source = on.header("x-ms-rename-source")
    if source is None:
        return None
    filesystem, _, path = decode_path(urlsplit(source).path).lstrip("/").partition("/")
    return filesystem, path.strip("/")


async def rename(on: Operation, source: str) -> Response:
    """Move a file or a directory: all is copied before anything is deleted, so that nothing is lost midway."""
    if on.header("x-ms-source-lease-id"):
        raise not_implemented("a rename with 'x-ms-source-lease-id'")
    old, new = await on.tree.status(source), await on.tree.status(on.path)
    if old is None or not source:
        raise errors.source_path_not_found()
    conditions.check(on, old, prefix="x-ms-source-")
    conditions.check(on, new)
    if f"{on.path}/".startswith(f"{source}/"):
        raise errors.invalid_rename_source()
    parent = await on.tree.status(on.path.rpartition("/")[0])
    if parent is None:
        raise errors.destination_parent_not_found()
    if not parent.entry.is_directory:
        raise errors.path_conflict()
    if new is not None and new.entry.is_directory != old.entry.is_directory:
        raise errors.path_conflict()
    if new is not None and new.entry.is_directory and await on.tree.children(on.path, recursive=False):
        raise errors.destination_not_empty()
    below = await on.tree.children(source, recursive=True) if old.entry.is_directory else []
    await on.tree.make_parents(source)
    await on.tree.make_parents(on.path)
    for entry in (old.entry, *below):
        target = on.path + entry.name[len(source) :]
        if entry.etag:
            await on.tree.copy(on.tree, entry.name, target)
        else:
            await on.tree.put_directory(target, {})
    await _remove(on, [old.entry, *below])
    return Response(status_code=201)
