"""ARM through Azure's own management clients, unmodified."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.batch import BatchManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient

from adfkit.local_azure import cloud

SCOPES = [f"{cloud.RESOURCE_MANAGER}.default"]
ACCOUNT = {
    "sku": {"name": "Standard_LRS"},
    "kind": "StorageV2",
    "location": "West Europe",
    "properties": {"allowSharedKeyAccess": False, "minimumTlsVersion": "TLS1_2"},
}
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


def client(kind: type, local_azure: Any) -> Any:
    return kind(
        local_azure.credential,
        local_azure.environment["AZURE_SUBSCRIPTION_ID"],
        base_url=cloud.RESOURCE_MANAGER,
        credential_scopes=SCOPES,
    )


@pytest.fixture
def resources(local_azure: Any) -> ResourceManagementClient:
    return client(ResourceManagementClient, local_azure)


@pytest.fixture
def storage(local_azure: Any) -> StorageManagementClient:
    return client(StorageManagementClient, local_azure)


@pytest.fixture
def authorization(local_azure: Any) -> AuthorizationManagementClient:
    return client(AuthorizationManagementClient, local_azure)


@pytest.fixture
def group(resources: ResourceManagementClient) -> Iterator[str]:
    name = f"rg-{uuid4().hex[:8]}"
    resources.resource_groups.create_or_update(name, {"location": "westeurope", "tags": {"a": "b"}})
    yield name
    if resources.resource_groups.check_existence(name):
        resources.resource_groups.begin_delete(name).result()


def test_resource_group_lives(resources: ResourceManagementClient, group: str) -> None:
    shown = resources.resource_groups.get(group)
    assert (shown.name, shown.location, shown.tags) == (group, "westeurope", {"a": "b"})
    assert shown.id == f"/subscriptions/{cloud.SUBSCRIPTION_ID}/resourceGroups/{group}"
    assert shown.properties.provisioning_state == "Succeeded"
    assert group in [each.name for each in resources.resource_groups.list()]
    assert resources.resource_groups.update(group, {"tags": {"c": "d"}}).tags == {"a": "b", "c": "d"}
    resources.resource_groups.begin_delete(group).result()
    assert resources.resource_groups.check_existence(group) is False
    with pytest.raises(ResourceNotFoundError) as error:
        resources.resource_groups.get(group)
    assert error.value.error.code == "ResourceGroupNotFound"


def test_group_keeps_its_location(resources: ResourceManagementClient, group: str) -> None:
    with pytest.raises(HttpResponseError) as error:
        resources.resource_groups.create_or_update(group, {"location": "northeurope"})
    assert (error.value.status_code, error.value.error.code) == (409, "InvalidResourceGroupLocation")


def test_providers_say_what_is_there(resources: ResourceManagementClient) -> None:
    provider = resources.providers.get("Microsoft.Storage")
    assert provider.registration_state == "Registered"
    assert "storageAccounts" in [type.resource_type for type in provider.resource_types]
    assert resources.providers.register("microsoft.storage").namespace == "Microsoft.Storage"


def test_resources_of_a_group_are_listed(
    resources: ResourceManagementClient, storage: StorageManagementClient, group: str
) -> None:
    name = f"acct{uuid4().hex[:8]}"
    storage.storage_accounts.begin_create(group, name, ACCOUNT).result()
    (found,) = resources.resources.list_by_resource_group(group)
    assert (found.name, found.type, found.location) == (name, "Microsoft.Storage/storageAccounts", "westeurope")
    accounts = resources.resources.list(filter="resourceType eq 'Microsoft.Storage/storageAccounts'")
    assert name in [each.name for each in accounts]
    assert resources.resources.check_existence_by_id(found.id, api_version="2024-01-01")


def test_storage_account_and_containers(storage: StorageManagementClient, group: str) -> None:
    name = f"acct{uuid4().hex[:8]}"
    assert storage.storage_accounts.check_name_availability({"name": name}).name_available
    account = storage.storage_accounts.begin_create(group, name, ACCOUNT).result()
    assert account.location == "westeurope"
    assert account.primary_endpoints.blob == f"https://{name}.blob.azure.localhost/"
    assert not storage.storage_accounts.check_name_availability({"name": name}).name_available
    container = storage.blob_containers.create(group, name, "landing", {})
    assert container.name == "landing"
    assert [each.name for each in storage.blob_containers.list(group, name)] == ["landing"]
    policy = {"properties": {"deleteRetentionPolicy": {"enabled": True, "days": 7}}}
    service = storage.blob_services.set_service_properties(group, name, policy)
    assert service.delete_retention_policy.days == 7
    storage.blob_containers.delete(group, name, "landing")
    assert list(storage.blob_containers.list(group, name)) == []
    storage.storage_accounts.delete(group, name)
    with pytest.raises(ResourceNotFoundError) as error:
        storage.storage_accounts.get_properties(group, name)
    assert error.value.error.code == "ResourceNotFound"


@pytest.mark.parametrize(
    ("name", "change", "status", "code"),
    [
        ("Bad_Name", {}, 400, "AccountNameInvalid"),
        ("good1", {"sku": {"name": "Gold"}}, 400, "InvalidRequestPropertyValue"),
        ("good1", {"location": "atlantis"}, 400, "LocationNotAvailableForResourceType"),
        ("good1", {"location": None}, 400, "LocationRequired"),
        ("good1", {"kind": "Shed"}, 400, "InvalidRequestPropertyValue"),
    ],
)
def test_storage_account_refused(
    storage: StorageManagementClient, group: str, name: str, change: dict[str, Any], status: int, code: str
) -> None:
    with pytest.raises(HttpResponseError) as error:
        storage.storage_accounts.begin_create(group, name, {**ACCOUNT, **change}).result()
    assert (error.value.status_code, error.value.error.code) == (status, code)


def test_account_names_are_unique_in_the_cloud(
    storage: StorageManagementClient, resources: ResourceManagementClient, group: str
) -> None:
    name = f"acct{uuid4().hex[:8]}"
    storage.storage_accounts.begin_create(group, name, ACCOUNT).result()
    other = f"{group}-other"
    resources.resource_groups.create_or_update(other, {"location": "westeurope"})
    with pytest.raises(HttpResponseError) as error:
        storage.storage_accounts.begin_create(other, name, ACCOUNT).result()
    assert (error.value.status_code, error.value.error.code) == (409, "StorageAccountAlreadyTaken")
    resources.resource_groups.begin_delete(other).result()


def test_role_assignment_lives(
    authorization: AuthorizationManagementClient, resources: ResourceManagementClient, group: str
) -> None:
    scope = resources.resource_groups.get(group).id
    identity = resources.resources.begin_create_or_update(
        group,
        "Microsoft.ManagedIdentity",
        "",
        "userAssignedIdentities",
        "ml-identity",
        {"location": "westeurope"},
        api_version="2023-01-31",
    ).result()
    principal = identity.properties["principalId"]
    (role,) = authorization.role_definitions.list(scope, filter="roleName eq 'Reader'")
    assert role.name == READER
    name = str(uuid4())
    body = {"role_definition_id": role.id, "principal_id": principal, "principal_type": "ServicePrincipal"}
    created = authorization.role_assignments.create(scope, name, body)
    assert (created.scope, created.principal_id) == (scope, principal)
    found = authorization.role_assignments.list_for_scope(scope, filter=f"principalId eq '{principal}'")
    assert [each.name for each in found] == [name]
    with pytest.raises(HttpResponseError) as error:
        authorization.role_assignments.create(scope, str(uuid4()), body)
    assert (error.value.status_code, error.value.error.code) == (409, "RoleAssignmentExists")
    assert authorization.role_assignments.delete(scope, name).name == name
    assert authorization.role_assignments.delete(scope, name) is None
    assert list(authorization.role_assignments.list_for_scope(scope, filter=f"principalId eq '{principal}'")) == []


@pytest.mark.parametrize(
    ("name", "change", "status", "code"),
    [
        ("no-guid", {}, 400, "InvalidRoleAssignmentId"),
        (None, {"principal_id": str(uuid4())}, 400, "PrincipalNotFound"),
        (None, {"role_definition_id": f"/x/{uuid4()}"}, 404, "RoleDefinitionDoesNotExist"),
        (None, {"principal_type": "Group"}, 400, "UnmatchedPrincipalType"),
    ],
)
def test_role_assignment_refused(
    authorization: AuthorizationManagementClient,
    resources: ResourceManagementClient,
    group: str,
    local_azure: Any,
    name: str | None,
    change: dict[str, Any],
    status: int,
    code: str,
) -> None:
    scope = resources.resource_groups.get(group).id
    (owner,) = authorization.role_assignments.list_for_scope(scope, filter="atScope()")
    body = {
        "role_definition_id": f"/providers/Microsoft.Authorization/roleDefinitions/{READER}",
        "principal_id": owner.principal_id,
        "principal_type": "ServicePrincipal",
        **change,
    }
    with pytest.raises(HttpResponseError) as error:
        authorization.role_assignments.create(scope, name or str(uuid4()), body)
    assert (error.value.status_code, error.value.error.code) == (status, code)


def test_batch_account_and_pool(local_azure: Any, group: str) -> None:
    batch = client(BatchManagementClient, local_azure)
    name = f"batch{uuid4().hex[:8]}"
    made = batch.batch_account.begin_create(group, name, {"location": "westeurope"}).result()
    assert made.account_endpoint == f"{name}.westeurope.batch.azure.localhost"
    image = {"publisher": "canonical", "offer": "ubuntu-24_04-lts", "sku": "server"}
    machine = {"imageReference": image, "nodeAgentSkuId": "batch.node.ubuntu 24.04"}
    scale = {"autoScale": {"formula": "$TargetDedicatedNodes = 0;"}}
    properties = {
        "vmSize": "STANDARD_D2S_V3",
        "deploymentConfiguration": {"virtualMachineConfiguration": machine},
        "scaleSettings": scale,
    }
    pool = batch.pool.create(group, name, "transforms", {"properties": properties})
    assert (pool.allocation_state, pool.current_dedicated_nodes) == ("Steady", 0)
    assert pool.scale_settings.auto_scale.evaluation_interval.total_seconds() == 15 * 60
    assert [each.name for each in batch.pool.list_by_batch_account(group, name)] == ["transforms"]
    batch.pool.begin_delete(group, name, "transforms").result()
    batch.batch_account.begin_delete(group, name).result()
    assert list(batch.batch_account.list_by_resource_group(group)) == []
