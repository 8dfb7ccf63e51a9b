"""A Batch account with a pool and a storage account of its own, and the official client connected to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from azure.batch import BatchClient, models
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import ContainerClient

from adfkit.local_azure import cloud

SCOPE = f"{cloud.RESOURCE_MANAGER}.default"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
SUBSCRIPTION = f"/subscriptions/{cloud.SUBSCRIPTION_ID}"
IMAGE = {"imageReference": {"publisher": "canonical", "offer": "ubuntu", "sku": "server"}, "nodeAgentSkuId": "ubuntu"}
ENDED = 30


@dataclass
class BatchCloud:
    """What the tests share; `job` is a new one for each test."""

    local_azure: Any
    resources: ResourceManagementClient
    roles: AuthorizationManagementClient
    group: str
    account: str
    storage: str
    storage_id: str
    identity: str
    identity_principal: str
    client: BatchClient
    job: str = ""

    @property
    def account_id(self) -> str:
        return f"{SUBSCRIPTION}/resourceGroups/{self.group}/providers/Microsoft.Batch/batchAccounts/{self.account}"

    @property
    def endpoint(self) -> str:
        return f"https://{cloud.host(self.account, 'westeurope', 'batch')}"

    def container(self, name: str = "files") -> ContainerClient:
        """A container of the storage account."""
        return ContainerClient(f"https://{cloud.host(self.storage, 'blob')}", name, self.local_azure.credential)

    def pool(self, scale: dict[str, Any], **properties: Any) -> str:
        """A new pool; returns its name."""
        name = f"pool-{uuid4().hex[:6]}"
        body = {
            "identity": {"type": "UserAssigned", "userAssignedIdentities": {self.identity: {}}},
            "properties": {
                "vmSize": "STANDARD_D2S_V3",
                "deploymentConfiguration": {"virtualMachineConfiguration": IMAGE},
                "scaleSettings": scale,
                **properties,
            },
        }
        id = f"{self.account_id}/pools/{name}"
        self.resources.resources.begin_create_or_update_by_id(id, body, api_version="2024-07-01").result()
        return name

    def new_job(self, pool: str, **options: Any) -> str:
        """A new job on a pool; returns its id."""
        id = f"job-{uuid4().hex[:8]}"
        self.client.create_job(models.BatchJobCreateOptions(id=id, pool_info={"poolId": pool}, **options))
        return id

    def add(self, command: str, id: str = "", **options: Any) -> str:
        """A new task of the test's job, run by a shell; returns its id."""
        id = id or f"task-{uuid4().hex[:8]}"
        quoted = "'" + command.replace("'", "'\\''") + "'"
        task = models.BatchTaskCreateOptions(id=id, command_line=f"/bin/bash -c {quoted}", **options)
        self.client.create_task(self.job, task)
        return id

    @staticmethod
    def wait(look: Callable[[], Any], done: Callable[[Any], bool]) -> Any:
        """What `look` finds once it is as wanted."""
        deadline = time.monotonic() + ENDED
        while not done(found := look()):
            assert time.monotonic() < deadline, f"not as wanted after {ENDED} s: {found}"
            time.sleep(0.05)
        return found

    def ended(self, id: str) -> models.BatchTask:
        """The task once it has ended."""
        return self.wait(lambda: self.client.get_task(self.job, id), lambda task: task.state == "completed")

    def run(self, command: str, **options: Any) -> models.BatchTask:
        """Run a command as a task to its end."""
        return self.ended(self.add(command, **options))

    def text(self, task: str, file: str = "stdout.txt") -> str:
        """The content of a task's file."""
        return b"".join(self.client.download_task_file(self.job, task, file)).decode()


def make_batch_cloud(local_azure: Any) -> BatchCloud:
    """Make what the tests share; the environment must point at local Azure."""

    def management(kind: Callable[..., Any]) -> Any:
        return kind(
            local_azure.credential, cloud.SUBSCRIPTION_ID, base_url=cloud.RESOURCE_MANAGER, credential_scopes=[SCOPE]
        )

    unique = uuid4().hex[:8]
    group, account, storage_name = f"rg-batch-{unique}", f"batch{unique}", f"store{unique}"
    resources, storage = management(ResourceManagementClient), management(StorageManagementClient)
    roles = management(AuthorizationManagementClient)
    resources.resource_groups.create_or_update(group, {"location": "westeurope"})
    body = {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "location": "westeurope"}
    storage_id = storage.storage_accounts.begin_create(group, storage_name, body).result().id
    storage.blob_containers.create(group, storage_name, "files", {})
    prefix = f"{SUBSCRIPTION}/resourceGroups/{group}/providers"
    identity = f"{prefix}/Microsoft.ManagedIdentity/userAssignedIdentities/tasks"
    made = resources.resources.begin_create_or_update_by_id(
        identity, {"location": "westeurope"}, api_version="2023-01-31"
    ).result()
    principal = made.properties["principalId"]
    roles.role_assignments.create(storage_id, str(uuid4()), assignment(BLOB_CONTRIBUTOR, principal))
    deployer = roles.role_assignments.list_for_subscription()
    own = next(found.principal_id for found in deployer if found.scope == SUBSCRIPTION)
    roles.role_assignments.create(storage_id, str(uuid4()), assignment(BLOB_CONTRIBUTOR, own))
    auto = {"storageAccountId": storage_id, "authenticationMode": "BatchAccountManagedIdentity"}
    auto["nodeIdentityReference"] = {"resourceId": identity}  # type: ignore[assignment]
    body = {"location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": {"autoStorage": auto}}  # type: ignore[dict-item]
    resources.resources.begin_create_or_update_by_id(
        f"{prefix}/Microsoft.Batch/batchAccounts/{account}", body, api_version="2024-07-01"
    ).result()
    client = BatchClient(f"https://{cloud.host(account, 'westeurope', 'batch')}", local_azure.credential)
    return BatchCloud(
        local_azure, resources, roles, group, account, storage_name, storage_id, identity, principal, client
    )


def assignment(role: str, principal: str) -> dict[str, str]:
    """The body of a role assignment."""
    return {
        "role_definition_id": f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}",
        "principal_id": principal,
        "principal_type": "ServicePrincipal",
    }


@pytest.fixture(scope="session")
def made_batch_cloud(local_azure_session: Any) -> tuple[BatchCloud, str]:
    """Made once a test run, with a pool of two nodes."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in local_azure_session.environment.items():
            patch.setenv(name, value)
        made = make_batch_cloud(local_azure_session)
        return made, made.pool({"fixedScale": {"targetDedicatedNodes": 2}})


@pytest.fixture
def batch(made_batch_cloud: tuple[BatchCloud, str], local_azure: Any) -> Iterator[BatchCloud]:
    """The Batch cloud with a new job on the shared pool."""
    made, pool = made_batch_cloud
    made.job = made.new_job(pool, uses_task_dependencies=True)
    yield made


@pytest.fixture(scope="session")
def another_batch_cloud() -> Callable[[Any], BatchCloud]:
    """Makes the same in another local Azure."""
    return make_batch_cloud
