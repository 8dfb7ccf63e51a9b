"""Principals and role checks, on a store of their own."""

from __future__ import annotations

import stat
from pathlib import Path
from uuid import uuid4

import pytest

from adfkit.local_azure.cloud import SUBSCRIPTION_ID
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.identity import Deployer, Identity, Principal
from adfkit.local_azure.identity.roles import ROLES
from adfkit.local_azure.resources import Resources
from adfkit.local_azure.store import Store

SUBSCRIPTION = f"/subscriptions/{SUBSCRIPTION_ID}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/lake"
CONTAINER = f"{ACCOUNT}/blobServices/default/containers/landing"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ml"
READ_BLOB = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
WRITE_BLOB = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write"
READ_CONTAINER = "Microsoft.Storage/storageAccounts/blobServices/containers/read"


class Tenant:
    """An identity with a short way to assign roles."""

    def __init__(self, folder: Path) -> None:
        self.resources = Resources(Store(folder / "test.db"))
        self.identity = Identity(folder, self.resources._store, self.resources)

    def assign(self, principal: Principal, role_name: str, scope: str) -> str:
        (role,) = [role for role in ROLES.values() if role.role_name == role_name]
        id = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid4()}"
        properties = {"principalId": principal.object_id, "roleDefinitionId": f"{SUBSCRIPTION}{role.id}"}
        self.resources.put(id, {"properties": properties})
        return id

    def reads_blobs(self, principal: Principal, scope: str) -> bool:
        return self.identity.can(principal, scope, data_action=READ_BLOB)


@pytest.fixture
def tenant(tmp_path: Path) -> Tenant:
    return Tenant(tmp_path)


@pytest.fixture
def factory(tenant: Tenant) -> Principal:
    id = f"{GROUP}/providers/Microsoft.DataFactory/factories/adf"
    return tenant.identity.managed_identity(id, display_name="adf")


def test_a_resource_keeps_its_identity_until_it_is_removed(tenant: Tenant, factory: Principal) -> None:
    assert factory.resource_id is not None
    again = tenant.identity.managed_identity(factory.resource_id.upper(), display_name="adf")
    assert again == factory
    assert tenant.identity.principal(factory.object_id) == factory
    token = tenant.identity.issue(factory, "https://storage.azure.com").token
    assert tenant.identity.verify(token, frozenset({"https://storage.azure.com"})) == factory
    tenant.identity.remove(factory.resource_id)
    assert tenant.identity.principal(factory.object_id) is None
    with pytest.raises(AzureError, match="does not exist any more"):
        tenant.identity.verify(token, frozenset({"https://storage.azure.com"}))
    new = tenant.identity.managed_identity(factory.resource_id, display_name="adf")
    assert new.object_id != factory.object_id


def test_an_assignment_counts_at_its_scope_and_below_at_once(tenant: Tenant, factory: Principal) -> None:
    assert not tenant.reads_blobs(factory, CONTAINER)
    assignment = tenant.assign(factory, "Storage Blob Data Reader", ACCOUNT)
    assert tenant.reads_blobs(factory, CONTAINER)
    assert tenant.reads_blobs(factory, CONTAINER.upper())
    assert not tenant.reads_blobs(factory, GROUP)
    assert not tenant.reads_blobs(factory, ACCOUNT + "2/blobServices/default/containers/landing")
    tenant.resources.delete(assignment)
    assert not tenant.reads_blobs(factory, CONTAINER)


def test_an_assignment_of_another_principal_does_not_count(tenant: Tenant, factory: Principal) -> None:
    other = tenant.identity.managed_identity(f"{GROUP}/providers/Microsoft.Web/sites/app", display_name="app")
    tenant.assign(other, "Storage Blob Data Owner", SUBSCRIPTION)
    assert tenant.reads_blobs(other, CONTAINER)
    assert not tenant.reads_blobs(factory, CONTAINER)


def test_the_owner_manages_everything_but_reads_no_data(tenant: Tenant) -> None:
    deployer = tenant.identity.deployer()
    principal = tenant.identity.principal(deployer.object_id)
    assert principal is not None
    assert tenant.identity.can(principal, GROUP, action="Microsoft.Resources/subscriptions/resourceGroups/delete")
    assert not tenant.reads_blobs(principal, CONTAINER)


