"""Workspaces and their datastores: identity-based only, on the storage account that the workspace names."""

from __future__ import annotations

import re
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid4, uuid5

from adfkit.local_azure import resource_id
from adfkit.local_azure.cloud import AUDIENCE_STORAGE, HOME_TENANT_ID, SUFFIX, host
from adfkit.local_azure.errors import AzureError, not_implemented
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import ArmRequest, ArmResponse, Json, ResourceType
from adfkit.local_azure.services.machine_learning import errors
from adfkit.local_azure.services.machine_learning.api import (
    API_VERSIONS,
    WORKSPACES,
    services_url,
    system_data,
    workspace_of,
)

NAME: Final = re.compile(r"[a-zA-Z0-9][\w-]{2,32}")
BLOB_STORE: Final = "workspaceblobstore"
ARTIFACT_STORE: Final = "workspaceartifactstore"
STORAGE_ROLE: Final = "/providers/Microsoft.Authorization/roleDefinitions/ba92f5b4-2d11-453d-a403-e96b0029c9fe"
"""Storage Blob Data Contributor."""
LINKED: Final = {
    "storageAccount": "Microsoft.Storage/storageAccounts",
    "keyVault": "Microsoft.KeyVault/vaults",
    "applicationInsights": "Microsoft.Insights/components",
}
"""Properties that hold ids of other resources, and the types these must have; the last one may be left out."""
BLOB_VERSION: Final = "2021-12-02"


async def put_workspace(request: ArmRequest) -> Json:
    """Check what the workspace stands on, then make its containers and datastores, as Azure ML does by itself."""
    properties = dict(request.body.get("properties") or {})
    kind = request.body.get("kind") or "Default"
    if kind.lower() != "default":
        raise not_implemented(f"machine learning workspaces of kind '{kind}'")
    for name, type in LINKED.items():
        _check_linked(request.platform, name, type, properties.get(name))
    if str(properties.get("systemDatastoresAuthMode", "accesskey")).lower() != "identity":
        raise not_implemented(
            "datastores with an access key: set the workspace's 'systemDatastoresAuthMode' to 'identity'"
        )
    stored = request.existing.properties if request.existing else {}
    properties["workspaceId"] = stored.get("workspaceId") or str(uuid4())
    principal = _principal(request.platform, request.body)
    account = resource_id.parse(properties["storageAccount"]).name
    _grant_storage(request.platform, properties["storageAccount"], principal)
    for datastore, container in _containers(properties["workspaceId"]).items():
        await create_container(request.platform, principal, account, container)
        request.platform.resources.put(
            f"{request.id.text}/datastores/{datastore}",
            {"properties": _blob_datastore(account, container, is_default=datastore == BLOB_STORE)},
        )
    return {**request.body, "kind": "Default", "properties": properties}


def show_workspace(_: Platform, resource: Resource) -> Json:
    """The body with the addresses at which clients find the workspace's services."""
    services = services_url(str(resource.body["location"]))
    guid = resource.properties.get("workspaceId")
    computed = {
        "discoveryUrl": f"{services}/discovery/workspaces/{guid}",
        "mlFlowTrackingUri": f"azureml://{services.removeprefix('https://')}/mlflow/v1.0{resource.id}",
        "tenantId": HOME_TENANT_ID,
        "friendlyName": resource.name,
        "publicNetworkAccess": "Enabled",
        "hbiWorkspace": False,
        "v1LegacyMode": False,
        "storageHnsEnabled": False,
        "provisioningState": "Succeeded",
    }
    return {
        "sku": {"name": "Basic", "tier": "Basic"},
        **resource.body,
        "properties": {**computed, **resource.properties},
        "systemData": system_data(resource),
    }


async def put_datastore(request: ArmRequest) -> Json:
    """A blob datastore without a credential of its own."""
    properties = dict(request.body.get("properties") or {})
    if properties.get("datastoreType") != "AzureBlob":
        raise not_implemented(f"datastores of type '{properties.get('datastoreType')}'")
    if (properties.get("credentials") or {}).get("credentialsType", "None") != "None":
        raise not_implemented("datastores with a key, SAS or certificate; only identity-based ones are")
    for name in ("accountName", "containerName"):
        if not properties.get(name):
            raise errors.validation(f"A blob datastore needs '{name}'.", name)
    kept = _blob_datastore(properties["accountName"], properties["containerName"], is_default=False)
    return {**request.body, "properties": {**kept, **properties, "isDefault": bool(properties.get("isDefault"))}}


async def list_datastores(request: ArmRequest) -> ArmResponse:
    """The workspace's datastores; only the default one if asked for."""
    found = request.platform.resources.children(request.id.text, f"{WORKSPACES}/datastores")
    if request.query.get("isDefault", "").lower() == "true":
        found = [each for each in found if each.properties.get("isDefault")]
    bodies = [{"id": each.id, "name": each.name, "type": each.type, **_show_datastore(request.platform, each)}
              for each in found]  # fmt: skip
    return ArmResponse({"value": bodies})


