"""The provider's methods against local Azure, reached as any Azure is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from adfkit.engine.properties import UNKNOWN
from adfkit.engine.provider import CheckFailure, DiffKind, Properties, ProviderError
from adfkit.local_azure import cloud
from adfkit.local_azure.provider import AzureNativeProvider
from adfkit.local_azure.services.authorization.types import GUID

GROUP = "azure-native:resources:ResourceGroup"
ACCOUNT = "azure-native:storage:StorageAccount"
BLOBS = "azure-native:storage:BlobServiceProperties"
CONTAINER = "azure-native:storage:BlobContainer"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
ASSIGNMENT = "azure-native:authorization:RoleAssignment"
CONNECTOR = "azure-native:databricks:AccessConnector"
COMPUTE = "azure-native:machinelearningservices:Compute"
VAULT = "azure-native:keyvault:Vault"
READER = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
SEED = b"seed"


def urn(type: str, name: str) -> str:
    return f"urn:pulumi:local::adfkit::{type}::{name}"


@pytest.fixture
def provider(local_azure: Any) -> AzureNativeProvider:
    made = AzureNativeProvider()
    made.configure({"location": "westeurope"})
    return made


def create(
    provider: AzureNativeProvider, type: str, name: str, inputs: Properties
) -> tuple[str, Properties, Properties]:
    """Check and create; id, checked inputs, outputs."""
    checked = provider.check(urn(type, name), type, name, {}, inputs, SEED)
    assert list(checked.failures) == []
    made = provider.create(urn(type, name), type, name, checked.inputs, False, 0)
    return made.id, checked.inputs, made.outputs


@pytest.fixture
def group(provider: AzureNativeProvider) -> Iterator[str]:
    name = f"rg-{uuid4().hex[:8]}"
    id, inputs, outputs = create(provider, GROUP, "rg", {"resourceGroupName": name})
    assert outputs["location"] == "westeurope"
    yield name
    provider.delete(urn(GROUP, "rg"), GROUP, id, inputs, outputs, 0)


def test_check_completes_inputs(provider: AzureNativeProvider) -> None:
    def checked(type: str, inputs: Properties, old: Properties | None = None) -> Properties:
        return provider.check(urn(type, "x"), type, "x", old or {}, inputs, SEED).inputs

    group = checked(GROUP, {})
    assert re.fullmatch(r"x[0-9a-f]{8}", group["resourceGroupName"])
    assert group["location"] == "westeurope"
    assert group["azureApiVersion"] == "2024-03-01"
    assert checked(GROUP, {}) == group  # the same seed, the same name
    assert group["__createBeforeDelete"] is True
    kept = checked(GROUP, {}, group)
    assert (kept["resourceGroupName"], kept["__createBeforeDelete"]) == (group["resourceGroupName"], True)
    assert checked(GROUP, {}, {"resourceGroupName": "old"})["resourceGroupName"] == "old"
    assert "__createBeforeDelete" not in checked(GROUP, {"resourceGroupName": "given"}, group)
    container = checked(CONTAINER, {"accountName": "a", "resourceGroupName": "g"})
    assert container["containerName"] == "x"
    assert "__createBeforeDelete" not in container
    assignment = checked(ASSIGNMENT, {"scope": "/a", "principalId": "p", "roleDefinitionId": READER})
    assert GUID.fullmatch(assignment["roleAssignmentName"])


def test_check_names_what_is_wrong(provider: AzureNativeProvider) -> None:
    inputs = {
        "resourceGroupName": "g",
        "kind": "StorageV2",
        "colour": "red",
        "networkRuleSet": {"defaultAction": "Deny", "ipRules": [{"iPAddressOrRange": "1.2.3.4", "ip": "x"}]},
    }
    result = provider.check(urn(ACCOUNT, "x"), ACCOUNT, "x", {}, inputs, SEED)
    assert list(result.failures) == [
        CheckFailure("sku", "'sku' is required"),
        CheckFailure("colour", f"'colour' is not an input of {ACCOUNT}"),
        CheckFailure("networkRuleSet.ipRules[0].ip", "'ip' is not a property of 'networkRuleSet.ipRules[0]'"),
    ]


def test_check_knows_every_kind_of_an_object(provider: AzureNativeProvider) -> None:
    """A compute's `properties` is one of ten kinds, each with `properties` of its own."""
    where = {"resourceGroupName": "g", "workspaceName": "w"}
    cluster = {"computeType": "AmlCompute", "properties": {"enableNodePublicIp": False, "vmSize": "STANDARD_DS3_V2"}}
    assert not provider.check(urn(COMPUTE, "x"), COMPUTE, "x", {}, {**where, "properties": cluster}, SEED).failures
    cluster["properties"] = {"wings": 2}
    (failure,) = provider.check(urn(COMPUTE, "x"), COMPUTE, "x", {}, {**where, "properties": cluster}, SEED).failures
    assert failure == CheckFailure(
        "properties.properties.wings", "'wings' is not a property of 'properties.properties'"
    )


