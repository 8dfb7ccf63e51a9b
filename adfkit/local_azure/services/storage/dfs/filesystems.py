"""Operations on file systems, which are the containers of the blob API."""

from __future__ import annotations

import base64
import binascii

from starlette.responses import Response

from adfkit.local_azure.services.storage.dfs import errors, responses
from adfkit.local_azure.services.storage.dfs.operation import Operation

_PAGE = 5000


async def create(on: Operation) -> Response:
    """201, or 409 `FilesystemAlreadyExists`."""
    answer = await on.tree.call("PUT", query={"restype": "container"})
    on.context.platform.resources.put(on.scope, {"properties": {}})
    headers = {"ETag": answer.headers["etag"], "Last-Modified": answer.headers["last-modified"]}
    return Response(status_code=201, headers={**headers, "x-ms-namespace-enabled": "true"})


async def delete(on: Operation) -> Response:
    """202, with all that it holds."""
    await on.tree.call("DELETE", query={"restype": "container"})
    on.context.platform.resources.delete(on.scope)
    return Response(status_code=202)


async def properties(on: Operation) -> Response:
    """The file system's properties as headers."""
    answer = await on.tree.filesystem()
    headers = {"ETag": answer.headers["etag"], "Last-Modified": answer.headers["last-modified"]}
    return Response(headers={**headers, "x-ms-namespace-enabled": "true", "x-ms-properties": ""})


async def list_paths(on: Operation) -> Response:
    """What is in a directory, or below it, in pages; a file lists itself."""
    directory = on.query.get("directory", "").strip("/")
    status = await on.tree.status(directory)
    if status is None:
        raise errors.path_not_found()
    if status.entry.is_directory:
        found = await on.tree.children(directory, recursive=on.flag("recursive"))
    else:
        found = [status.entry]
    after = _last(on.query.get("continuation", ""))
    if after:
        found = [entry for entry in found if entry.name.split("/") > after.split("/")]
    size = min(on.number("maxResults"), _PAGE) if "maxResults" in on.query else _PAGE
    if size < 1:
        raise errors.invalid_parameter("maxResults")
    more = base64.urlsafe_b64encode(found[size - 1].name.encode()).decode() if len(found) > size else ""
    return responses.listing(found[:size], more)


def _last(continuation: str) -> str:
    try:
        return base64.urlsafe_b64decode(continuation).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise errors.invalid_parameter("continuation") from error
