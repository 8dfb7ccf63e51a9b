"""How ARM answers: bodies, pages, and where to ask after a long-running operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.datastructures import URL
from starlette.responses import Response

from adfkit.local_azure import cloud, resource_id
from adfkit.local_azure.arm import errors
from adfkit.local_azure.arm.operations import Operation
from adfkit.local_azure.arm.routing import GROUPS
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import Json, ResourceType

PAGE_SIZE = 1000
RETRY_AFTER = {"retry-after-ms": "200"}
"""Milliseconds, since the seconds of `Retry-After` are long here; azure-core and its siblings read it."""


def json(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response; None makes an empty body."""
    content = b"" if body is None else orjson.dumps(body)
    return Response(content, status, dict(headers or {}), media_type=None if body is None else "application/json")


def resource_body(platform: Platform, type: ResourceType, resource: Resource) -> Json:
    """A resource as ARM shows it."""
    return {"id": resource.id, "name": resource.name, "type": type.name, **type.show(platform, resource)}


def page(items: Sequence[Any], url: URL, query: Mapping[str, str]) -> Json:
    """One page of a list, `$top` items from `$skiptoken` on, with `nextLink` where there is more."""
    try:
        start, size = int(query.get("$skiptoken", 0)), int(query.get("$top", PAGE_SIZE))
    except ValueError:
        raise errors.invalid_body("'$top' or '$skiptoken' is not a number") from None
    if size < 1 or start < 0:
        raise errors.invalid_body("'$top' or '$skiptoken' is out of range")
    body: Json = {"value": list(items[start : start + size])}
    if start + size < len(items):
        body["nextLink"] = _public(url.include_query_params(**{"$skiptoken": start + size}))
    return body


def operation_headers(operation: Operation, api_version: str) -> dict[str, str]:
    """Where a client polls: status by `Azure-AsyncOperation`, result by `Location`."""
    id = resource_id.parse(operation.request["id"])
    base = f"{cloud.RESOURCE_MANAGER}subscriptions/{id.subscription_id or cloud.SUBSCRIPTION_ID}"
    query = f"?api-version={api_version}"
    if id.type == GROUPS:  # groups have a Location alone
        return {"Location": f"{base}/operationresults/{operation.name}{query}", **RETRY_AFTER}
    place = f"{base}/providers/{id.type.split('/', 1)[0]}/locations/global"
    return {
        "Azure-AsyncOperation": f"{place}/operationStatuses/{operation.name}{query}",
        "Location": f"{place}/operationResults/{operation.name}{query}",
        **RETRY_AFTER,
    }


def _public(url: URL) -> str:
    """The URL as clients see it: the ARM host behind the proxy, whatever the port it came in by."""
    return f"{cloud.RESOURCE_MANAGER.rstrip('/')}{url.path}?{url.query}"
