"""ARM's own pages: locations, resource providers, the resources of a scope, and long-running operations."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from adfkit.local_azure import cloud, resource_id
from adfkit.local_azure.arm import checks, errors, locations, responses
from adfkit.local_azure.arm.operations import FAILED, RUNNING, Operations
from adfkit.local_azure.arm.registry import Registry
from adfkit.local_azure.arm.routing import PageTarget
from adfkit.local_azure.errors import AzureError, not_implemented
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource

_CLAUSE = re.compile(r"(resourceType|name|resourceGroup|tagName|tagValue) eq '([^']*)'", re.IGNORECASE)


def answer(
    platform: Platform,
    registry: Registry,
    operations: Operations,
    target: PageTarget,
    principal: Principal,
    request: Request,
    query: Mapping[str, str],
) -> Response:
    """Answer one of ARM's own pages."""
    checks.scope_exists(platform.resources, registry, target.scope)
    match target.page:
        case "operation_status":
            return _status(operations, target, request)
        case "operation_result":
            return _result(platform, registry, operations, target)
        case "locations":
            platform.identity.authorize(
                principal, target.scope, action="Microsoft.Resources/subscriptions/locations/read"
            )
            return responses.json({"value": locations.show(cloud.SUBSCRIPTION_ID)})
        case "providers":
            return responses.json({"value": registry.providers(cloud.SUBSCRIPTION_ID)})
        case "provider":
            return responses.json(registry.provider(target.name, cloud.SUBSCRIPTION_ID))
        case "resources":
            return _resources(platform, registry, target, principal, request, query)


def _status(operations: Operations, target: PageTarget, request: Request) -> Response:
    operation = operations.get(target.name)
    headers = responses.RETRY_AFTER if operation.status == RUNNING else {}
    return responses.json(operation.show(request.scope["path"]), headers=headers)


def _result(platform: Platform, registry: Registry, operations: Operations, target: PageTarget) -> Response:
    operation = operations.get(target.name)
    if operation.status == RUNNING:
        return responses.json(None, 202, responses.operation_headers(operation, operation.request["api_version"]))
    if operation.status == FAILED:
        error = operation.error or {}
        raise AzureError(409, error.get("code", "OperationFailed"), error.get("message", ""))
    resource = platform.resources.get(operation.request["id"])
    if operation.request["method"] == "DELETE" or resource is None:
        return Response(status_code=200)
    return responses.json(responses.resource_body(platform, registry.require(resource.type), resource))


def _resources(
    platform: Platform,
    registry: Registry,
    target: PageTarget,
    principal: Principal,
    request: Request,
    query: Mapping[str, str],
) -> Response:
    action = "Microsoft.Resources/subscriptions/resources/read"
    platform.identity.authorize(principal, target.scope, action=action)
    wanted = _filter(query.get("$filter", ""))
    tracked = [type for type in registry.types.values() if type.scope == "resource_group" and type.name.count("/") == 1]
    found = [
        (type, resource)
        for type in tracked
        for resource in platform.resources.of_type(type.name, below=target.scope)
        if wanted(resource)
    ]
    keep = ("id", "name", "type", "location", "kind", "sku", "identity", "tags")
    bodies = [responses.resource_body(platform, type, resource) for type, resource in found]
    items = [{key: body[key] for key in keep if body.get(key) is not None} for body in bodies]
    return responses.json(responses.page(items, request.url, query))


def _filter(text: str) -> Callable[[Resource], bool]:
    clauses = {}
    for clause in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE) if text.strip() else []:
        match = _CLAUSE.fullmatch(clause.strip())
        if match is None:
            raise not_implemented(f"the filter '{clause}' in a list of resources")
        clauses[match[1].lower()] = match[2].lower()
    return lambda resource: all(_matches(resource, name, value, clauses) for name, value in clauses.items())


def _matches(resource: Resource, name: str, value: str, clauses: Mapping[str, str]) -> bool:
    tags = {tag.lower(): text.lower() for tag, text in (resource.body.get("tags") or {}).items()}
    match name:
        case "resourcetype":
            return resource.type.lower() == value
        case "name":
            return resource.name.lower() == value
        case "resourcegroup":
            return (resource_id.parse(resource.id).resource_group or "").lower() == value
        case "tagname":
            return value in tags
        case _:  # tagValue
            if "tagname" not in clauses:
                raise errors.invalid_body("a filter on tagValue needs one on tagName")
            return tags.get(clauses["tagname"]) == value
