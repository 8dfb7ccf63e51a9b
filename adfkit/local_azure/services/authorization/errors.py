"""What Azure RBAC refuses: https://learn.microsoft.com/azure/role-based-access-control/troubleshooting"""

from __future__ import annotations

from adfkit.local_azure import cloud
from adfkit.local_azure.errors import AzureError


def invalid_assignment_name(name: str) -> AzureError:
    """400 `InvalidRoleAssignmentId`."""
    return AzureError(
        400,
        "InvalidRoleAssignmentId",
        f"The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID.",
    )


def invalid_request(reason: str) -> AzureError:
    """400 `BadRequestFormat`."""
    return AzureError(400, "BadRequestFormat", f"The request was incorrectly formatted: {reason}.")


def role_definition_not_found(id: str) -> AzureError:
    """404 `RoleDefinitionDoesNotExist`."""
    return AzureError(
        404,
        "RoleDefinitionDoesNotExist",
        f"The specified role definition with ID '{id.rpartition('/')[2]}' does not exist.",
    )


def principal_not_found(object_id: str) -> AzureError:
    """400 `PrincipalNotFound`."""
    return AzureError(
        400,
        "PrincipalNotFound",
        f"Principal {object_id} does not exist in the directory {cloud.HOME_TENANT_ID}. Check that you have the "
        "correct principal ID. If you are creating this principal and then immediately assigning a role, this error "
        "might be related to a replication delay. In this case, set the role assignment principalType property to a "
        "value, such as ServicePrincipal, User, or Group.",
    )


def unmatched_principal_type(object_id: str, actual: str, given: str) -> AzureError:
    """400 `UnmatchedPrincipalType`."""
    return AzureError(
        400,
        "UnmatchedPrincipalType",
        f"The PrincipalId '{object_id}' has type '{actual}', which is different from specified PrincipalType "
        f"'{given}'.",
    )


def assignment_exists(name: str) -> AzureError:
    """409 `RoleAssignmentExists`."""
    return AzureError(
        409,
        "RoleAssignmentExists",
        f"The role assignment already exists. The ID of the existing role assignment is {name.replace('-', '')}.",
    )


def update_not_permitted() -> AzureError:
    """400 `RoleAssignmentUpdateNotPermitted`."""
    return AzureError(
        400,
        "RoleAssignmentUpdateNotPermitted",
        "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
    )
