"""Each operation of the blob service, with the permission that Azure asks for.

Operations on containers are actions of the control plane in Azure's roles, those on blobs are data actions:
https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory#permissions-for-blob-service-operations
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from adfkit.local_azure.errors import AzureError, not_implemented

_SERVICE: Final = "Microsoft.Storage/storageAccounts/blobServices/"
_CONTAINERS: Final = f"{_SERVICE}containers/"
_BLOBS: Final = f"{_CONTAINERS}blobs/"

Level = Literal["service", "container", "blob"]


@dataclass(frozen=True, slots=True)
class Permission:
    """What an operation needs: an action, or (`data`) a data action; `sas` are the SAS letters that allow it too."""

    name: str
    data: bool
    sas: str = ""


READ: Final = Permission(f"{_BLOBS}read", data=True, sas="r")
LIST: Final = Permission(f"{_BLOBS}read", data=True, sas="l")
WRITE: Final = Permission(f"{_BLOBS}write", data=True, sas="wc")
UPDATE: Final = Permission(f"{_BLOBS}write", data=True, sas="w")
APPEND: Final = Permission(f"{_BLOBS}write", data=True, sas="aw")
DELETE: Final = Permission(f"{_BLOBS}delete", data=True, sas="d")
_CONTAINER_READ: Final = Permission(f"{_CONTAINERS}read", data=False)
_CONTAINER_WRITE: Final = Permission(f"{_CONTAINERS}write", data=False)

_OPERATIONS: Final[Mapping[tuple[Level, str, str], Permission]] = {
    ("service", "GET", "list"): _CONTAINER_READ,
    ("service", "GET", "service:properties"): Permission(f"{_SERVICE}read", data=False),
    ("service", "PUT", "service:properties"): Permission(f"{_SERVICE}write", data=False),
    ("service", "GET", "service:stats"): Permission(f"{_SERVICE}read", data=False),
    ("service", "GET", "account:properties"): Permission(f"{_SERVICE}getInfo/action", data=False),
    ("container", "PUT", "container:"): _CONTAINER_WRITE,
    ("container", "GET", "container:"): _CONTAINER_READ,
    ("container", "GET", "container:metadata"): _CONTAINER_READ,
    ("container", "PUT", "container:metadata"): _CONTAINER_WRITE,
    ("container", "GET", "container:acl"): Permission(f"{_CONTAINERS}getAcl/action", data=False),
    ("container", "PUT", "container:acl"): Permission(f"{_CONTAINERS}setAcl/action", data=False),
    ("container", "PUT", "container:lease"): _CONTAINER_WRITE,
    ("container", "DELETE", "container:"): Permission(f"{_CONTAINERS}delete", data=False),
    ("container", "GET", "container:list"): LIST,
    ("blob", "GET", ""): READ,
    ("blob", "GET", "metadata"): READ,
    ("blob", "GET", "blocklist"): READ,
    ("blob", "GET", "pagelist"): READ,
    ("blob", "GET", "tags"): Permission(f"{_BLOBS}tags/read", data=True, sas="t"),
    ("blob", "PUT", "tags"): Permission(f"{_BLOBS}tags/write", data=True, sas="t"),
    ("blob", "PUT", ""): WRITE,
    ("blob", "PUT", "block"): WRITE,
    ("blob", "PUT", "blocklist"): WRITE,
    ("blob", "PUT", "appendblock"): APPEND,
    ("blob", "PUT", "page"): UPDATE,
    ("blob", "PUT", "properties"): UPDATE,
    ("blob", "PUT", "metadata"): UPDATE,
    ("blob", "PUT", "snapshot"): WRITE,
    ("blob", "PUT", "lease"): UPDATE,
    ("blob", "PUT", "copy"): UPDATE,
    ("blob", "PUT", "tier"): UPDATE,
    ("blob", "DELETE", ""): DELETE,
}


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names; `container` and `blob` are empty above their level."""

    level: Level
    container: str
    blob: str


def target(path: str, query: Mapping[str, str]) -> Target:
    """What a decoded path and its query name."""
    container, _, blob = path.lstrip("/").partition("/")
    if blob:
        return Target("blob", container, blob)
    if not container:
        return Target("service", "", "")
    if query.get("restype") == "container":
        return Target("container", container, "")
    return Target("blob", "$root", container)


def permission(method: str, on: Target, query: Mapping[str, str]) -> Permission:
    """The permission that a request needs.

    Raises:
        AzureError: 501 that names an operation which is not known here.
    """
    restype, comp = query.get("restype", ""), query.get("comp", "")
    kind = f"{restype}:{comp}" if restype else comp
    needed = _OPERATIONS.get((on.level, "GET" if method == "HEAD" else method, kind))
    if needed is None:
        raise _unknown(method, on, kind)
    return needed


def _unknown(method: str, on: Target, kind: str) -> AzureError:
    return not_implemented(f"the blob operation {method} on a {on.level} with '{kind or 'no comp'}'")
