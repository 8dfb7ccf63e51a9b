"""The `identity` block of a resource: from what a client asks for to the principals it gets.

https://learn.microsoft.com/azure/azure-resource-manager/management/identity-rest-overview
"""

from __future__ import annotations

from adfkit.local_azure import cloud
from adfkit.local_azure.arm import errors
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resource_id import ResourceId
from adfkit.local_azure.service import Json

SYSTEM_ASSIGNED = "systemassigned"
USER_ASSIGNED = "userassigned"


def kinds(id: ResourceId, identity: object) -> frozenset[str]:
    """The kinds that an `identity` block asks for, in lower case; empty for none.

    Raises:
        AzureError: 400 `InvalidIdentityValues`.
    """
    if identity is None:
        return frozenset()
    if not isinstance(identity, dict) or not isinstance(identity.get("type"), str):
        raise errors.invalid_identity(id, "'type' is missing")
    found = frozenset(part.strip().lower() for part in identity["type"].split(","))
    if found == {"none"}:
        return frozenset()
    if not found or not found <= {SYSTEM_ASSIGNED, USER_ASSIGNED}:
        raise errors.invalid_identity(
            id, f"type '{identity['type']}' is not one of None, SystemAssigned, UserAssigned, or both joined by a comma"
        )
    return found


def resolve(platform: Platform, id: ResourceId, identity: object) -> Json | None:
    """The block to store and show: principal and client ids filled in; None where there is no identity.

    Raises:
        AzureError: 400 for a malformed block, or a user-assigned identity that does not exist.
    """
    wanted = kinds(id, identity)
    if not wanted or not isinstance(identity, dict):
        return None
    block: Json = {"type": identity["type"]}
    if SYSTEM_ASSIGNED in wanted:
        principal = platform.identity.managed_identity(id.text, display_name=id.name)
        block["principalId"] = principal.object_id
        block["tenantId"] = cloud.HOME_TENANT_ID
    assigned = identity.get("userAssignedIdentities") or {}
    if (USER_ASSIGNED in wanted) != bool(assigned):
        raise errors.invalid_identity(
            id, "'userAssignedIdentities' must be given with type UserAssigned, and only then"
        )
    if USER_ASSIGNED in wanted:
        block["userAssignedIdentities"] = _user_assigned(platform, id, assigned)
    return block


def _user_assigned(platform: Platform, id: ResourceId, assigned: object) -> Json:
    if not isinstance(assigned, dict):
        raise errors.invalid_identity(id, "'userAssignedIdentities' must be a map of resource ids to objects")
    block: Json = {}
    for name, value in assigned.items():
        if value is None:  # how a PATCH takes an identity away
            continue
        resource = platform.resources.get(name)
        if resource is None or resource.type.lower() != "microsoft.managedidentity/userassignedidentities":
            raise errors.identity_not_found(id, name)
        principal = platform.identity.managed_identity(resource.id, display_name=resource.name)
        block[name] = {"principalId": principal.object_id, "clientId": principal.client_id}
    return block
