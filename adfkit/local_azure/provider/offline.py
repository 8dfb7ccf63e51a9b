"""The azure-native provider where no Azure is asked: for previews from nothing, of any stack, on any machine."""

from __future__ import annotations

from typing import Final

from adfkit.engine.properties import UNKNOWN
from adfkit.engine.provider import Properties, ProviderError
from adfkit.local_azure.provider.provider import CLIENT_CONFIG, AzureNativeProvider
from adfkit.local_azure.provider.types import AzureType

NOBODY: Final = "00000000-0000-0000-0000-000000000000"
"""Stands for the subscription, the tenant and who deploys, which only Azure could tell."""


class OfflineProvider(AzureNativeProvider):
    """Checks and previews; it can't deploy."""

    def _default_location(self, type: AzureType, inputs: Properties) -> object:
        return self._location or UNKNOWN

    def invoke(self, token: str, arguments: Properties) -> Properties:
        """Answer `authorization:getClientConfig` with nobody's ids.

        Raises:
            ProviderError: another function; the text names it.
        """
        if token != CLIENT_CONFIG:
            raise ProviderError(f"An offline preview does not support the function '{token}'.")
        return dict.fromkeys(("clientId", "objectId", "subscriptionId", "tenantId"), NOBODY)
