"""`https://{account}.dfs.<suffix>/`: who asks is checked by roles, as for blobs; then the operation runs."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Final

from starlette.responses import Response

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.identity.roles import ROLES
from adfkit.local_azure.service import RequestContext
from adfkit.local_azure.services.storage import errors as blob_errors
from adfkit.local_azure.services.storage.addresses import decode_path, decode_query
from adfkit.local_azure.services.storage.azurite import Azurite
from adfkit.local_azure.services.storage.dfs import errors, filesystems, paths
from adfkit.local_azure.services.storage.dfs.operation import Operation
from adfkit.local_azure.services.storage.dfs.tree import Tree
from adfkit.local_azure.services.storage.events import BlobEvents

_ACCOUNTS: Final = "Microsoft.Storage/storageAccounts"
_CONTAINERS: Final = f"{_ACCOUNTS}/blobServices/containers"
_BLOBS: Final = f"{_CONTAINERS}/blobs"


class DfsDataPlane:
    """Answers the requests of one gateway; operations that change the tree of an account wait for each other."""

    def __init__(self, azurite: Azurite, events: BlobEvents) -> None:
        self._azurite = azurite
        self._events = events
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def handle(self, context: RequestContext) -> Response:
        """Authorize and run one operation.

        Raises:
            AzureError: what the Data Lake service answers.
        """
        account = context.host["account"]
        account_id = _account_id(context, account)
        raw: bytes = context.request.scope["raw_path"]
        decoded = decode_path(raw.partition(b"?")[0].decode("latin-1"))
        filesystem, _, path = decoded.lstrip("/").partition("/")
        headers = context.request.headers
        on = Operation(
            # HttpURLConnection knows no PATCH, so Hadoop says PUT and names the real one in a header
            method=headers.get("x-http-method-override", context.request.method),
            path=path.strip("/"),
            query=decode_query(context.request.scope["query_string"].decode("latin-1")),
            context=context,
            tree=Tree(self._azurite, account, filesystem),
            account=account,
            account_id=account_id,
            filesystem=filesystem,
            events=self._events,
            scope=f"{account_id}/blobServices/default" + (f"/containers/{filesystem}" if filesystem else ""),
        )
        if not filesystem:
            raise not_implemented("the list of file systems at the 'dfs' host; the 'blob' host lists containers")
        if on.query.get("resource") == "filesystem":
            return await self._filesystem(on)
        return await self._path(on)

    async def _filesystem(self, on: Operation) -> Response:
        if on.method == "GET":
            _authorize(on, f"{_BLOBS}/read", data=True)
            return await filesystems.list_paths(on)
        handler, permission = {
            "PUT": (filesystems.create, "write"),
            "DELETE": (filesystems.delete, "delete"),
            "HEAD": (filesystems.properties, "read"),
        }.get(on.method, (None, ""))
        if handler is None:
            raise not_implemented(f"the Data Lake operation {on.method} on a file system")
        _authorize(on, f"{_CONTAINERS}/{permission}", data=False)
        return await handler(on)

    async def _path(self, on: Operation) -> Response:
        if on.method in ("GET", "HEAD"):
            _authorize(on, f"{_BLOBS}/read", data=True)
            return await (paths.read(on) if on.method == "GET" else paths.properties(on))
        if on.method == "DELETE":
            _authorize(on, f"{_BLOBS}/delete", data=True)
            async with self._locks[on.account]:
                return await paths.delete(on)
        if on.method not in ("PUT", "PATCH"):
            raise not_implemented(f"the Data Lake operation {on.method} on a path")
        _authorize(on, f"{_BLOBS}/write", data=True)
        if on.method == "PATCH" and on.query.get("action") == "append":
            return await paths.append(on)
        source = paths.rename_source(on) if on.method == "PUT" else None
        if source is not None and source[0] != on.filesystem:
            raise not_implemented("a rename from one file system to another")
        if source is not None:
            _authorize(on, f"{_BLOBS}/delete", data=True)
        async with self._locks[on.account]:
            if on.method == "PATCH":
                return await paths.update(on)
            return await (paths.rename(on, source[1]) if source else paths.create(on))


def _account_id(context: RequestContext, account: str) -> str:
    for resource in context.platform.resources.of_type(_ACCOUNTS):
        if resource.name.lower() == account:
            if not resource.properties.get("isHnsEnabled"):
                raise errors.no_hierarchical_namespace(account)
            return resource.id
    raise blob_errors.account_not_found(account)


def _authorize(on: Operation, permission: str, *, data: bool) -> None:
    principal = on.context.principal
    if principal is None:
        raise blob_errors.no_authentication()
    action, data_action = (None, permission) if data else (permission, None)
    if on.context.platform.identity.can(principal, on.scope, action=action, data_action=data_action):
        return
    names = [
        role.role_name
        for role in ROLES.values()
        if role.role_name.startswith("Storage Blob")
        and (role.allows_data(permission) if data else role.allows(permission))
    ]
    raise blob_errors.permission_mismatch(principal, permission, on.scope, ", ".join(sorted(names)))
