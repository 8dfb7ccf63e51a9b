"""The azure-native package's provider: maps its resources to Azure Resource Manager, of this or any Azure cloud."""

from __future__ import annotations

from adfkit.local_azure.provider.offline import OfflineProvider
from adfkit.local_azure.provider.provider import AzureNativeProvider

__all__ = ["AzureNativeProvider", "OfflineProvider"]
