"""A workspace with a cluster and an endpoint, made through ARM, and the official client connected to it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import httpx
import jwt
import pytest
from azure.ai.ml import MLClient

SUBSCRIPTION = "ad0f0000-0000-4000-8000-000000000002"
LOCATION = "westeurope"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
DATA_SCIENTIST = "f6c7c914-8db3-469d-8ca1-694a8f32e121"


class Arm:
    """ARM by plain HTTPS, as the deployer."""

    def __init__(self, token: str) -> None:
        self._client = httpx.Client(
            base_url="https://management.azure.localhost", headers={"Authorization": f"Bearer {token}"}, timeout=30
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(self, method: str, id: str, version: str, body: Any = None) -> httpx.Response:
        """One request, whatever it answers."""
        return self._client.request(method, id, params={"api-version": version}, json=body)

    def put(self, id: str, version: str, body: Any) -> dict[str, Any]:
        """Create or change a resource, and wait until it is there."""
        response = self.call("PUT", id, version, body)
        assert response.status_code in (200, 201, 202), f"{id}: {response.status_code} {response.text}"
        while "Azure-AsyncOperation" in response.headers:
            status = self._client.get(response.headers["Azure-AsyncOperation"]).json()
            assert status["status"] != "Failed", status
            if status["status"] == "Succeeded":
                break
        return dict(self.call("GET", id, version).json())

    def delete(self, id: str, version: str) -> None:
        """Remove a resource."""
        response = self.call("DELETE", id, version)
        assert response.status_code in (200, 202, 204), response.text


@dataclass(frozen=True)
class MlWorkspace:
    """What a test needs to know of the workspace and its surroundings."""

    arm: Arm
    group: str
    id: str
    name: str
    storage: str
    account: str
    compute_identity: dict[str, str]
    deployer: str

    def grant(self, principal_id: str, role: str, scope: str) -> str:
        """Assign a role; returns the assignment's id."""
        id = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        definition = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        properties = {
            "roleDefinitionId": definition,
            "principalId": principal_id,
            "principalType": "ServicePrincipal",
        }
        self.arm.put(id, "2022-04-01", {"properties": properties})
        return id

    @contextmanager
    def granted(self, principal_id: str, role: str, scope: str) -> Iterator[None]:
        """A role assignment for as long as the block runs."""
        id = self.grant(principal_id, role, scope)
        yield
        self.arm.delete(id, "2022-04-01")


@pytest.fixture(scope="session")
def ml_session(local_azure_session: Any) -> Iterator[tuple[MlWorkspace, MLClient]]:
    """The workspace, made once."""
    with mock.patch.dict(os.environ, local_azure_session.environment):
        credential = local_azure_session.credential
        token = credential.get_token("https://management.azure.localhost/.default").token
        deployer = jwt.decode(token, options={"verify_signature": False})["oid"]
        arm = Arm(token)
        try:
            workspace = _deploy(arm, deployer)
            yield workspace, MLClient(credential, SUBSCRIPTION, workspace.group, workspace.name, show_progress=False)
        finally:
            arm.close()


@pytest.fixture
def workspace(local_azure: Any, ml_session: tuple[MlWorkspace, MLClient]) -> MlWorkspace:
    """The workspace's facts."""
    return ml_session[0]


@pytest.fixture
def client(local_azure: Any, ml_session: tuple[MlWorkspace, MLClient]) -> MLClient:
    """The official client, connected to the workspace as the deployer."""
    return ml_session[1]


def _deploy(arm: Arm, deployer: str) -> MlWorkspace:
    unique = uuid.uuid4().hex[:8]
    group = f"ml-{unique}"
    base = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}"
    providers = f"{base}/providers"
    account = f"ml{unique}"
    storage = f"{providers}/Microsoft.Storage/storageAccounts/{account}"
    vault = f"{providers}/Microsoft.KeyVault/vaults/kv-{unique}"
    identity = f"{providers}/Microsoft.ManagedIdentity/userAssignedIdentities/ml-steps"
    workspace = f"{providers}/Microsoft.MachineLearningServices/workspaces/mlw-{unique}"
    arm.put(base, "2021-04-01", {"location": LOCATION})
    arm.put(
        storage,
        "2023-05-01",
        {
            "location": LOCATION,
            "sku": {"name": "Standard_LRS"},
            "kind": "StorageV2",
            "properties": {"allowSharedKeyAccess": False},
        },
    )
    arm.put(
        vault,
        "2023-07-01",
        {
            "location": LOCATION,
            "properties": {
                "tenantId": "ad0f0000-0000-4000-8000-000000000001",
                "sku": {"family": "A", "name": "standard"},
                "enableRbacAuthorization": True,
            },
        },
    )
    compute_identity = arm.put(identity, "2023-01-31", {"location": LOCATION})["properties"]
    arm.put(
        workspace,
        "2025-12-01",
        {
            "location": LOCATION,
            "identity": {"type": "SystemAssigned"},
            "properties": {"storageAccount": storage, "keyVault": vault, "systemDatastoresAuthMode": "identity"},
        },
    )
    arm.put(
        f"{workspace}/computes/cluster",
        "2025-12-01",
        {
            "location": LOCATION,
            "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}},
            "properties": {
                "computeType": "AmlCompute",
                "properties": {
                    "vmSize": "STANDARD_DS3_V2",
                    "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT120S"},
                },
            },
        },
    )
    made = MlWorkspace(arm, group, workspace, f"mlw-{unique}", storage, account, compute_identity, deployer)
    made.grant(compute_identity["principalId"], BLOB_CONTRIBUTOR, storage)
    made.grant(compute_identity["principalId"], DATA_SCIENTIST, workspace)
    return made
