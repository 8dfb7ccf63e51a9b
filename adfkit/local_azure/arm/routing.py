"""From method and path to what is asked for: a resource, a collection, an action, or ARM's own pages.

https://learn.microsoft.com/rest/api/azure/#components-of-a-rest-api-request
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from adfkit.local_azure import resource_id
from adfkit.local_azure.arm import errors
from adfkit.local_azure.arm.registry import Registry, find
from adfkit.local_azure.resource_id import ResourceId
from adfkit.local_azure.service import Handler, ResourceType

SUBSCRIPTIONS = "Microsoft.Resources/subscriptions"
GROUPS = "Microsoft.Resources/resourceGroups"
TENANTS = "Microsoft.Resources/tenants"


@dataclass(frozen=True, slots=True)
class ResourceTarget:
    """One resource: GET, HEAD, PUT, PATCH, DELETE."""

    type: ResourceType
    id: ResourceId


@dataclass(frozen=True, slots=True)
class CollectionTarget:
    """The resources of a type below `parent` (an id; empty for the tenant)."""

    type: ResourceType
    parent: str


@dataclass(frozen=True, slots=True)
class ActionTarget:
    """An action on a resource, or (`on_collection`) on a collection, where `id` is the parent's id."""

    type: ResourceType
    id: str
    action: str
    handler: Handler
    on_collection: bool = False


@dataclass(frozen=True, slots=True)
class PageTarget:
    """One of ARM's own pages. `name` is the last segment's value: a namespace, an operation."""

    page: Literal["locations", "resources", "providers", "provider", "operation_status", "operation_result"]
    scope: str
    name: str = ""


Target = ResourceTarget | CollectionTarget | ActionTarget | PageTarget


def resolve(method: str, path: str, registry: Registry) -> Target:
    """What a request asks for; ids are spelled as Azure spells them.

    Raises:
        AzureError: 400 for a malformed path, 404 for an unknown one, 501 for a type or action that is not here.
    """
    segments = [segment for segment in path.split("/") if segment]  # official clients do send `//` in places
    path = "/" + "/".join(segments)
    lower = [segment.lower() for segment in segments]
    if "providers" not in lower:
        return _platform_path(method, path, segments, lower, registry)
    start = len(lower) - 1 - lower[::-1].index("providers")
    scope = canonical_scope("/".join(segments[:start]), registry) if start else ""
    rest = segments[start + 1 :]
    page = _provider_page(method, scope, rest)
    return page or _below_provider(method, path, scope, rest, registry)


def canonical_scope(text: str, registry: Registry) -> str:
    """A scope (subscription, group or resource id) as Azure spells it; empty stays empty."""
    return canonical(resource_id.parse(text), registry).text if text.strip("/") else ""


def canonical(id: ResourceId, registry: Registry) -> ResourceId:
    """The id with ARM's own words and the declared type in their usual spelling."""
    if id.type == SUBSCRIPTIONS:
        return resource_id.parse(f"/subscriptions/{id.name}")
    if id.type == GROUPS:
        return resource_id.parse(f"/subscriptions/{id.subscription_id}/resourceGroups/{id.name}")
    scope = canonical_scope(id.scope, registry)
    namespace, *types = registry.canonical(id.type).split("/")
    tail = "/".join(f"{type}/{name}" for type, name in zip(types, id.names, strict=True))
    return resource_id.parse(f"{scope}/providers/{namespace}/{tail}")


def _platform_path(method: str, path: str, segments: list[str], lower: list[str], registry: Registry) -> Target:
    match lower:
        case ["tenants"]:
            return CollectionTarget(registry.require(TENANTS), "")
        case ["subscriptions"]:
            return CollectionTarget(registry.require(SUBSCRIPTIONS), "")
        case ["subscriptions", _]:
            return ResourceTarget(registry.require(SUBSCRIPTIONS), resource_id.parse(path))
        case ["subscriptions", subscription, "resourcegroups"]:
            return CollectionTarget(registry.require(GROUPS), f"/subscriptions/{subscription}")
        case ["subscriptions", subscription, "locations"]:
            return PageTarget("locations", f"/subscriptions/{subscription}")
        case ["subscriptions", subscription, "operationresults", operation]:
            return PageTarget("operation_result", f"/subscriptions/{subscription}", operation)
        case ["subscriptions", _, "resources"] | ["subscriptions", _, "resourcegroups", _, "resources"]:
            return PageTarget("resources", canonical_scope("/".join(segments[:-1]), registry))
        case ["subscriptions", _, "resourcegroups", _]:
            return ResourceTarget(registry.require(GROUPS), canonical(resource_id.parse(path), registry))
        case ["subscriptions", _, "resourcegroups", _, _] if method == "POST":
            id = canonical_scope("/".join(segments[:4]), registry)
            return _action(registry.require(GROUPS), id, segments[4])
    raise errors.invalid_path(path)


def _provider_page(method: str, scope: str, rest: list[str]) -> PageTarget | None:
    match [segment.lower() for segment in rest]:
        case []:
            return PageTarget("providers", scope)
        case [_] if method == "GET":
            return PageTarget("provider", scope, rest[0])
        case [_, "register" | "unregister"] if method == "POST":
            return PageTarget("provider", scope, rest[0])
        case [_, "locations", _, "operationstatuses", operation]:
            return PageTarget("operation_status", scope, operation)
        case [_, "locations", _, "operationresults", operation]:
            return PageTarget("operation_result", scope, operation)
    return None


def _below_provider(method: str, path: str, scope: str, rest: list[str], registry: Registry) -> Target:
    namespace, *tail = rest
    if len(tail) % 2 == 0:
        type = registry.get("/".join([namespace, *tail[0::2]]))
        handler = find(type.list_actions, tail[-1]) if type and method in ("GET", "POST") else None
        if type and handler:
            parent = _parent(scope, namespace, tail[:-2], registry)
            return ActionTarget(type, parent, tail[-1], handler, on_collection=True)
        if type is None:
            raise errors.type_not_supported("/".join([namespace, *tail[0::2]]))
        return ResourceTarget(type, canonical(resource_id.parse(path), registry))
    if len(tail) == 1 and (found := registry.namespace_action(namespace, tail[0])):
        return ActionTarget(found[0], scope, tail[0], found[1], on_collection=True)
    type = registry.get("/".join([namespace, *tail[0::2]]))
    if type is not None and not (method == "POST" and _has_action(registry, namespace, tail)):
        return CollectionTarget(type, _parent(scope, namespace, tail[:-1], registry))
    if len(tail) == 1:
        raise errors.type_not_supported(f"{namespace}/{tail[0]}")
    owner = registry.require("/".join([namespace, *tail[0:-1:2]]))
    return _action(owner, _parent(scope, namespace, tail[:-1], registry), tail[-1])


def _has_action(registry: Registry, namespace: str, tail: list[str]) -> bool:
    owner = registry.get("/".join([namespace, *tail[0:-1:2]])) if len(tail) > 1 else None
    return owner is not None and find(owner.actions, tail[-1]) is not None


def _parent(scope: str, namespace: str, tail: list[str], registry: Registry) -> str:
    if not tail:
        return scope
    return canonical(resource_id.parse(f"{scope}/providers/{namespace}/{'/'.join(tail)}"), registry).text


def _action(type: ResourceType, id: str, action: str) -> ActionTarget:
    handler = find(type.actions, action)
    if handler is None:
        raise errors.action_not_supported(type.name, action)
    return ActionTarget(type, id, action, handler)
