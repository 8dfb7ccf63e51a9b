"""What ARM checks before a service sees a request: existence, API version, name, location, tags, what is fixed."""

from __future__ import annotations

from typing import Any

import orjson

from adfkit.local_azure import cloud, resource_id
from adfkit.local_azure.arm import errors, locations
from adfkit.local_azure.arm.registry import Registry
from adfkit.local_azure.arm.routing import GROUPS, SUBSCRIPTIONS
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.resource_id import ResourceId
from adfkit.local_azure.resources import Resource, Resources
from adfkit.local_azure.service import Json, ResourceType

MAX_TAGS = 50
ENVELOPE = frozenset(
    {"properties", "location", "tags", "identity", "sku", "kind", "plan", "managedby", "zones", "extendedlocation"}
    | {"etag", "resourcegroup", "scale"}
)


def api_version(type: ResourceType, version: str | None) -> str:
    """The request's API version, if the type has it."""
    if not version:
        raise errors.missing_api_version()
    if version.lower() not in type.api_versions:
        raise errors.api_version_not_registered(version, type.name, type.api_versions)
    return version.lower()


def subscription_exists(subscription_id: str | None) -> None:
    """Refuse a subscription that is not this cloud's one."""
    if subscription_id is not None and subscription_id.lower() != cloud.SUBSCRIPTION_ID:
        raise errors.subscription_not_found(subscription_id)


def scope_exists(resources: Resources, registry: Registry, scope: str) -> Resource | None:
    """What a scope names: None for the tenant, a subscription, or a resource that no one stores.

    Raises:
        AzureError: 404 where the subscription, the group or the resource is not there.
    """
    if not scope:
        return None
    id = resource_id.parse(scope)
    subscription_exists(id.subscription_id)
    if id.type == SUBSCRIPTIONS:
        return None
    if id.resource_group is not None:
        group = resources.get(f"/subscriptions/{id.subscription_id}/resourceGroups/{id.resource_group}")
        if group is None:
            raise errors.group_not_found(id.resource_group)
        if id.type == GROUPS:
            return group
    type = registry.require(id.type)
    resource = resources.get(id.text)
    if resource is None and is_stored(type):
        raise errors.not_found(id)
    return resource


def is_stored(type: ResourceType) -> bool:
    """Whether the type's resources lie in the store (others are computed by the service)."""
    return type.put is not None and type.get is None


def place(resources: Resources, registry: Registry, type: ResourceType, id: ResourceId, *, writing: bool) -> None:
    """Check that what holds the resource exists and takes it: subscription, group, parent, scope."""
    subscription_exists(id.subscription_id)
    if type.name in (GROUPS, SUBSCRIPTIONS):
        return
    _check_scope_kind(type, id)
    if id.resource_group is not None:
        group = resources.get(f"/subscriptions/{id.subscription_id}/resourceGroups/{id.resource_group}")
        if group is None:
            raise errors.group_not_found(id.resource_group)
        if writing and group.properties.get("provisioningState") == "Deleting":
            raise errors.group_being_deleted(group.name)
    if len(id.names) > 1:
        parent_type = registry.get(type.name.rpartition("/")[0])
        if parent_type and is_stored(parent_type) and resources.get(id.parent) is None:
            raise errors.parent_not_found(id)
    elif type.scope == "any":
        scope_exists(resources, registry, id.scope)


def _check_scope_kind(type: ResourceType, id: ResourceId) -> None:
    holder = resource_id.parse(id.scope).type if id.scope else "tenant"
    allowed = {"resource_group": GROUPS, "subscription": SUBSCRIPTIONS, "tenant": "tenant", "any": holder}
    if holder != allowed[type.scope]:
        raise errors.scope_not_supported(id)


def name(type: ResourceType, id: ResourceId) -> None:
    """Check the last segment's name against the type's rules."""
    if type.name_pattern is None or type.name_pattern.fullmatch(id.name):
        return
    if type.invalid_name is not None:
        raise type.invalid_name(id.name)
    raise errors.invalid_name(id.name, id, type.name_pattern.pattern)


def parse_body(content: bytes) -> Json:
    """The request's JSON object; empty for an empty body."""
    if not content:
        return {}
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise errors.invalid_body(f"the body is not JSON ({error})") from None
    if not isinstance(body, dict):
        raise errors.invalid_body("the body is not a JSON object")
    return body


def is_tracked(type: ResourceType, id: ResourceId) -> bool:
    """Whether the resource must have a location: groups, and what lies directly in a group."""
    return type.name == GROUPS or (type.scope == "resource_group" and len(id.names) == 1)


def envelope(type: ResourceType, id: ResourceId, body: Json, existing: Resource | None) -> Json:
    """The body with its envelope checked: members, properties an object, tags, location known and unchanged."""
    body = {key: value for key, value in body.items() if key not in ("id", "name", "type", "systemData")}
    for key in body:
        if key.lower() not in ENVELOPE:
            raise errors.invalid_body(f"could not find member '{key}' on object of type 'ResourceDefinition'")
    if not isinstance(body.get("properties", {}), dict):
        raise errors.invalid_body("'properties' is not a JSON object")
    _check_tags(body)
    if is_tracked(type, id) or body.get("location") is not None:
        body["location"] = locations.normalise(body.get("location"), type.name)
        stored = existing.body.get("location") if existing else None
        if stored is not None and stored != body["location"]:
            raise errors.location_immutable(id, stored, body["location"])
    return body


def _check_tags(body: Json) -> None:
    tags = body.get("tags")
    if tags is None:
        return
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise errors.invalid_body("'tags' is not a map of names to strings")
    if len(tags) > MAX_TAGS:
        raise AzureError(400, "InvalidTags", f"A resource may have at most {MAX_TAGS} tags; {len(tags)} were given.")
    for tag in tags:
        if any(character in tag for character in "<>%&\\?/") or not 0 < len(tag) <= 512:
            raise AzureError(
                400,
                "InvalidTagNameCharacters",
                f"The tag name '{tag}' is invalid: 1 to 512 characters, none of <>%&\\?/.",
            )


def create_only(type: ResourceType, id: ResourceId, body: Json, existing: Resource | None) -> Json:
    """The body with what is fixed at creation carried over where left out; refused where changed."""
    if existing is None:
        return body
    for path in type.create_only:
        old, new = _at(existing.body, path), _at(body, path)
        if new is None and old is not None:
            _set(body, path, old)
        elif old != new:
            raise errors.property_change_not_allowed(id, path)
    return body


def merge(stored: Any, patch: Any) -> Any:
    """JSON merge patch (RFC 7396); the values are not changed in place."""
    if not isinstance(patch, dict) or not isinstance(stored, dict):
        return patch
    merged = dict(stored)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(stored.get(key), value)
    return merged


def _at(body: Any, path: str) -> Any:
    for part in path.split("."):
        body = body.get(part) if isinstance(body, dict) else None
    return body


def _set(body: Json, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for part in parents:
        body = body.setdefault(part, {})
    body[last] = value
