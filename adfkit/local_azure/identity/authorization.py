"""Role checks as Azure RBAC does them: an assignment at or above the scope whose role allows the action.

https://learn.microsoft.com/azure/role-based-access-control/overview
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.identity.roles import ROLES, RoleDefinition
from adfkit.local_azure.resources import Resources

ASSIGNMENT_TYPE: Final = "Microsoft.Authorization/roleAssignments"
ASSIGNMENTS: Final = f"/providers/{ASSIGNMENT_TYPE}"


def granted(
    resources: Resources, principal: Principal, scope: str, *, action: str | None, data_action: str | None
) -> bool:
    """Whether the principal's roles at or above the scope allow the action and the data action (each if given).

    Raises:
        ValueError: neither is given, so that a forgotten argument cannot allow anything.
    """
    if action is None and data_action is None:
        raise ValueError("give an action or a data action to check")
    roles = list(roles_at(resources, principal, scope))
    allowed = action is None or any(role.allows(action) for role in roles)
    return allowed and (data_action is None or any(role.allows_data(data_action) for role in roles))


def roles_at(resources: Resources, principal: Principal, scope: str) -> Iterator[RoleDefinition]:
    """The roles that a principal has at a scope, inherited ones included."""
    below = _key(scope)
    for assignment in resources.of_type(ASSIGNMENT_TYPE):
        properties = assignment.properties
        if str(properties.get("principalId", "")).lower() != principal.object_id:
            continue
        if not below.startswith(_key(assignment.id.lower().rpartition(ASSIGNMENTS.lower())[0])):
            continue
        role = ROLES.get(str(properties.get("roleDefinitionId", "")).rpartition("/")[2].lower())
        if role is not None:
            yield role


def failed(principal: Principal, scope: str, action: str) -> AzureError:
    """403 `AuthorizationFailed`, in the words of Azure Resource Manager."""
    return AzureError(
        403,
        "AuthorizationFailed",
        f"The client '{principal.client_id}' with object id '{principal.object_id}' does not have authorization to "
        f"perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, "
        "please refresh your credentials.",
    )


def _key(scope: str) -> str:
    stripped = scope.strip("/").lower()
    return f"/{stripped}/" if stripped else "/"
