"""Headers and bodies as the Data Lake service writes them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from starlette.responses import Response

from adfkit.local_azure.services.storage.dfs import errors
from adfkit.local_azure.services.storage.dfs.tree import Entry, Status

OWNER: Final = "$superuser"
"""Owner and group of everything: access is by roles alone, so every path has the access list of a new one."""
PERMISSIONS: Final = "rwxr-x---"
ACL: Final = "user::rwx,group::r-x,other::---"
_PASSED: Final = (
    "content-type",
    "content-encoding",
    "content-language",
    "content-disposition",
    "cache-control",
    "x-ms-lease-state",
    "x-ms-lease-status",
)


def listing(entries: Sequence[Entry], continuation: str) -> Response:
    """The body of a list of paths."""
    headers = {"x-ms-continuation": continuation} if continuation else {}
    body = orjson.dumps({"paths": [_path(entry) for entry in entries]})
    return Response(body, headers=headers, media_type="application/json;charset=utf-8")


def _path(entry: Entry) -> dict[str, Any]:
    path: dict[str, Any] = {"name": entry.name, "contentLength": str(entry.size), "lastModified": entry.modified}
    if entry.is_directory:
        path["isDirectory"] = "true"
    return path | {"etag": entry.etag.strip('"'), "owner": OWNER, "group": OWNER, "permissions": PERMISSIONS}


def access_headers() -> dict[str, str]:
    """Owner, group and access list."""
    return {"x-ms-owner": OWNER, "x-ms-group": OWNER, "x-ms-permissions": PERMISSIONS, "x-ms-acl": ACL}


def status_headers(status: Status) -> dict[str, str]:
    """A path's properties as headers."""
    entry = status.entry
    headers = {name: status.headers[name] for name in _PASSED if name in status.headers}
    headers |= {"Last-Modified": entry.modified, "ETag": entry.etag, "Accept-Ranges": "bytes"}
    headers |= {"x-ms-resource-type": "directory" if entry.is_directory else "file"}
    headers |= {"Content-Length": str(entry.size), "x-ms-properties": encode_properties(status.metadata)}
    return headers | {name: value for name, value in access_headers().items() if name != "x-ms-acl"}


def encode_properties(metadata: Mapping[str, str]) -> str:
    """`name=base64,...`"""
    return ",".join(f"{name}={base64.b64encode(value.encode()).decode()}" for name, value in metadata.items())


def decode_properties(text: str) -> dict[str, str]:
    """The metadata of an `x-ms-properties` header.

    Raises:
        AzureError: 400 `InvalidHeaderValue`.
    """
    metadata = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = pair.partition("=")
        try:
            metadata[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise errors.invalid_header("x-ms-properties") from error
    return metadata
