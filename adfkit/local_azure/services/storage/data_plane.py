"""The blob data plane: who asks is checked here as Azure checks it, then Azurite does the work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit

import httpx
from starlette.responses import Response, StreamingResponse

from adfkit.local_azure.cloud import AUDIENCE_STORAGE, host
from adfkit.local_azure.errors import AzureError, not_implemented
from adfkit.local_azure.identity import Principal
from adfkit.local_azure.identity.roles import ROLES
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.service import RequestContext
from adfkit.local_azure.services.storage import errors, events, operations, user_delegation
from adfkit.local_azure.services.storage.addresses import decode_path, decode_query
from adfkit.local_azure.services.storage.azurite import Azurite
from adfkit.local_azure.services.storage.events import BlobEvents
from adfkit.local_azure.services.storage.operations import Permission, Target

_ACCOUNTS: Final = "Microsoft.Storage/storageAccounts"
_NOT_FORWARDED: Final = frozenset(
    {
        "authorization",
        "host",
        "connection",
        "keep-alive",
        "transfer-encoding",
        "expect",
        "x-ms-copy-source-authorization",
    }
)
_NOT_RETURNED: Final = frozenset({"connection", "date", "keep-alive", "transfer-encoding", "server", "x-ms-request-id"})
_NO_BODY: Final = frozenset({204, 304})


class BlobDataPlane:
    """Answers `https://{account}.blob.<suffix>/`."""

    def __init__(self, azurite: Azurite, blob_events: BlobEvents) -> None:
        self._azurite = azurite
        self._events = blob_events

    async def handle(self, context: RequestContext) -> Response:
        """Authenticate, authorize, forward.

        Raises:
            AzureError: what the blob service answers.
        """
        request = context.request
        account = context.host["account"]
        account_id = _account_id(context.platform, account)
        query = decode_query(request.scope["query_string"].decode("latin-1"))
        on = operations.target(decode_path(_raw_path(context).decode("latin-1")), query)
        needed = operations.permission(request.method, on, query)
        principal, letters = _authenticate(context, account, on, query)
        request.state.principal = principal
        if letters is not None and not set(letters) & set(needed.sas):
            raise errors.sas_permission_mismatch()
        _authorize(context.platform, principal, needed, _scope(account_id, on.container))
        if "x-ms-blob-public-access" in request.headers:
            raise errors.public_access_not_permitted()
        source = request.headers.get("x-ms-copy-source")
        if source is not None:
            _authorize_source(context.platform, principal, account, account_id, source)
        response = await self._forward(context, account, sas=letters is not None)
        if on.level == "container" and "comp" not in query:
            _mirror_container(context.platform, request.method, response.status_code, _scope(account_id, on.container))
        if on.level == "blob":
            await self._record(context, account, account_id, on, query, response.status_code)
        return response

    async def _record(
        self,
        context: RequestContext,
        account: str,
        account_id: str,
        on: Target,
        query: Mapping[str, str],
        status: int,
    ) -> None:
        """Keep the event of a blob that was written or deleted, before who did so is told."""
        kind = events.kind(context.request.method, query, status)
        if kind is None or not self._events.wanted(account_id):
            return
        size = await self._size(context, account) if kind == events.CREATED else None
        self._events.record(account_id, kind, on.container, on.blob, size)

    async def _size(self, context: RequestContext, account: str) -> int:
        head = httpx.Request(
            "HEAD",
            httpx.URL("http://store").copy_with(raw_path=_raw_path(context)),
            headers={"x-ms-version": context.request.headers.get("x-ms-version", "2021-12-02")},
        )
        answer = await self._azurite.send(account, head)
        await answer.aclose()
        return int(answer.headers.get("content-length", "0"))

    async def _forward(self, context: RequestContext, account: str, *, sas: bool) -> Response:
        request = context.request
        if "transfer-encoding" in request.headers:
            raise errors.length_required()
        query = request.scope["query_string"]
        if sas:
            pairs = request.query_params.multi_items()
            query = urlencode([pair for pair in pairs if pair[0] not in user_delegation.PARAMETERS]).encode()
        path = _raw_path(context)
        forwarded = httpx.Request(
            request.method,
            httpx.URL("http://store").copy_with(raw_path=path + (b"?" + query if query else b"")),
            headers=[pair for pair in request.headers.items() if pair[0] not in _NOT_FORWARDED],
            content=request.stream() if request.headers.get("content-length", "0") != "0" else None,
        )
        answer = await self._azurite.send(account, forwarded)
        return await _response(request.method, answer)


def _mirror_container(platform: Platform, method: str, status: int, id: str) -> None:
    """A container that comes or goes here comes or goes in ARM too: it is one resource with two ways in."""
    if method == "PUT" and status == 201:
        platform.resources.put(id, {"properties": {}})
    elif method == "DELETE" and status == 202:
        platform.resources.delete(id)


async def _response(method: str, answer: httpx.Response) -> Response:
    headers = {name: value for name, value in answer.headers.items() if name not in _NOT_RETURNED}
    if method == "HEAD" or answer.status_code in _NO_BODY:
        await answer.aclose()
        return Response(status_code=answer.status_code, headers=headers)
    return _Stream(answer.aiter_raw(), answer, headers)


class _Stream(StreamingResponse):
    """A body passed on as it comes; the connection behind it ends with it, also when the client leaves early."""

    def __init__(self, content: AsyncIterator[bytes], answer: httpx.Response, headers: Mapping[str, str]) -> None:
        super().__init__(self._until_closed(content, answer), status_code=answer.status_code, headers=headers)

    @staticmethod
    async def _until_closed(content: AsyncIterator[bytes], answer: httpx.Response) -> AsyncIterator[bytes]:
        try:
            async for chunk in content:
                yield chunk
        finally:
            await answer.aclose()


def _raw_path(context: RequestContext) -> bytes:
    raw: bytes = context.request.scope["raw_path"]
    return raw.partition(b"?")[0]


def _account_id(platform: Platform, account: str) -> str:
    for resource in platform.resources.of_type(_ACCOUNTS):
        if resource.name.lower() == account:
            return resource.id
    raise errors.account_not_found(account)


def _scope(account_id: str, container: str) -> str:
    service = f"{account_id}/blobServices/default"
    return f"{service}/containers/{container}" if container else service


def _authenticate(
    context: RequestContext, account: str, on: Target, query: Mapping[str, str]
) -> tuple[Principal, str | None]:
    """Who asks, and for a user delegation SAS the letters of what it allows (None: a bearer token)."""
    scheme, _, token = context.request.headers.get("authorization", "").partition(" ")
    identity = context.platform.identity
    if scheme.lower() == "bearer":
        try:
            return identity.verify(token.strip(), AUDIENCE_STORAGE | _audiences(account)), None
        except AzureError as error:
            raise errors.invalid_authentication(error) from error
    if scheme:
        raise errors.key_not_permitted()
    if "sig" in query:
        delegation = user_delegation.verify(query, account, on.container)
        principal = identity.principal(delegation.object_id) if delegation else None
        if delegation is None or principal is None:
            raise errors.key_not_permitted()
        return principal, delegation.permissions
    if "x-ms-version" not in context.request.headers:
        raise errors.public_access_not_permitted()
    raise errors.no_authentication()


def _audiences(account: str) -> frozenset[str]:
    own = f"https://{host(account, 'blob')}"
    return frozenset({own, f"{own}/"})


def _authorize(platform: Platform, principal: Principal, needed: Permission, scope: str) -> None:
    action, data_action = (None, needed.name) if needed.data else (needed.name, None)
    if not platform.identity.can(principal, scope, action=action, data_action=data_action):
        raise errors.permission_mismatch(principal, needed.name, scope, _roles_with(needed))


def _roles_with(needed: Permission) -> str:
    names = [
        role.role_name
        for role in ROLES.values()
        if role.role_name.startswith("Storage Blob")
        and (role.allows_data(needed.name) if needed.data else role.allows(needed.name))
    ]
    return ", ".join(sorted(names))


def _authorize_source(platform: Platform, principal: Principal, account: str, account_id: str, source: str) -> None:
    """A copy reads its source: allowed within the account, for who may read there."""
    parts = urlsplit(source)
    if parts.hostname != host(account, "blob"):
        raise errors.cannot_verify_copy_source(source.partition("?")[0])
    on = operations.target(decode_path(parts.path), {})
    _authorize(platform, principal, operations.READ, _scope(account_id, on.container))


async def unsupported(context: RequestContext) -> Response:
    """The account's other hosts: 501, by name.

    Raises:
        AzureError: always.
    """
    labels = context.request.headers.get("host", "").split(".")
    raise not_implemented(f"the '{labels[1]}' service of storage accounts; blobs are at '{labels[0]}.blob'")