def test_location_follows_the_group(local_azure: Any, group: str) -> None:
    provider = AzureNativeProvider()
    provider.configure({})
    inputs = {"resourceGroupName": group}
    assert provider.check(urn(IDENTITY, "x"), IDENTITY, "x", {}, inputs, SEED).inputs["location"] == "westeurope"
    inputs = {"resourceGroupName": UNKNOWN}
    assert provider.check(urn(IDENTITY, "x"), IDENTITY, "x", {}, inputs, SEED).inputs["location"] is UNKNOWN
    (failure,) = provider.check(urn(GROUP, "x"), GROUP, "x", {}, {}, SEED).failures
    assert failure.property == "location"


def test_storage_lives(provider: AzureNativeProvider, group: str) -> None:
    name = f"acct{uuid4().hex[:8]}"
    inputs = {
        "resourceGroupName": group,
        "accountName": name,
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "enableHttpsTrafficOnly": True,
        "isHnsEnabled": True,
        "networkRuleSet": {"defaultAction": "Deny", "ipRules": [{"iPAddressOrRange": "1.2.3.4"}]},
    }
    id, checked, outputs = create(provider, ACCOUNT, "lake", inputs)
    assert outputs["primaryEndpoints"]["blob"] == f"https://{name}.blob.azure.localhost/"
    assert outputs["networkRuleSet"]["ipRules"] == [{"iPAddressOrRange": "1.2.3.4"}]
    assert outputs["enableHttpsTrafficOnly"] is True
    assert (outputs["name"], outputs["type"]) == (name, "Microsoft.Storage/storageAccounts")
    assert "properties" not in outputs
    with pytest.raises(ProviderError, match="cannot create already existing resource"):
        provider.create(urn(ACCOUNT, "lake"), ACCOUNT, "lake", checked, False, 0)

    read = provider.read(urn(ACCOUNT, "lake"), ACCOUNT, id, checked, outputs)
    assert (read.id, read.inputs) == (id, checked)
    imported = provider.read(urn(ACCOUNT, "lake"), ACCOUNT, id, {}, {})
    assert imported.inputs["accountName"] == name
    assert imported.inputs["resourceGroupName"] == group

    changed = {**checked, "tags": {"a": "b"}, "location": "West Europe"}
    diff = provider.diff(urn(ACCOUNT, "lake"), ACCOUNT, id, checked, outputs, changed)
    assert dict(diff.detailed) == {"tags": DiffKind.ADD}
    updated = provider.update(urn(ACCOUNT, "lake"), ACCOUNT, id, checked, outputs, changed, False, 0)
    assert updated["tags"] == {"a": "b"}
    assert updated["creationTime"] == outputs["creationTime"]

    where = {"resourceGroupName": group, "accountName": name}
    policy = {"enabled": True, "days": 7}
    blobs, blob_inputs, blob_outputs = create(provider, BLOBS, "lake", {**where, "deleteRetentionPolicy": policy})
    assert blobs.endswith("/blobServices/default")
    assert blob_outputs["deleteRetentionPolicy"]["days"] == 7
    container, _, shown = create(provider, CONTAINER, "landing", where)
    assert (shown["name"], shown["publicAccess"]) == ("landing", "None")
    provider.delete(urn(CONTAINER, "landing"), CONTAINER, container, {}, {}, 0)
    provider.delete(urn(CONTAINER, "landing"), CONTAINER, container, {}, {}, 0)  # gone already
    provider.delete(urn(BLOBS, "lake"), BLOBS, blobs, blob_inputs, blob_outputs, 0)
    reset = provider.read(urn(BLOBS, "lake"), BLOBS, blobs, {}, {})  # it exists with its account
    assert reset.outputs["deleteRetentionPolicy"]["enabled"] is False
    provider.delete(urn(ACCOUNT, "lake"), ACCOUNT, id, checked, outputs, 0)
    assert provider.read(urn(ACCOUNT, "lake"), ACCOUNT, id, checked, outputs).id == ""


