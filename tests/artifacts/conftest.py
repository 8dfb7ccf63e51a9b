"""A factory of its own for each test, in a real local Azure."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from azure.mgmt.resource.resources import ResourceManagementClient

from adfkit.artifacts.factory import Factory
from infra import cloud

if TYPE_CHECKING:
    from tests.conftest import LocalAzure


@pytest.fixture
def factory(local_azure: LocalAzure) -> Iterator[Factory]:
    """A new factory in a resource group of its own."""
    current = cloud.current()
    subscription = local_azure.environment["AZURE_SUBSCRIPTION_ID"]
    endpoint = {"base_url": current.resource_manager, "credential_scopes": current.credential_scopes}
    groups = ResourceManagementClient(local_azure.credential, subscription, **endpoint).resource_groups
    name = f"artifacts-{uuid.uuid4().hex[:8]}"
    groups.create_or_update(name, {"location": "westeurope"})
    factory = Factory.connect(local_azure.credential, subscription, name, name, **endpoint)
    factory._client.factories.create_or_update(name, name, {"location": "westeurope"})
    yield factory
    groups.begin_delete(name).result()
