"""The Batch service's own API: `https://{account}.{region}.batch.<suffix>/`, found by path, checked by role.

https://learn.microsoft.com/rest/api/batchservice/
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from adfkit.local_azure.errors import AzureError, not_implemented
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import RequestContext
from adfkit.local_azure.services.batch import errors

ACCOUNTS: Final = "Microsoft.Batch/batchAccounts"
AUDIENCES: Final = frozenset(
    {"https://batch.core.windows.net", "https://batch.core.windows.net/", "https://batch.core.windows.net//"}
)
API_VERSIONS: Final = frozenset(
    {"2022-10-01.16.0", "2023-05-01.17.0", "2023-11-01.18.0", "2024-02-01.19.0", "2024-07-01.20.0", "2025-06-01"}
)


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One call: the account, the ids in its path in order, and the body."""

    platform: Platform
    account: Resource
    ids: tuple[str, ...]
    body: dict[str, Any]
    request: Request

    @property
    def key(self) -> str:
        """The account's id as the records have it."""
        return self.account.id.lower()

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query_params

    def required(self, name: str) -> Any:
        """A property of the body.

        Raises:
            AzureError: 400 `MissingRequiredProperty`.
        """
        value = self.body.get(name)
        if value in (None, "", {}):
            raise errors.missing_value(name)
        return value


Handler = Callable[[BatchRequest], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path, such as `/jobs/{}/tasks/{}`, and what the caller must be allowed: `jobs/write`."""

    method: str
    path: str
    permission: str
    handle: Handler

    def match(self, method: str, path: str) -> tuple[str, ...] | None:
        """The ids in a path that is this route's; the last one may hold slashes where it is a file's path."""
        parts = [re.escape(part) for part in self.path.split("{}")]
        pattern = "([^/]+)".join(parts[:-1]) + ("(.+)" if self.path.endswith("files/{}") else "([^/]+)") + parts[-1]
        found = re.fullmatch(pattern if "{}" in self.path else re.escape(self.path), path)
        return found.groups() if found and method == self.method else None


class BatchDataPlane:
    """Answers the accounts of this cloud."""

    def __init__(self, platform: Platform, routes: tuple[Route, ...]) -> None:
        self._platform = platform
        self._routes = routes

    async def handle(self, context: RequestContext) -> Response:
        """Find account and route, check version and role, answer.

        Raises:
            AzureError: what the Batch service answers.
        """
        request = context.request
        account = self._account(context.host["account"], context.host["region"])
        version = request.query_params.get("api-version", "")
        if version not in API_VERSIONS:
            raise errors.api_version_invalid(version)
        path = request.url.path.rstrip("/")
        for route in self._routes:
            ids = route.match(request.method, path)
            if ids is not None:
                self._authorize(context, account, route.permission)
                body = await _body(request)
                return await route.handle(BatchRequest(self._platform, account, ids, body, request))
        raise not_implemented(f"the Batch operation {request.method} {path}")

    def _account(self, name: str, region: str) -> Resource:
        for account in self._platform.resources.of_type(ACCOUNTS):
            if account.name == name and str(account.body.get("location")) == region:
                return account
        raise errors.account_not_found(name)

    def _authorize(self, context: RequestContext, account: Resource, permission: str) -> None:
        """Jobs are data actions in Batch's own roles; the general ones (Owner, Contributor) grant them as actions."""
        identity, principal = self._platform.identity, context.principal
        if principal is None:
            raise RuntimeError("the gateway lets no request without a token through to Batch")
        name = f"{ACCOUNTS}/{permission}"
        if identity.can(principal, account.id, action=name):
            return
        if permission.startswith("jobs/"):
            identity.authorize(principal, account.id, data_action=name)
            return
        identity.authorize(principal, account.id, action=name)


async def _body(request: Request) -> dict[str, Any]:
    content = await request.body()
    if not content:
        return {}
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise AzureError(
            400, "InvalidRequestBody", f"The specified request body is not syntactically valid: {error}"
        ) from error
    if not isinstance(body, dict):
        raise AzureError(400, "InvalidRequestBody", "The specified request body is not a JSON object.")
    return body


def listed(call: BatchRequest, documents: list[dict[str, Any]]) -> Response:
    """A page of documents: `$filter`, `$select`, `maxresults`, and a link to what follows."""
    wanted = [document for document in documents if _matches(document, call.query.get("$filter", ""))]
    size = min(int(call.query.get("maxresults") or 1000), 1000)
    start = int(call.query.get("$skiptoken") or 0)
    page: dict[str, Any] = {"value": [selected(call, document) for document in wanted[start : start + size]]}
    if start + size < len(wanted):
        page["odata.nextLink"] = str(call.request.url.include_query_params(**{"$skiptoken": start + size}))
    return JSONResponse(page)


def selected(call: BatchRequest, document: dict[str, Any]) -> dict[str, Any]:
    """What `$select` leaves of a document.

    Raises:
        AzureError: 501 for `$expand`.
    """
    if call.query.get("$expand"):
        raise not_implemented(f"'$expand={call.query['$expand']}' of the Batch service")
    names = {name.strip() for name in call.query.get("$select", "").split(",") if name.strip()}
    return {name: value for name, value in document.items() if not names or name in names}


def _matches(document: Mapping[str, Any], text: str) -> bool:
    for part in filter(None, text.split(" and ")):
        found = re.fullmatch(r"\(?\s*([\w/]+) (eq|ne) '([^']*)'\s*\)?", part.strip())
        if found is None:
            raise not_implemented(f"the filter '{text}' of the Batch service")
        value: Any = document
        for name in found[1].split("/"):
            value = value.get(name) if isinstance(value, dict) else None
        if (str(value).lower() == found[3].lower()) != (found[2] == "eq"):
            return False
    return True
