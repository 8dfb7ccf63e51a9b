"""What a service of local Azure is made of: resource types for ARM, data planes with hosts of their own, and a life.

The ARM server (`arm/`) answers every operation on a declared `ResourceType`: it parses the id, checks role, API version
and name, calls the hooks below, stores the body, and renders status codes, long-running operations, paging and errors.
A service declares what is particular to it and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.resource_id import ResourceId
from adfkit.local_azure.resources import Resource

if TYPE_CHECKING:
    from adfkit.local_azure.platform import Platform

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRequest:
    """One operation on one resource, after the ARM server's own checks. `existing` is None where nothing is stored."""

    platform: Platform
    principal: Principal
    id: ResourceId
    api_version: str
    body: Json
    query: Mapping[str, str]
    headers: Mapping[str, str]
    existing: Resource | None

    def require(self) -> Resource:
        """The stored resource.

        Raises:
            AzureError: 404 `ResourceNotFound`.
        """
        if self.existing is None:
            raise AzureError(
                404,
                "ResourceNotFound",
                f"The Resource '{self.id.type}/{'/'.join(self.id.names)}' under resource group "
                f"'{self.id.resource_group}' was not found.",
            )
        return self.existing


@dataclass(frozen=True, slots=True)
class ArmResponse:
    """What an action or an overridden read answers: a JSON body (None for an empty one), a status, headers."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


PutHook = Callable[[ArmRequest], Awaitable[Json]]
DeleteHook = Callable[[ArmRequest], Awaitable[None]]
ShowHook = Callable[["Platform", Resource], Json]
Handler = Callable[[ArmRequest], Awaitable[ArmResponse]]


async def keep(request: ArmRequest) -> Json:
    """The default `put`: store the body as sent."""
    return request.body


async def allow(_: ArmRequest) -> None:
    """The default `delete`: nothing to refuse, nothing to clean."""


def as_stored(_: Platform, resource: Resource) -> Json:
    """The default `show`: the stored body."""
    return dict(resource.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """One ARM resource type, e.g. `Microsoft.Storage/storageAccounts/blobServices/containers`.

    Attributes:
        api_versions: those answered; another is a 400 `NoRegisteredProviderFound` that lists these.
        name_pattern: what Azure's naming rules allow, matched whole; None allows any.
        put: validates the body (raising AzureError), does the work, and returns the body to store. Also runs for
            PATCH, on the stored body with the patch merged in.
        show: the body that is sent out, with what is computed on reading (endpoints, provisioning state).
        delete: runs before the resource and all below it are removed; raises AzureError to refuse.
        get, list: replace the stored resource where the type is not a stored one (a run, an operation). For `list`,
            `id` and `existing` of the request are the parent's (a resource, else the resource group or other scope).
        actions: POST `{id}/{action}`; a name in any case. `list_actions` is POST/GET on the collection, or on the
            namespace (`.../providers/Microsoft.Storage/checkNameAvailability`); `id` is the parent's, as for `list`.
        long_running: PUT answers 201 with `Azure-AsyncOperation` while `put` runs on, DELETE answers 202.
        create_only: JSON paths (`properties.x`) whose change Azure refuses on an existing resource.
        scope: what a type of one segment lives in; `any` is an extension, on a subscription, group or resource.
            A child type lives in its parent.
        created_status: what PUT answers for a new resource; some services answer 200 and their clients insist.
        shows_deleted: DELETE answers with the body of what it removed.
        invalid_name: the service's own error for a name that `name_pattern` refuses; default `InvalidResourceName`.
    """

    name: str
    api_versions: frozenset[str]
    name_pattern: re.Pattern[str] | None = None
    put: PutHook | None = keep
    show: ShowHook = as_stored
    delete: DeleteHook | None = allow
    get: Handler | None = None
    list: Handler | None = None
    actions: Mapping[str, Handler] = field(default_factory=dict)
    list_actions: Mapping[str, Handler] = field(default_factory=dict)
    long_running: bool = False
    create_only: tuple[str, ...] = ()
    scope: Literal["resource_group", "subscription", "tenant", "any"] = "resource_group"
    created_status: int = 201
    shows_deleted: bool = False
    invalid_name: Callable[[str], AzureError] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """A request to a data plane, after host and token checks. `host` holds the labels that the pattern named."""

    platform: Platform
    request: Request
    host: Mapping[str, str]
    principal: Principal | None
    trace_id: str


DataPlaneHandler = Callable[[RequestContext], Awaitable[Response]]


def render_arm_error(error: AzureError) -> Response:
    """The ARM error envelope as JSON."""
    import orjson

    return Response(
        orjson.dumps(error.envelope()),
        status_code=error.status,
        headers={"x-ms-error-code": error.code, **error.headers},
        media_type="application/json",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPlane:
    """A family of hosts with an API of their own.

    Attributes:
        host: the labels before the cloud's suffix, each a literal or a `{name}`: `{account}.blob`,
            `{endpoint}.{region}.inference.ml`.
        audiences: token audiences taken; empty where the service checks tokens itself (login, function apps), and
            `principal` is then None.
        render_error: the service's own error body, e.g. XML for blobs.
    """

    host: str
    audiences: frozenset[str]
    handle: DataPlaneHandler
    render_error: Callable[[AzureError], Response] = render_arm_error


class Service:
    """One service. Subclasses live in `services/<name>/__init__.py` and are listed in `services/registry.py`."""

    resource_types: Sequence[ResourceType] = ()
    data_planes: Sequence[DataPlane] = ()

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    async def start(self) -> None:
        """Called once the gateway listens: declare tables, resume what a killed process left running."""

    async def stop(self) -> None:
        """Called before the gateway stops listening: end workers and children."""