def test_reader_roles_do_not_write(tenant: Tenant, factory: Principal) -> None:
    tenant.assign(factory, "Storage Blob Data Reader", ACCOUNT)
    assert tenant.identity.can(factory, CONTAINER, action=READ_CONTAINER, data_action=READ_BLOB)
    assert not tenant.identity.can(factory, CONTAINER, action=READ_CONTAINER, data_action=WRITE_BLOB)
    with pytest.raises(AzureError) as caught:
        tenant.identity.authorize(factory, CONTAINER, data_action=WRITE_BLOB)
    assert (caught.value.status, caught.value.code) == (403, "AuthorizationFailed")
    assert caught.value.message.startswith(
        f"The client '{factory.client_id}' with object id '{factory.object_id}' does not have authorization to perform "
        f"action '{WRITE_BLOB}' over scope '{CONTAINER}' or the scope is invalid."
    )


@pytest.mark.parametrize(
    ("action", "allowed"),
    [
        ("jobs/write", True),
        ("read", True),
        ("data/versions/write", True),
        ("batchEndpoints/jobs/write", True),
        ("write", False),
        ("delete", False),
        ("computes/write", False),
        ("computes/read", True),
        ("listKeys/action", False),
    ],
)
def test_a_data_scientist_works_in_the_workspace_without_changing_it(
    tenant: Tenant, factory: Principal, action: str, allowed: bool
) -> None:
    tenant.assign(factory, "AzureML Data Scientist", WORKSPACE)
    name = f"Microsoft.MachineLearningServices/workspaces/{action}"
    assert tenant.identity.can(factory, WORKSPACE, action=name) is allowed


def test_a_check_without_an_action_is_a_mistake_not_a_yes(tenant: Tenant, factory: Principal) -> None:
    with pytest.raises(ValueError, match="give an action"):
        tenant.identity.can(factory, GROUP)


def test_the_contributor_grants_no_access(tenant: Tenant, factory: Principal) -> None:
    tenant.assign(factory, "Contributor", GROUP)
    assert tenant.identity.can(factory, ACCOUNT, action="Microsoft.Storage/storageAccounts/write")
    assert tenant.identity.can(factory, ACCOUNT, action="Microsoft.Authorization/roleAssignments/read")
    assert not tenant.identity.can(factory, ACCOUNT, action="Microsoft.Authorization/roleAssignments/write")


def test_the_deployer_stays_the_same_and_its_files_are_private(tenant: Tenant, tmp_path: Path) -> None:
    deployer = tenant.identity.deployer()
    assert tenant.identity.deployer() == deployer == Deployer.load(tmp_path)
    assert tenant.identity.sign_in(deployer.client_id, deployer.client_secret) is not None
    assert tenant.identity.sign_in(deployer.client_id, "guess") is None
    with pytest.raises(KeyError):
        tenant.identity.sign_in("nobody", deployer.client_secret)
    for name in ("deployer.json", "signing-key.pem"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert deployer.client_secret.encode() not in (tmp_path / "test.db-wal").read_bytes()


def test_every_role_is_named_once_and_well_formed() -> None:
    names = [role.role_name for role in ROLES.values()]
    assert len(names) == len(set(names)) == len(ROLES)
    for guid, role in ROLES.items():
        assert guid == guid.lower()
        assert role.name == guid
        assert role.actions or role.data_actions
        assert role.description


def test_an_endpoint_secret_stands_for_its_principal_until_revoked(tenant: Tenant, factory: Principal) -> None:
    environment = tenant.identity.endpoint_environment(factory, "app_service")
    assert set(environment) == {"IDENTITY_ENDPOINT", "IDENTITY_HEADER"}
    assert tenant.identity.endpoint_principal(environment["IDENTITY_HEADER"]) == factory
    tenant.identity.revoke_endpoint(environment)
    assert tenant.identity.endpoint_principal(environment["IDENTITY_HEADER"]) is None
