"""The resource types of azure-native that are supported, and how each one's inputs become an ARM request.

azure-native lifts what ARM keeps under `properties` to the top, except for types marked `flat=False`, and renames a few
properties. API versions are those of the SDK's docstrings; a test compares them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from adfkit.engine.provider import ProviderError

PACKAGE: Final = "azure-native"
GROUP: Final = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
TRACKED: Final = frozenset({"location", "tags"})
IDENTIFIED: Final = TRACKED | {"identity"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AzureType:
    """One resource type.

    Attributes:
        token: as in a program's state, `azure-native:storage:StorageAccount`.
        path: of the ARM id, with the inputs that are part of it.
        envelope: inputs that stand beside `properties` in the body.
        flat: whether the other inputs are lifted from `properties`; else `properties` is itself an input.
        renames: path of an input (list indexes left out) to ARM's name for its last part.
        create_only: paths of inputs whose change replaces the resource, beside those of `path` and `location`.
        naming: the automatic name: random (logical name and 8 hex digits), copy (of the logical name), uuid.
        singleton: exists with its parent: created by changing it, deleted with its parent.
        reset_on_delete: a singleton that goes back to its defaults.
        defaults: path parameters with a fixed value where they are not given.
    """

    token: str
    path: str
    api_version: str
    envelope: frozenset[str] = frozenset()
    flat: bool = True
    renames: Mapping[str, str] = field(default_factory=dict)
    create_only: frozenset[str] = frozenset()
    naming: Literal["random", "copy", "uuid"] = "random"
    singleton: bool = False
    reset_on_delete: bool = False
    defaults: Mapping[str, str] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """`storage` of `azure-native:storage:StorageAccount`."""
        return self.token.split(":")[1]

    @property
    def class_name(self) -> str:
        """`StorageAccount` of `azure-native:storage:StorageAccount`."""
        return self.token.split(":")[2]

    @property
    def parameters(self) -> tuple[str, ...]:
        """The inputs in the path, in its order; the last one is the resource's name."""
        return tuple(name for name in _PARAMETER.findall(self.path) if name != "subscriptionId")

    @property
    def takes_location(self) -> bool:
        """Whether the resource has a location of its own."""
        return "location" in self.envelope

    @property
    def name_parameter(self) -> str | None:
        """The input that names the resource, unless its name is fixed."""
        return self.parameters[-1] if self.path.endswith("}") else None


def _type(name: str, path: str, api_version: str, **more: object) -> AzureType:
    if not path.startswith("/"):
        path = f"{GROUP}/providers/{path}"
    return AzureType(token=f"{PACKAGE}:{name}", path=path, api_version=api_version, **more)  # type: ignore[arg-type]


_ML_WORKSPACE: Final = "Microsoft.MachineLearningServices/workspaces/{workspaceName}"
_STORAGE_RENAMES: Final = {
    "enableHttpsTrafficOnly": "supportsHttpsTrafficOnly",
    "enableNfsV3": "isNfsV3Enabled",
    "networkRuleSet": "networkAcls",
    "networkRuleSet.ipRules.iPAddressOrRange": "value",
    "networkRuleSet.virtualNetworkRules.virtualNetworkResourceId": "id",
    "encryption.keyVaultProperties": "keyvaultproperties",
    "encryption.keyVaultProperties.keyName": "keyname",
    "encryption.keyVaultProperties.keyVaultUri": "keyvaulturi",
    "encryption.keyVaultProperties.keyVersion": "keyversion",
    "encryption.encryptionIdentity": "identity",
    "encryption.encryptionIdentity.encryptionUserAssignedIdentity": "userAssignedIdentity",
    "encryption.encryptionIdentity.encryptionFederatedIdentityClientId": "federatedIdentityClientId",
}
_COMPONENT_RENAMES: Final = {
    "applicationType": "Application_Type",
    "flowType": "Flow_Type",
    "requestSource": "Request_Source",
    "hockeyAppId": "HockeyAppId",
    "samplingPercentage": "SamplingPercentage",
    "retentionInDays": "RetentionInDays",
    "disableIpMasking": "DisableIpMasking",
    "immediatePurgeDataOn30Days": "ImmediatePurgeDataOn30Days",
    "workspaceResourceId": "WorkspaceResourceId",
    "ingestionMode": "IngestionMode",
    "disableLocalAuth": "DisableLocalAuth",
    "forceCustomerStorageForProfiler": "ForceCustomerStorageForProfiler",
    # outputs only
    "appId": "AppId",
    "applicationId": "ApplicationId",
    "connectionString": "ConnectionString",
    "creationDate": "CreationDate",
    "hockeyAppToken": "HockeyAppToken",
    "instrumentationKey": "InstrumentationKey",
    "laMigrationDate": "LaMigrationDate",
    "privateLinkScopedResources": "PrivateLinkScopedResources",
    "tenantId": "TenantId",
}

