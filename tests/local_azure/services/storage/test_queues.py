"""Queues by azure-storage-queue, unmodified; roles and errors as Azure's."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import jwt
import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient
from azure.storage.queue import QueueClient, QueueServiceClient

from adfkit.local_azure.cloud import SUBSCRIPTION_ID
from adfkit.local_azure.identity.roles import ROLES
from tests.conftest import LocalAzure

GROUP = "queues"
URL = "https://queuetests.queue.azure.localhost"
ACCOUNT = (
    f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{GROUP}/providers/Microsoft.Storage/storageAccounts/queuetests"
)
ARM = {
    "base_url": "https://management.azure.localhost",
    "credential_scopes": ["https://management.azure.localhost/.default"],
}
Assign = Callable[[str], None]


@pytest.fixture
def assign(local_azure: LocalAzure) -> Iterator[Assign]:
    """Assigns a role on the account to the deployer; takes it away after the test."""
    made = []
    token = local_azure.credential.get_token("https://storage.azure.com/.default").token
    own = jwt.decode(token, options={"verify_signature": False})["oid"]
    with AuthorizationManagementClient(local_azure.credential, SUBSCRIPTION_ID, **ARM) as client:

        def create(role: str) -> None:
            (definition,) = [each for each in ROLES.values() if each.role_name == role]
            body: Any = {
                "properties": {
                    "principalId": own,
                    "principalType": "ServicePrincipal",
                    "roleDefinitionId": f"/subscriptions/{SUBSCRIPTION_ID}{definition.id}",
                }
            }
            made.append(str(uuid4()))
            client.role_assignments.create(ACCOUNT, made[-1], body)

        yield create
        for name in made:
            client.role_assignments.delete(ACCOUNT, name)


@pytest.fixture
def storage(local_azure: LocalAzure) -> Iterator[StorageManagementClient]:
    """The account, in Resource Manager."""
    with ResourceManagementClient(local_azure.credential, SUBSCRIPTION_ID, **ARM) as resources:
        resources.resource_groups.create_or_update(GROUP, {"location": "westeurope"})
    with StorageManagementClient(local_azure.credential, SUBSCRIPTION_ID, **ARM) as client:
        parameters: Any = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        client.storage_accounts.begin_create(GROUP, "queuetests", parameters).result()
        yield client


@pytest.fixture
def queue(storage: StorageManagementClient, local_azure: LocalAzure) -> Iterator[QueueClient]:
    """A new queue of its own."""
    with QueueClient(URL, f"q-{uuid4().hex[:8]}", credential=local_azure.credential) as client:
        client.create_queue(metadata={"a": "1"})
        yield client
        client.delete_queue()


def test_messages_go_in_and_come_out(queue: QueueClient, assign: Assign) -> None:
    assign("Storage Queue Data Contributor")
    queue.send_message("first <&> é")
    queue.send_message("second")
    assert [message.content for message in queue.peek_messages(5)] == ["first <&> é", "second"]
    message = queue.receive_message(visibility_timeout=30)
    assert message is not None
    assert (message.content, message.dequeue_count) == ("first <&> é", 1)
    message = queue.update_message(message, visibility_timeout=0, content="changed")
    again = next(iter(queue.receive_messages(max_messages=2)))
    assert again.content in ("changed", "second")
    queue.delete_message(again)
    assert queue.get_queue_properties().approximate_message_count == 1
    queue.clear_messages()
    assert queue.peek_messages() == []
    assert queue.get_queue_properties().metadata == {"a": "1"}


def test_a_queue_is_one_resource_with_two_ways_in(storage: StorageManagementClient, local_azure: LocalAzure) -> None:
    storage.queue.create(GROUP, "queuetests", "from-arm", {})
    with QueueServiceClient(URL, credential=local_azure.credential) as service:
        assert "from-arm" in [found.name for found in service.list_queues()]
        service.create_queue("from-data")
        assert "from-data" in [found.name for found in storage.queue.list(GROUP, "queuetests")]
        service.delete_queue("from-arm")
        service.delete_queue("from-data")
        assert list(storage.queue.list(GROUP, "queuetests")) == []


def test_each_role_allows_what_it_says(queue: QueueClient, assign: Assign) -> None:
    with pytest.raises(HttpResponseError) as refused:
        queue.send_message("no")
    assert refused.value.error_code == "AuthorizationPermissionMismatch"  # type: ignore[attr-defined]
    assert "Storage Queue Data Contributor, Storage Queue Data Message Sender" in str(refused.value)
    assign("Storage Queue Data Message Sender")
    queue.send_message("yes")
    with pytest.raises(HttpResponseError, match="messages/process/action"):
        queue.receive_message()
    assign("Storage Queue Data Message Processor")
    message = queue.receive_message()
    assert message is not None
    queue.delete_message(message)


def test_keys_are_refused(storage: StorageManagementClient) -> None:
    credential = AzureNamedKeyCredential("queuetests", "a2V5")
    with (
        QueueServiceClient(URL, credential=credential) as service,
        pytest.raises(ClientAuthenticationError) as refused,
    ):
        list(service.list_queues())
    assert refused.value.status_code == 401


def test_what_was_sent_outlives_a_store_that_is_killed(
    queue: QueueClient, assign: Assign, local_azure: LocalAzure
) -> None:
    import psutil

    assign("Storage Queue Data Contributor")
    queue.send_message("kept")
    stores = [
        process
        for process in psutil.process_iter(["cmdline", "cwd"])
        if process.info["cwd"] == str(local_azure.folder / "queues" / "queuetests")
    ]
    assert len(stores) == 1
    stores[0].kill()
    while stores[0].is_running() and stores[0].status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert [message.content for message in queue.peek_messages()] == ["kept"]