def test_identities_and_roles(provider: AzureNativeProvider, group: str) -> None:
    id, _, identity = create(provider, IDENTITY, "ml", {"resourceGroupName": group})
    block = {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": [id]}
    connector, inputs, outputs = create(provider, CONNECTOR, "dbac", {"resourceGroupName": group, "identity": block})
    assert outputs["identity"]["userAssignedIdentities"] == {
        id: {"principalId": identity["principalId"], "clientId": identity["clientId"]}
    }
    assert outputs["identity"]["tenantId"] == cloud.HOME_TENANT_ID
    grant = {"scope": connector, "principalId": outputs["identity"]["principalId"], "roleDefinitionId": READER}
    assignment, _, assigned = create(provider, ASSIGNMENT, "reads", grant)
    assert assignment.startswith(f"{connector}/providers/Microsoft.Authorization/roleAssignments/")
    assert (assigned["scope"], assigned["principalType"]) == (connector, "ServicePrincipal")
    assert provider.read(urn(CONNECTOR, "dbac"), CONNECTOR, connector, inputs, outputs).inputs == inputs


def test_preview_tells_what_it_knows(provider: AzureNativeProvider) -> None:
    inputs = {"resourceGroupName": UNKNOWN, "identity": {"type": "SystemAssigned"}}
    checked = provider.check(urn(CONNECTOR, "x"), CONNECTOR, "x", {}, inputs, SEED).inputs
    shown = provider.create(urn(CONNECTOR, "x"), CONNECTOR, "x", checked, True, 0)
    assert shown.id == ""
    assert shown.outputs["identity"] == {"type": "SystemAssigned", "principalId": UNKNOWN, "tenantId": UNKNOWN}
    assert (shown.outputs["location"], shown.outputs["name"]) == ("westeurope", UNKNOWN)
    properties = {"tenantId": cloud.HOME_TENANT_ID, "sku": {"family": "A", "name": "standard"}}
    vault = {"resourceGroupName": "g", "vaultName": "v", "properties": properties}
    shown = provider.create(urn(VAULT, "x"), VAULT, "x", vault, True, 0)
    assert shown.outputs["properties"]["tenantId"] == cloud.HOME_TENANT_ID
    assert shown.outputs["properties"]["vaultUri"] is UNKNOWN
    known = {"name": "v", "properties": {**properties, "vaultUri": "https://v"}}
    updated = provider.update(urn(VAULT, "x"), VAULT, "/id", vault, known, {**vault, "tags": {}}, True, 0)
    assert (updated["name"], updated["properties"]["vaultUri"]) == ("v", "https://v")


@pytest.mark.parametrize(
    ("change", "detailed", "delete_first"),
    [
        ({"accountName": "other"}, {"accountName": DiffKind.UPDATE_REPLACE}, True),
        ({"location": "northeurope"}, {"location": DiffKind.UPDATE_REPLACE}, True),
        ({"isHnsEnabled": True}, {"isHnsEnabled": DiffKind.ADD_REPLACE}, True),
        ({"location": "eastus", "__createBeforeDelete": True}, {"location": DiffKind.UPDATE_REPLACE}, False),
        ({"sku": {"name": "Standard_ZRS"}}, {"sku.name": DiffKind.UPDATE}, False),
        ({"resourceGroupName": "G"}, {}, False),
        ({"azureApiVersion": "2020-01-01"}, {}, False),
    ],
)
def test_diff(change: Properties, detailed: dict[str, DiffKind], delete_first: bool) -> None:
    old = {
        "resourceGroupName": "g",
        "accountName": "acct",
        "location": "westeurope",
        "sku": {"name": "Standard_LRS"},
        "azureApiVersion": "2024-01-01",
    }
    result = AzureNativeProvider().diff(urn(ACCOUNT, "x"), ACCOUNT, "/id", old, {}, {**old, **change})
    assert (dict(result.detailed), result.delete_before_replace) == (detailed, delete_first)


def test_errors_carry_azures_code(provider: AzureNativeProvider, group: str) -> None:
    inputs = {
        "resourceGroupName": group,
        "accountName": "Not-Good",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
    }
    with pytest.raises(ProviderError, match=r"^AccountNameInvalid: Not-Good is not a valid storage account name"):
        create(provider, ACCOUNT, "x", inputs)
    with pytest.raises(ProviderError, match=r"^ResourceGroupNotFound: "):
        create(provider, IDENTITY, "x", {"resourceGroupName": "nowhere"})


def test_client_config(provider: AzureNativeProvider, local_azure: Any) -> None:
    config = provider.invoke("azure-native:authorization:getClientConfig", {})
    assert config["clientId"] == local_azure.environment["AZURE_CLIENT_ID"]
    assert (config["subscriptionId"], config["tenantId"]) == (cloud.SUBSCRIPTION_ID, cloud.HOME_TENANT_ID)
    with pytest.raises(ProviderError, match="does not support the function 'azure-native:storage:listKeys'"):
        provider.invoke("azure-native:storage:listKeys", {})


def test_an_interrupted_create_is_found_again(provider: AzureNativeProvider, group: str) -> None:
    inputs = provider.check(urn(IDENTITY, "i"), IDENTITY, "i", {}, {"resourceGroupName": group}, SEED).inputs
    assert provider.recover(urn(IDENTITY, "i"), IDENTITY, "i", inputs, 0) is None
    made = provider.create(urn(IDENTITY, "i"), IDENTITY, "i", inputs, False, 0)
    found = provider.recover(urn(IDENTITY, "i"), IDENTITY, "i", inputs, 0)
    assert found is not None
    assert (found.id, found.outputs["principalId"]) == (made.id, made.outputs["principalId"])