_TYPES: Final = (
    _type("resources:ResourceGroup", GROUP, "2024-03-01", envelope=TRACKED | {"managedBy"}, flat=False),
    _type(
        "managedidentity:UserAssignedIdentity",
        "Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}",
        "2023-01-31",
        envelope=TRACKED,
    ),
    _type(
        "authorization:RoleAssignment",
        "/{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
        "2022-04-01",
        create_only=frozenset(
            {"principalId", "roleDefinitionId", "principalType", "delegatedManagedIdentityResourceId"}
        ),
        naming="uuid",
    ),
    _type(
        "storage:StorageAccount",
        "Microsoft.Storage/storageAccounts/{accountName}",
        "2024-01-01",
        envelope=IDENTIFIED | {"sku", "kind", "extendedLocation"},
        renames=_STORAGE_RENAMES,
        create_only=frozenset({"isHnsEnabled", "enableNfsV3", "dnsEndpointType", "extendedLocation", "kind"}),
    ),
    _type(
        "storage:BlobServiceProperties",
        "Microsoft.Storage/storageAccounts/{accountName}/blobServices/{blobServicesName}",
        "2024-01-01",
        singleton=True,
        reset_on_delete=True,
        defaults={"blobServicesName": "default"},
    ),
    _type(
        "storage:BlobContainer",
        "Microsoft.Storage/storageAccounts/{accountName}/blobServices/default/containers/{containerName}",
        "2024-01-01",
        naming="copy",
    ),
    _type(
        "operationalinsights:Workspace",
        "Microsoft.OperationalInsights/workspaces/{workspaceName}",
        "2023-09-01",
        envelope=IDENTIFIED | {"etag"},
    ),
    _type(
        "applicationinsights:Component",
        "Microsoft.Insights/components/{resourceName}",
        "2020-02-02",
        envelope=TRACKED | {"kind", "etag"},
        renames=_COMPONENT_RENAMES,
    ),
    _type(
        "web:AppServicePlan",
        "Microsoft.Web/serverfarms/{name}",
        "2025-05-01",
        envelope=IDENTIFIED | {"sku", "kind", "extendedLocation"},
        create_only=frozenset({"reserved", "hyperV", "isXenon"}),
    ),
    _type(
        "web:WebApp",
        "Microsoft.Web/sites/{name}",
        "2025-05-01",
        envelope=IDENTIFIED | {"kind", "extendedLocation"},
    ),
    _type(
        "web:WebAppAuthSettingsV2",
        "Microsoft.Web/sites/{name}/config/authsettingsV2",
        "2021-02-01",
        envelope=frozenset({"kind"}),
        singleton=True,
    ),
    _type(
        "batch:BatchAccount",
        "Microsoft.Batch/batchAccounts/{accountName}",
        "2024-07-01",
        envelope=IDENTIFIED,
        create_only=frozenset({"poolAllocationMode"}),
    ),
    _type(
        "batch:Pool",
        "Microsoft.Batch/batchAccounts/{accountName}/pools/{poolName}",
        "2024-07-01",
        envelope=frozenset({"identity", "tags", "etag"}),
        create_only=frozenset({"vmSize", "deploymentConfiguration"}),
        naming="copy",
    ),
    _type(
        "databricks:AccessConnector",
        "Microsoft.Databricks/accessConnectors/{connectorName}",
        "2026-01-01",
        envelope=IDENTIFIED,
        flat=False,
    ),
    _type(
        "databricks:Workspace",
        "Microsoft.Databricks/workspaces/{workspaceName}",
        "2026-01-01",
        envelope=TRACKED | {"sku"},
        create_only=frozenset({"managedResourceGroupId", "computeMode"}),
    ),
    _type(
        "keyvault:Vault",
        "Microsoft.KeyVault/vaults/{vaultName}",
        "2024-11-01",
        envelope=TRACKED,
        flat=False,
        create_only=frozenset({"properties.tenantId"}),
    ),
    _type(
        "machinelearningservices:Workspace",
        _ML_WORKSPACE,
        "2025-12-01",
        envelope=IDENTIFIED | {"sku", "kind"},
        create_only=frozenset({"storageAccount", "keyVault", "kind", "hbiWorkspace"}),
    ),
    _type(
        "machinelearningservices:Compute",
        f"{_ML_WORKSPACE}/computes/{{computeName}}",
        "2025-12-01",
        envelope=IDENTIFIED | {"sku"},
        flat=False,
        create_only=frozenset(
            {"properties.computeType", "properties.properties.vmSize", "properties.properties.osType"}
        ),
        naming="copy",
    ),
    _type(
        "machinelearningservices:BatchEndpoint",
        f"{_ML_WORKSPACE}/batchEndpoints/{{endpointName}}",
        "2025-12-01",
        envelope=IDENTIFIED | {"sku", "kind"},
        flat=False,
        create_only=frozenset({"properties.authMode"}),
        naming="copy",
    ),
    _type(
        "datafactory:Factory",
        "Microsoft.DataFactory/factories/{factoryName}",
        "2018-06-01",
        envelope=IDENTIFIED | {"eTag"},
    ),
)
TYPES: Final[Mapping[str, AzureType]] = {type.token: type for type in _TYPES}


def lookup(token: str) -> AzureType:
    """The type of a token.

    Raises:
        ProviderError: it is not supported; the text names it.
    """
    type = TYPES.get(token)
    if type is None:
        raise ProviderError(
            f"The embedded engine's azure-native provider does not support '{token}'. "
            f"It supports: {', '.join(sorted(name.removeprefix(f'{PACKAGE}:') for name in TYPES))}."
        )
    return type
