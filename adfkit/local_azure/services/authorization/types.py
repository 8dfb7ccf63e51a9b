"""Microsoft.Authorization: https://learn.microsoft.com/rest/api/authorization/"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from adfkit.local_azure.arm import values
from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.identity.roles import ROLES, RoleDefinition
from adfkit.local_azure.resource_id import parse
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import ArmRequest, ArmResponse, Json, ResourceType
from adfkit.local_azure.services.authorization import errors

ASSIGNMENTS: Final = "Microsoft.Authorization/roleAssignments"
BUILT_IN: Final = "BuiltInRole"
DEFINITIONS: Final = "Microsoft.Authorization/roleDefinitions"
VERSIONS: Final = frozenset(
    {"2015-07-01", "2018-01-01-preview", "2018-07-01", "2020-04-01-preview", "2020-10-01-preview", "2022-04-01"}
)
DEFINITION_VERSIONS: Final = VERSIONS | {"2022-05-01-preview", "2023-07-01-preview"}
GUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FILTER: Final = re.compile(r"(atScope\(\))|(?:principalId eq|assignedTo\()\s*'([^']+)'\)?", re.IGNORECASE)
_ROLE_FILTER: Final = re.compile(r"(?:(atScope\(\))|roleName eq '([^']+)'|type eq '([^']+)')", re.IGNORECASE)


async def put_assignment(request: ArmRequest) -> Json:
    """Check role, principal and uniqueness; what is granted counts from the next request on."""
    properties = request.body.get("properties") or {}
    body = {"properties": properties}
    role_id = str(values.required(body, "properties.roleDefinitionId", errors.invalid_request))
    principal_id = str(values.required(body, "properties.principalId", errors.invalid_request)).lower()
    if role_id.rpartition("/")[2].lower() not in ROLES:
        raise errors.role_definition_not_found(role_id)
    if properties.get("condition"):
        raise not_implemented("conditions of role assignments")
    _check_principal(request, principal_id, properties.get("principalType"))
    _check_unique(request, role_id, principal_id)
    now = datetime.now(UTC).isoformat()
    created = request.existing.properties if request.existing else {}
    stored: Json = {
        "roleDefinitionId": role_id,
        "principalId": principal_id,
        "principalType": "ServicePrincipal",
        "scope": request.id.scope or "/",
        "condition": None,
        "conditionVersion": None,
        "createdOn": created.get("createdOn", now),
        "updatedOn": now,
        "createdBy": created.get("createdBy", request.principal.object_id),
        "updatedBy": request.principal.object_id,
        "delegatedManagedIdentityResourceId": properties.get("delegatedManagedIdentityResourceId"),
        "description": properties.get("description"),
    }
    return {"properties": stored}


def _check_principal(request: ArmRequest, object_id: str, given_type: str | None) -> None:
    if request.platform.identity.principal(object_id) is None:
        raise errors.principal_not_found(object_id)
    if given_type is not None and given_type != "ServicePrincipal":
        raise errors.unmatched_principal_type(object_id, "ServicePrincipal", given_type)


def _check_unique(request: ArmRequest, role_id: str, principal_id: str) -> None:
    wanted = (principal_id, role_id.rpartition("/")[2].lower())
    if request.existing is not None and _grant(request.existing) != wanted:
        raise errors.update_not_permitted()
    for other in request.platform.resources.children(request.id.scope, ASSIGNMENTS):
        if _grant(other) == wanted and parse(other.id).key != request.id.key:
            raise errors.assignment_exists(other.name)


def _grant(assignment: Resource) -> tuple[str, str]:
    properties = assignment.properties
    return properties["principalId"].lower(), properties["roleDefinitionId"].rpartition("/")[2].lower()


async def list_assignments(request: ArmRequest) -> ArmResponse:
    """The assignments at, above and below a scope; with `atScope()` not those below."""
    found = request.platform.resources.of_type(ASSIGNMENTS)
    scope = _prefix(request.id.text)
    at_scope, principal_id = False, None
    for clause in _clauses(request.query.get("$filter", "")):
        match = _FILTER.fullmatch(clause)
        if match is None:
            raise not_implemented(f"the filter '{clause}' in a list of role assignments")
        at_scope, principal_id = at_scope or bool(match[1]), (match[2] or principal_id)
    bodies = []
    for assignment in found:
        own = _prefix(parse(assignment.id).scope)
        if not (scope.startswith(own) or (own.startswith(scope) and not at_scope)):
            continue
        if principal_id is None or assignment.properties["principalId"].lower() == principal_id.lower():
            bodies.append({"id": assignment.id, "name": assignment.name, "type": ASSIGNMENTS, **assignment.body})
    return ArmResponse({"value": bodies})


async def get_definition(request: ArmRequest) -> ArmResponse:
    """A built-in role by its GUID."""
    role = ROLES.get(request.id.name.lower())
    if role is None:
        raise errors.role_definition_not_found(request.id.name)
    return ArmResponse(_show_definition(role, request.id.scope))


async def list_definitions(request: ArmRequest) -> ArmResponse:
    """The built-in roles, by `roleName eq '...'` if asked."""
    roles = list(ROLES.values())
    for clause in _clauses(request.query.get("$filter", "")):
        match = _ROLE_FILTER.fullmatch(clause)
        if match is None:
            raise not_implemented(f"the filter '{clause}' in a list of role definitions")
        if match[2]:
            roles = [role for role in roles if role.role_name.lower() == match[2].lower()]
        if match[3]:
            roles = roles if match[3].lower() == BUILT_IN.lower() else []
    return ArmResponse({"value": [_show_definition(role, request.id.text) for role in roles]})


def _show_definition(role: RoleDefinition, scope: str) -> Json:
    permissions = {
        "actions": list(role.actions),
        "notActions": list(role.not_actions),
        "dataActions": list(role.data_actions),
        "notDataActions": list(role.not_data_actions),
    }
    subscription = "/".join(scope.split("/")[:3]) if scope.lower().startswith("/subscriptions/") else ""
    return {
        "id": f"{subscription}{role.id}",
        "name": role.name,
        "type": DEFINITIONS,
        "properties": {
            "roleName": role.role_name,
            "type": BUILT_IN,
            "description": role.description,
            "assignableScopes": ["/"],
            "permissions": [permissions],
        },
    }


def _clauses(text: str) -> list[str]:
    return [clause.strip() for clause in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE) if clause.strip()]


def _prefix(scope: str) -> str:
    stripped = scope.strip("/").lower()
    return f"/{stripped}/" if stripped else "/"


RESOURCE_TYPES: Final = (
    ResourceType(
        name=ASSIGNMENTS,
        api_versions=VERSIONS,
        scope="any",
        name_pattern=GUID,
        invalid_name=errors.invalid_assignment_name,
        put=put_assignment,
        shows_deleted=True,
        list=list_assignments,
    ),
    ResourceType(
        name=DEFINITIONS,
        api_versions=DEFINITION_VERSIONS,
        scope="any",
        put=None,
        delete=None,
        get=get_definition,
        list=list_definitions,
    ),
)