async def list_secrets(request: ArmRequest) -> ArmResponse:
    """Refused as Azure refuses it: an identity-based datastore has none."""
    request.require()
    raise AzureError(
        400, "UserError", f"No secrets for credentials of type None: datastore '{request.id.name}' is identity-based."
    )


def _show_datastore(_: Platform, resource: Resource) -> Json:
    return {**resource.body, "systemData": system_data(resource)}


def workspace_principal(platform: Platform, workspace: Resource) -> Principal:
    """The workspace's own identity."""
    return _principal(platform, dict(workspace.body))


def datastore(platform: Platform, id: str, name: str) -> tuple[str, str]:
    """Account and container of a datastore of the workspace that an id is of or below.

    Raises:
        AzureError: 404 `ResourceNotFound`.
    """
    found = platform.resources.require(f"{workspace_of(platform, id).id}/datastores/{name}")
    return str(found.properties["accountName"]), str(found.properties["containerName"])


async def create_container(platform: Platform, principal: Principal, account: str, container: str) -> None:
    """Make a container through the account's own API with the principal's token; one that exists is left as it is.

    Raises:
        AzureError: what the storage account answers.
    """
    token = platform.identity.issue(principal, min(AUDIENCE_STORAGE)).token
    response = await platform.http.put(
        f"https://{host(account, 'blob')}/{container}",
        params={"restype": "container"},
        headers={"Authorization": f"Bearer {token}", "x-ms-version": BLOB_VERSION},
    )
    if response.status_code not in (201, 409):
        raise AzureError(
            response.status_code,
            response.headers.get("x-ms-error-code", "StorageError"),
            f"{principal.display_name} could not make the container '{container}' in storage account '{account}': "
            f"{response.text}",
        )


def _check_linked(platform: Platform, name: str, type: str, id: Any) -> None:
    if not id:
        if name == "applicationInsights":
            return
        raise errors.validation(f"Missing dependent resources in workspace json: '{name}'.", name)
    if resource_id.parse(id).type.lower() != type.lower():
        raise errors.validation(f"'{name}' is not the id of a {type}: '{id}'.", name)
    if platform.resources.get(id) is None:
        raise errors.validation(f"'{name}' names a resource that does not exist: '{id}'.", name)


def _find_principal(platform: Platform, body: Json) -> Principal | None:
    identity = body.get("identity") or {}
    object_id = identity.get("principalId")
    if object_id is None:
        user_assigned = (identity.get("userAssignedIdentities") or {}).values()
        object_id = next((each["principalId"] for each in user_assigned), None)
    return platform.identity.principal(object_id) if object_id else None


def _principal(platform: Platform, body: Json) -> Principal:
    principal = _find_principal(platform, body)
    if principal is None:
        raise errors.validation("A workspace needs an identity: set 'identity.type' to 'SystemAssigned'.", "identity")
    return principal


def withdraw_storage(platform: Platform, workspace: Resource) -> None:
    """Take away what a workspace that goes was granted on its storage account."""
    principal = _find_principal(platform, dict(workspace.body))
    if principal is not None:  # a user-assigned identity may be gone already
        platform.resources.delete(_assignment_id(str(workspace.properties["storageAccount"]), principal))


def _grant_storage(platform: Platform, storage: str, principal: Principal) -> None:
    subscription = f"/subscriptions/{resource_id.parse(storage).subscription_id}"
    properties = {
        "scope": storage,
        "principalId": principal.object_id,
        "principalType": "ServicePrincipal",
        "roleDefinitionId": f"{subscription}{STORAGE_ROLE}",
    }
    platform.resources.put(_assignment_id(storage, principal), {"properties": properties})


def _assignment_id(storage: str, principal: Principal) -> str:
    name = uuid5(NAMESPACE_URL, f"{storage.lower()}{STORAGE_ROLE}{principal.object_id}")
    return f"{storage}/providers/Microsoft.Authorization/roleAssignments/{name}"


def _containers(guid: str) -> dict[str, str]:
    return {BLOB_STORE: f"azureml-blobstore-{guid}", ARTIFACT_STORE: "azureml"}


def _blob_datastore(account: str, container: str, *, is_default: bool) -> Json:
    return {
        "datastoreType": "AzureBlob",
        "accountName": account,
        "containerName": container,
        "endpoint": SUFFIX,
        "protocol": "https",
        "credentials": {"credentialsType": "None"},
        "serviceDataAccessAuthIdentity": "WorkspaceSystemAssignedIdentity",
        "isDefault": is_default,
        "tags": {},
        "properties": {},
    }


RESOURCE_TYPES: Final = (
    ResourceType(
        name=WORKSPACES,
        api_versions=API_VERSIONS,
        name_pattern=NAME,
        put=put_workspace,
        show=show_workspace,
        long_running=True,
        create_only=("properties.storageAccount", "properties.keyVault"),
    ),
    ResourceType(
        name=f"{WORKSPACES}/datastores",
        api_versions=API_VERSIONS,
        put=put_datastore,
        show=_show_datastore,
        list=list_datastores,
        actions={"listSecrets": list_secrets},
    ),
)
