"""Microsoft.Databricks: https://learn.microsoft.com/rest/api/databricks/"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from adfkit.local_azure import cloud
from adfkit.local_azure.arm import values
from adfkit.local_azure.arm.routing import GROUPS
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resource_id import parse
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import ArmRequest, DeleteHook, Json, ResourceType

VERSIONS: Final = frozenset(
    {"2022-04-01-preview", "2022-10-01-preview", "2023-02-01", "2023-05-01", "2024-05-01", "2024-09-01-preview"}
    | {"2025-03-01-preview", "2025-08-01-preview", "2025-10-01-preview", "2026-01-01"}
)
CONNECTORS: Final = "Microsoft.Databricks/accessConnectors"
WORKSPACES: Final = "Microsoft.Databricks/workspaces"
HOST_NUMBERS: Final = 20
"""A workspace's host is `adb-<workspace id>.<workspace id modulo 20>.azuredatabricks.net`."""


def invalid(reason: str) -> AzureError:
    """400 `InvalidRequestContent`."""
    return AzureError(400, "InvalidRequestContent", f"The request content was invalid: {reason}.")


async def put_connector(request: ArmRequest) -> Json:
    """Keep the connector; its identity is the ARM server's."""
    return {**request.body, "properties": {**(request.body.get("properties") or {}), "provisioningState": "Succeeded"}}


async def put_workspace(request: ArmRequest) -> Json:
    """Check SKU and managed group, and make that group, as the service does."""
    body = request.body
    sku = values.one_of(body, "sku.name", ("standard", "premium", "trial"), invalid)
    mode = values.one_of(body, "properties.computeMode", ("Hybrid", "Serverless"), invalid) or "Hybrid"
    values.one_of(body, "properties.publicNetworkAccess", ("Enabled", "Disabled"), invalid)
    values.one_of(
        body, "properties.requiredNsgRules", ("AllRules", "NoAzureDatabricksRules", "NoAzureServiceRules"), invalid
    )
    properties = body.get("properties") or {}
    if mode == "Hybrid":
        _make_managed_group(request, str(values.required(body, "properties.managedResourceGroupId", invalid)))
    created = request.existing.properties if request.existing else {}
    workspace_id = created.get("workspaceId", str(uuid4().int % 10**16))
    who = {"oid": request.principal.object_id, "applicationId": request.principal.client_id}
    stored = {
        "publicNetworkAccess": "Enabled",
        "requiredNsgRules": "AllRules",
        "authorizations": [],
        **properties,
        "computeMode": mode,
        "parameters": _parameters(values.optional(body, "properties.parameters")),
        "workspaceId": workspace_id,
        "createdBy": created.get("createdBy", who),
        "updatedBy": who,
        "createdDateTime": created.get("createdDateTime", datetime.now(UTC).isoformat()),
    }
    return {**body, "sku": {"name": sku or "standard"}, "properties": stored}


def _parameters(given: Json | None) -> Json:
    """Custom parameters come back with their types."""
    kinds: dict[type, str] = {bool: "Bool", str: "String"}
    shown: Json = {}
    for name, parameter in {"enableNoPublicIp": {"value": True}, **(given or {})}.items():
        if not isinstance(parameter, dict) or "value" not in parameter:
            raise invalid(f"'properties.parameters.{name}.value' is required")
        shown[name] = {"type": kinds.get(type(parameter["value"]), "Object"), "value": parameter["value"]}
    return shown


def _make_managed_group(request: ArmRequest, group_id: str) -> None:
    group = parse(group_id)
    if group.type != GROUPS or group.subscription_id != request.id.subscription_id:
        raise invalid(f"'properties.managedResourceGroupId' is '{group_id}', which is no group of this subscription")
    if group.key == parse(request.id.scope).key:
        raise invalid("'properties.managedResourceGroupId' must be another group than the workspace's own")
    existing = request.platform.resources.get(group_id)
    if existing is None:
        body = {"location": request.body["location"], "managedBy": request.id.text, "tags": {}}
        request.platform.resources.put(group_id, {**body, "properties": {"provisioningState": "Succeeded"}})
    elif str(existing.body.get("managedBy", "")).lower() != request.id.key:
        raise AzureError(
            409,
            "ApplicationUpdateFail" if request.existing else "ManagedResourceGroupAlreadyExists",
            f"The managed resource group '{group_id}' exists already and is not managed by '{request.id.text}'.",
        )


async def delete_workspace(request: ArmRequest) -> None:
    """The managed group goes with its workspace."""
    group = request.require().properties.get("managedResourceGroupId")
    if group:
        request.platform.resources.delete(group)


def workspace_host(workspace: Resource) -> str:
    """The host of its REST API; empty while it is being made."""
    number = workspace.properties.get("workspaceId")
    if number is None:
        return ""
    return cloud.host(f"adb-{number}", str(int(number) % HOST_NUMBERS), "azuredatabricks")


def show_workspace(_: Platform, workspace: Resource) -> Json:
    """The body with the workspace's URL."""
    url = workspace_host(workspace)
    return {**workspace.body, "properties": {**workspace.properties, **({"workspaceUrl": url} if url else {})}}


def resource_types(forget: DeleteHook) -> tuple[ResourceType, ...]:
    """What the provider has; `forget` removes what a deleted workspace held."""

    async def delete(request: ArmRequest) -> None:
        await forget(request)
        await delete_workspace(request)

    return (
        ResourceType(
            name=CONNECTORS,
            api_versions=VERSIONS,
            name_pattern=re.compile(r"[A-Za-z0-9_-]{3,64}"),
            put=put_connector,
        ),
        ResourceType(
            name=WORKSPACES,
            api_versions=VERSIONS,
            name_pattern=re.compile(r"[A-Za-z0-9_-]{3,64}"),
            put=put_workspace,
            show=show_workspace,
            delete=delete,
            long_running=True,
            create_only=("properties.managedResourceGroupId", "properties.computeMode"),
        ),
    )
