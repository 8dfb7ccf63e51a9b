"""Microsoft.KeyVault: https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults"""

from __future__ import annotations

import re
from typing import Final

from adfkit.local_azure import cloud
from adfkit.local_azure.arm import values
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.resource_id import parse
from adfkit.local_azure.service import ArmRequest, Json, ResourceType

VAULTS: Final = "Microsoft.KeyVault/vaults"
NAME: Final = re.compile(r"(?!.*--)[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]")


def name_not_valid(name: str) -> AzureError:
    """400 `VaultNameNotValid`."""
    return AzureError(
        400,
        "VaultNameNotValid",
        f"The vault name '{name}' is invalid. A vault's name must be between 3-24 alphanumeric characters. The name "
        "must begin with a letter, end with a letter or digit, and not contain consecutive hyphens.",
    )


def already_exists(name: str) -> AzureError:
    """409 `VaultAlreadyExists`."""
    return AzureError(
        409,
        "VaultAlreadyExists",
        f"The vault name '{name}' is already in use. Vault names are globally unique so it is possible that the name "
        "is already taken.",
    )


def bad_request(reason: str) -> AzureError:
    """400 `BadRequest`."""
    return AzureError(400, "BadRequest", f"The request is invalid: {reason}.")


async def put_vault(request: ArmRequest) -> Json:
    """Check tenant, SKU, retention and how access is granted; the name is unique in all of the cloud."""
    body = request.body
    for vault in request.platform.resources.of_type(VAULTS):
        if vault.name.lower() == request.id.name.lower() and parse(vault.id).key != request.id.key:
            raise already_exists(request.id.name)
    tenant = str(values.required(body, "properties.tenantId", bad_request))
    if tenant.lower() != cloud.HOME_TENANT_ID:
        raise bad_request(
            f"'properties.tenantId' is '{tenant}', which is not the subscription's {cloud.HOME_TENANT_ID}"
        )
    family = values.one_of(body, "properties.sku.family", ("A",), bad_request)
    sku = values.one_of(body, "properties.sku.name", ("standard", "premium"), bad_request)
    if family is None or sku is None:
        raise bad_request("'properties.sku' needs 'family' and 'name'")
    values.between(body, "properties.softDeleteRetentionInDays", 7, 90, bad_request)
    properties = body["properties"]
    if not properties.get("enableRbacAuthorization") and properties.get("accessPolicies") is None:
        raise bad_request("'properties.accessPolicies' is required without 'enableRbacAuthorization'")
    if properties.get("enableSoftDelete") is False:
        raise bad_request("'properties.enableSoftDelete' cannot be false: soft delete is on for every vault")
    before = request.existing.properties if request.existing else {}
    if before.get("enablePurgeProtection") and properties.get("enablePurgeProtection") is False:
        raise bad_request("'properties.enablePurgeProtection' cannot be set to false once it is true")
    stored = {
        "accessPolicies": [],
        "enabledForDeployment": False,
        "softDeleteRetentionInDays": 90,
        "publicNetworkAccess": "Enabled",
        **properties,
        "enableSoftDelete": True,
        "sku": {"family": family, "name": sku},
        "vaultUri": f"https://{cloud.host(request.id.name.lower(), 'vault')}/",
        "provisioningState": "Succeeded",
    }
    return {**body, "properties": stored}


RESOURCE_TYPES: Final = (
    ResourceType(
        name=VAULTS,
        api_versions=frozenset({"2021-10-01", "2022-07-01", "2023-02-01", "2023-07-01", "2024-11-01", "2025-05-01"}),
        name_pattern=NAME,
        invalid_name=name_not_valid,
        put=put_vault,
        created_status=200,
        create_only=("properties.tenantId",),
    ),
)
