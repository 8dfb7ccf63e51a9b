"""Inputs to ARM bodies and back, without a cloud."""

from __future__ import annotations

import pytest

from adfkit.engine.provider import CheckFailure, PartialCreateError, Properties, ProviderError
from adfkit.local_azure.provider import bodies
from adfkit.local_azure.provider.arm_client import ArmFailure
from adfkit.local_azure.provider.provider import AzureNativeProvider
from adfkit.local_azure.provider.types import lookup

STORAGE = lookup("azure-native:storage:StorageAccount")
ASSIGNMENT = lookup("azure-native:authorization:RoleAssignment")
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"


def test_storage_goes_there_and_back() -> None:
    inputs: Properties = {
        "resourceGroupName": "g",
        "accountName": "a",
        "azureApiVersion": "2024-01-01",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "location": "westeurope",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": ["/id"]},
        "enableHttpsTrafficOnly": True,
        "networkRuleSet": {
            "defaultAction": "Deny",
            "ipRules": [{"iPAddressOrRange": "1.2.3.4", "action": "Allow"}],
            "virtualNetworkRules": [{"virtualNetworkResourceId": "/net"}],
        },
        "encryption": {"encryptionIdentity": {"encryptionUserAssignedIdentity": "/id"}},
    }
    body = bodies.request_body(STORAGE, inputs)
    assert body == {
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "location": "westeurope",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {"/id": {}}},
        "properties": {
            "supportsHttpsTrafficOnly": True,
            "networkAcls": {
                "defaultAction": "Deny",
                "ipRules": [{"value": "1.2.3.4", "action": "Allow"}],
                "virtualNetworkRules": [{"id": "/net"}],
            },
            "encryption": {"identity": {"userAssignedIdentity": "/id"}},
        },
    }
    back = bodies.outputs(STORAGE, body)
    for name in ("enableHttpsTrafficOnly", "networkRuleSet", "encryption", "kind", "azureApiVersion"):
        assert back[name] == inputs[name]


def test_ids() -> None:
    scope = "/subscriptions/s/resourceGroups/g"
    inputs = {"scope": scope, "roleAssignmentName": "n"}
    id = bodies.resource_id(ASSIGNMENT, inputs, "s")
    assert id == f"{scope}/providers/Microsoft.Authorization/roleAssignments/n"
    assert bodies.parameters_of(ASSIGNMENT, id) == inputs
    with pytest.raises(ProviderError, match="the input 'accountName' is needed"):
        bodies.resource_id(STORAGE, {"resourceGroupName": "g"}, "s")
    with pytest.raises(ProviderError, match="is not the id of a resource of type azure-native:storage:StorageAccount"):
        bodies.parameters_of(STORAGE, scope)


def test_a_refresh_takes_over_what_changed_in_azure() -> None:
    inputs = {"tags": {"a": "1"}, "sku": {"name": "x"}, "note": "mine"}
    old = {"tags": {"a": "1"}, "sku": {"name": "x", "tier": "t"}}
    new = {"tags": {"a": "2"}, "sku": {"name": "x", "tier": "u"}}
    assert bodies.refreshed(inputs, old, new) == {**inputs, "tags": {"a": "2"}}


class HalfMade:
    """An ARM where creating takes place and fails all the same."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.made = False
        self.connection = type("Connection", (), {"subscription_id": "s"})

    def get(self, id: str, api_version: str) -> Properties | None:
        return {"id": id, "properties": {"provisioningState": "Failed"}} if self.made else None

    def put(self, id: str, api_version: str, body: Properties, timeout: float) -> Properties:
        self.made = True
        raise ArmFailure(self.status, "OutOfRails", "No more rails.")


@pytest.mark.parametrize(("status", "error"), [(200, PartialCreateError), (400, ArmFailure)])
def test_what_came_to_exist_is_kept(monkeypatch: pytest.MonkeyPatch, status: int, error: type[ProviderError]) -> None:
    provider = AzureNativeProvider()
    monkeypatch.setattr(provider, "_client", HalfMade(status))
    inputs = {"resourceGroupName": "g", "resourceName": "i", "location": "westeurope"}
    with pytest.raises(error, match=r"^OutOfRails: No more rails\.$") as raised:
        provider.create("urn", IDENTITY, "i", inputs, False, 0)
    if isinstance(raised.value, PartialCreateError):
        assert raised.value.id.endswith("/userAssignedIdentities/i")
        assert raised.value.outputs["provisioningState"] == "Failed"


def test_settings_that_it_does_not_know() -> None:
    result = AzureNativeProvider().check_config({"location": "x", "useMsi": "true"})
    assert list(result.failures) == [
        CheckFailure("useMsi", "azure-native:useMsi is not supported by the embedded engine")
    ]
