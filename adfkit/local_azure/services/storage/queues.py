"""The queue data plane: who asks is checked here as Azure checks it, then Azurite does the work.

https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory#permissions-for-queue-service-operations
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import httpx
from starlette.responses import Response

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.identity import Principal
from adfkit.local_azure.identity.roles import ROLES
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.service import RequestContext
from adfkit.local_azure.services.storage import errors
from adfkit.local_azure.services.storage.addresses import decode_path, decode_query
from adfkit.local_azure.services.storage.azurite import Azurite

_SERVICE: Final = "Microsoft.Storage/storageAccounts/queueServices/"
_QUEUES: Final = f"{_SERVICE}queues/"
_MESSAGES: Final = f"{_QUEUES}messages/"
_NOT_FORWARDED: Final = frozenset({"authorization", "host", "connection", "keep-alive", "transfer-encoding", "expect"})
_NOT_RETURNED: Final = frozenset(
    {"connection", "content-length", "date", "keep-alive", "transfer-encoding", "server", "x-ms-request-id"}
)

Level = Literal["service", "queue", "messages", "message"]


@dataclass(frozen=True, slots=True)
class Need:
    """What an operation asks for: one of the sets of permissions; `data` tells data actions from actions."""

    any_of: tuple[tuple[str, ...], ...]
    data: bool = True


def _action(name: str) -> Need:
    return Need(((name,),), data=False)


_PROCESS: Final = f"{_MESSAGES}process/action"
_OPERATIONS: Final[Mapping[tuple[Level, str, str], Need]] = {
    ("service", "GET", "list"): _action(f"{_QUEUES}read"),
    ("service", "GET", "service:properties"): _action(f"{_SERVICE}read"),
    ("service", "PUT", "service:properties"): _action(f"{_SERVICE}write"),
    ("service", "GET", "service:stats"): _action(f"{_SERVICE}read"),
    ("queue", "PUT", ""): _action(f"{_QUEUES}write"),
    ("queue", "DELETE", ""): _action(f"{_QUEUES}delete"),
    ("queue", "GET", "metadata"): _action(f"{_QUEUES}read"),
    ("queue", "PUT", "metadata"): _action(f"{_QUEUES}write"),
    ("queue", "GET", "acl"): _action(f"{_QUEUES}getAcl/action"),
    ("queue", "PUT", "acl"): _action(f"{_QUEUES}setAcl/action"),
    ("messages", "POST", ""): Need(((f"{_MESSAGES}add/action",), (f"{_MESSAGES}write",))),
    ("messages", "GET", ""): Need(((_PROCESS,), (f"{_MESSAGES}delete", f"{_MESSAGES}read"))),
    ("messages", "GET", "peek"): Need(((f"{_MESSAGES}read",),)),
    ("messages", "DELETE", ""): Need(((f"{_MESSAGES}delete",),)),
    ("message", "PUT", ""): Need(((_PROCESS,), (f"{_MESSAGES}write",))),
    ("message", "DELETE", ""): Need(((_PROCESS,), (f"{_MESSAGES}delete",))),
}


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names; `queue` is empty for the service."""

    level: Level
    queue: str


class QueueDataPlane:
    """Answers `https://{account}.queue.<suffix>/`."""

    def __init__(self, azurite: Azurite) -> None:
        self._azurite = azurite

    async def handle(self, context: RequestContext) -> Response:
        """Authorize and forward.

        Raises:
            AzureError: what the queue service answers.
        """
        request, account = context.request, context.host["account"]
        raw: bytes = request.scope["raw_path"].partition(b"?")[0]
        query = decode_query(request.scope["query_string"].decode("latin-1"))
        on = _target(decode_path(raw.decode("latin-1")))
        if context.principal is None:
            raise RuntimeError("the gateway lets no request without a token through to the queues")
        service = f"{_account_id(context.platform, account)}/queueServices/default"
        scope = f"{service}/queues/{on.queue}" if on.queue else service
        _authorize(context.platform, context.principal, _need(request.method, on, query), scope)
        response = await self._forward(context, account, raw)
        if on.level == "queue" and "comp" not in query:
            _mirror(context.platform, request.method, response.status_code, scope)
        return response

    async def _forward(self, context: RequestContext, account: str, path: bytes) -> Response:
        request = context.request
        query: bytes = request.scope["query_string"]
        forwarded = httpx.Request(
            request.method,
            httpx.URL("http://store").copy_with(raw_path=path + (b"?" + query if query else b"")),
            headers=[pair for pair in request.headers.items() if pair[0] not in _NOT_FORWARDED],
            content=await request.body() or None,
        )
        answer = await self._azurite.send(account, forwarded)
        try:
            content = await answer.aread()
        finally:
            await answer.aclose()
        headers = {name: value for name, value in answer.headers.items() if name not in _NOT_RETURNED}
        return Response(content, answer.status_code, headers)


def _target(path: str) -> Target:
    match path.strip("/").split("/"):
        case [""]:
            return Target("service", "")
        case [queue]:
            return Target("queue", queue)
        case [queue, "messages"]:
            return Target("messages", queue)
        case [queue, "messages", _]:
            return Target("message", queue)
    raise errors.invalid_uri(path)


def _need(method: str, on: Target, query: Mapping[str, str]) -> Need:
    restype, comp = query.get("restype", ""), query.get("comp", "")
    kind = f"{restype}:{comp}" if restype else comp
    if on.level == "messages" and method == "GET" and query.get("peekonly", "").lower() == "true":
        kind = "peek"
    needed = _OPERATIONS.get((on.level, "GET" if method == "HEAD" else method, kind))
    if needed is None:
        raise not_implemented(f"the queue operation {method} on a {on.level} with '{kind or 'no comp'}'")
    return needed


def _account_id(platform: Platform, account: str) -> str:
    for resource in platform.resources.of_type("Microsoft.Storage/storageAccounts"):
        if resource.name.lower() == account:
            return resource.id
    raise errors.account_not_found(account)


def _authorize(platform: Platform, principal: Principal, needed: Need, scope: str) -> None:
    for permissions in needed.any_of:
        if all(_can(platform, principal, scope, name, data=needed.data) for name in permissions):
            return
    names = [
        role.role_name
        for role in ROLES.values()
        if role.role_name.startswith("Storage Queue")
        and any(
            all(role.allows_data(name) if needed.data else role.allows(name) for name in permissions)
            for permissions in needed.any_of
        )
    ]
    raise errors.permission_mismatch(principal, needed.any_of[0][0], scope, ", ".join(sorted(names)))


def _can(platform: Platform, principal: Principal, scope: str, name: str, *, data: bool) -> bool:
    if data:
        return platform.identity.can(principal, scope, data_action=name)
    return platform.identity.can(principal, scope, action=name)


def _mirror(platform: Platform, method: str, status: int, id: str) -> None:
    """A queue that comes or goes here comes or goes in ARM too: it is one resource with two ways in."""
    if method == "PUT" and status == 201:
        platform.resources.put(id, {"properties": {}})
    elif method == "DELETE" and status == 204:
        platform.resources.delete(id)
