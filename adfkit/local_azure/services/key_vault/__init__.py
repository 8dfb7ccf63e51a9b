"""Key vaults, as resources; their secrets have no data plane here."""

from __future__ import annotations

from adfkit.local_azure.service import Service
from adfkit.local_azure.services.key_vault.types import RESOURCE_TYPES


class KeyVaultService(Service):
    """Microsoft.KeyVault."""

    resource_types = RESOURCE_TYPES


__all__ = ["KeyVaultService"]
