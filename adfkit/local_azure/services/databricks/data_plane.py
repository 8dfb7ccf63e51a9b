"""A workspace's REST API: `https://adb-<workspace id>.<n>.azuredatabricks.<suffix>/api/<version>/...`.

https://docs.databricks.com/api/azure/workspace/introduction
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from adfkit.local_azure.errors import AzureError, not_implemented
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import RequestContext
from adfkit.local_azure.services.databricks import errors
from adfkit.local_azure.services.databricks.multipart import read_form
from adfkit.local_azure.services.databricks.types import WORKSPACES, workspace_host

APPLICATION_ID: Final = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"
"""Azure Databricks' own application, which is the audience of its tokens."""
AUDIENCES: Final = frozenset({APPLICATION_ID, f"{APPLICATION_ID}/"})
ADMIN_ACTION: Final = "Microsoft.Databricks/workspaces/assignWorkspaceAdmin/action"
"""Who may do this on the workspace (Owner, Contributor) signs in as its administrator."""
RESOURCE_HEADER: Final = "x-databricks-azure-workspace-resource-id"
_API: Final = re.compile(r"/api/(\d\.\d)/(.+)")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call of an administrator of the workspace; `parameters` are the body's fields, or the query's."""

    platform: Platform
    workspace: Resource
    principal: Principal
    parameters: Json
    ids: tuple[str, ...]
    request: Request
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The workspace as the records have it."""
        return self.workspace.id.lower()

    @property
    def url(self) -> str:
        """The workspace's URL, without a slash at its end."""
        return f"https://{workspace_host(self.workspace)}"

    def with_parameters(self, parameters: Json) -> ApiCall:
        """The same call with other parameters."""
        return replace(self, parameters=parameters)

    def get(self, name: str, default: Any = None) -> Any:
        """A parameter, or the default."""
        value = self.parameters.get(name)
        return default if value is None else value

    def required(self, name: str) -> Any:
        """A parameter.

        Raises:
            AzureError: 400 where it is missing or empty.
        """
        value = self.parameters.get(name)
        if value in (None, ""):
            raise errors.missing_parameter(name)
        return value

    def number(self, name: str, default: int | None = None) -> int:
        """A whole number; required without a default.

        Raises:
            AzureError: 400 where it is missing, or another thing.
        """
        value = self.required(name) if default is None else self.get(name, default)
        try:
            return int(value)
        except (TypeError, ValueError) as error:
            raise errors.invalid_parameter(f"'{name}' must be a whole number; it is '{value}'.") from error

    def page(self, name: str, found: list[Json], size: int) -> Json:
        """A page of what was found, with the token of the next one; `limit` or `page_size` may make it smaller."""
        start = self.number("page_token", self.number("offset", 0))
        wanted = min(size, max(1, self.number("limit", self.number("page_size", size))))
        body: Json = {name: found[start : start + wanted], "has_more": start + wanted < len(found)}
        return {**body, "next_page_token": str(start + wanted)} if body["has_more"] else body

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean, which a query or form has as text."""
        return str(self.get(name, default)).lower() == "true"


Handler = Callable[[ApiCall], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """A method, and a path behind `/api/<version>/`; `{}` stands for one segment, or for the rest at the end."""

    method: str
    path: str
    handle: Handler

    def match(self, method: str, path: str) -> tuple[str, ...] | None:
        """The values in a path that is this route's."""
        pattern = "([^/]+)".join(re.escape(part) for part in self.path.split("{}"))
        found = re.fullmatch(pattern, path)
        return found.groups() if found and method == self.method else None


class DatabricksDataPlane:
    """Answers the workspaces of this cloud."""

    def __init__(self, platform: Platform, routes: tuple[Route, ...]) -> None:
        self._platform = platform
        self._routes = routes

    async def handle(self, context: RequestContext) -> Response:
        """Find workspace and route, check that the caller may sign in, answer.

        Raises:
            AzureError: what the REST API answers.
        """
        request = context.request
        workspace = self._workspace(f"{context.host['workspace']}.{context.host['number']}")
        if request.url.path == "/.well-known/databricks-config":
            return _discovery(workspace)
        found = _API.fullmatch(request.url.path.rstrip("/"))
        if found is None:
            raise AzureError(404, "ENDPOINT_NOT_FOUND", f"No API found for '{request.method} {request.url.path}'")
        principal = self._authorize(context, workspace)
        for route in self._routes:
            ids = route.match(request.method, found[2])
            if ids is not None:
                parameters, files = await _parameters(request)
                call = ApiCall(self._platform, workspace, principal, parameters, ids, request, files)
                return await route.handle(call)
        raise not_implemented(f"the Databricks operation {request.method} {request.url.path}")

    def _workspace(self, labels: str) -> Resource:
        for workspace in self._platform.resources.of_type(WORKSPACES):
            if workspace_host(workspace).startswith(f"{labels}."):
                return workspace
        raise errors.workspace_not_found(labels)

    def _authorize(self, context: RequestContext, workspace: Resource) -> Principal:
        scheme, _, token = context.request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise AzureError(
                401, "UNAUTHENTICATED", "Credential was not sent or was of an unsupported type for this API."
            )
        principal = self._platform.identity.verify(token.strip(), AUDIENCES)
        named = context.request.headers.get(RESOURCE_HEADER)
        if named is not None and named.strip("/").lower() != workspace.id.strip("/").lower():
            raise errors.permission_denied(f"The workspace at this host is '{workspace.id}', not '{named}'.")
        if not self._platform.identity.can(principal, workspace.id, action=ADMIN_ACTION):
            raise errors.permission_denied(
                f"User not authorized. '{principal.display_name}' ({principal.client_id}) is not a member of workspace "
                f"'{workspace.name}'; Contributor on it makes it an administrator."
            )
        return principal


def _discovery(workspace: Resource) -> Response:
    """What a client may know before it signs in."""
    number = str(workspace.properties["workspaceId"])
    oidc = f"https://{workspace_host(workspace)}/oidc"
    return JSONResponse({"oidc_endpoint": oidc, "workspace_id": number, "cloud": "AZURE"})


async def _parameters(request: Request) -> tuple[Json, Mapping[str, bytes]]:
    if request.method in ("GET", "DELETE", "HEAD"):
        return dict(request.query_params), {}
    content = await request.body()
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        return read_form(content, kind)
    if not content:
        return {}, {}
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise errors.malformed(f"Invalid JSON given in the body of the request: {error}") from error
    if not isinstance(body, dict):
        raise errors.malformed("The body of the request is not a JSON object.")
    return body, {}


def answer(body: Json | None = None) -> Response:
    """200 with a JSON object."""
    return JSONResponse(body or {})
