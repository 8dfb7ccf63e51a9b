"""A container's user delegation SAS, used by azure-storage-blob against a gateway in this process."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from unittest import mock

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import ContainerClient

from adfkit.local_azure.app import Running, running
from adfkit.local_azure.cloud import SUBSCRIPTION_ID
from adfkit.local_azure.environment import network_environment
from adfkit.local_azure.identity.roles import ROLES
from adfkit.local_azure.services.storage.user_delegation import container_sas
from adfkit.local_azure.state import Ports

SUBSCRIPTION = f"/subscriptions/{SUBSCRIPTION_ID}"
ACCOUNT = f"{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/sastests"
URL = "https://sastests.blob.azure.localhost"


def _use(made: str, less: str, foreign: str) -> None:
    with ContainerClient.from_container_url(f"{URL}/code?{made}") as container:
        container.upload_blob("x", b"1")
        assert container.download_blob("x").readall() == b"1"
        assert [blob.name for blob in container.list_blobs()] == ["x"]
        _refused(lambda: container.delete_blob("x"), "AuthorizationPermissionMismatch")
    with ContainerClient.from_container_url(f"{URL}/code?{less}") as container:
        _refused(lambda: container.upload_blob("y", b"1"), "AuthorizationPermissionMismatch")
    for wrong in (foreign, made.replace("sp=rcwl", "sp=rcwld"), made.replace("sig=", "sig=A")):
        with ContainerClient.from_container_url(f"{URL}/code?{wrong}") as container:
            _refused(lambda container=container: container.download_blob("x"), "AuthenticationFailed")  # type: ignore[misc]


def _refused(attempt: object, code: str) -> None:
    assert callable(attempt)
    with pytest.raises(HttpResponseError) as caught:
        attempt()
    assert (caught.value.status_code, caught.value.error_code) == (403, code)  # type: ignore[attr-defined]


def _without_role(sas: str) -> None:
    with ContainerClient.from_container_url(f"{URL}/code?{sas}") as container:
        _refused(lambda: container.download_blob("x"), "AuthorizationPermissionMismatch")


async def _make_account(gateway: Running) -> None:
    resources = gateway.platform.resources
    resources.put(f"{SUBSCRIPTION}/resourceGroups/rg", {"location": "westeurope"})
    resources.put(ACCOUNT, {"location": "westeurope", "kind": "StorageV2"})
    deployer = gateway.platform.identity.deployer()
    (role,) = [role for role in ROLES.values() if role.role_name == "Storage Blob Data Owner"]
    resources.put(
        f"{ACCOUNT}/providers/Microsoft.Authorization/roleAssignments/{deployer.object_id}",
        {"properties": {"principalId": deployer.object_id, "roleDefinitionId": role.id}},
    )


@pytest.mark.slow
def test_a_sas_allows_what_it_says_on_its_container_as_its_principal(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path, Ports()) as gateway:
            await _make_account(gateway)
            platform = gateway.platform
            principal = platform.identity.principal(platform.identity.deployer().object_id)
            assert principal is not None
            for container in ("code", "other"):
                created = await platform.http.put(
                    f"{URL}/{container}?restype=container",
                    headers={
                        "Authorization": f"Bearer {platform.identity.issue(principal, URL).token}",
                        "x-ms-version": "2023-01-03",
                    },
                )
                assert created.status_code == 201
            made = container_sas(principal, "sastests", "code")
            less = container_sas(principal, "sastests", "code", permissions="r")
            foreign = container_sas(principal, "sastests", "other")
            with mock.patch.dict(os.environ, network_environment(tmp_path, gateway.ports.proxy)):
                await asyncio.to_thread(_use, made, less, foreign)
                assignment = f"{ACCOUNT}/providers/Microsoft.Authorization/roleAssignments/{principal.object_id}"
                platform.resources.delete(assignment)
                await asyncio.to_thread(_without_role, made)

    asyncio.run(run())
