"""What a person reads where signing in or reaching the cloud fails."""

from __future__ import annotations

from typing import Any

import pytest

from adfkit.engine.provider import ProviderError
from adfkit.local_azure.provider import AzureNativeProvider, arm_client
from adfkit.local_azure.provider.connection import connection

GROUP = "azure-native:resources:ResourceGroup"


def read() -> Any:
    provider = AzureNativeProvider()
    provider.configure({})
    return provider.read("urn", GROUP, "/subscriptions/ad0f0000-0000-4000-8000-000000000002/resourceGroups/x", {}, {})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"AZURE_CLIENT_SECRET": "wrong"}, r"^Signing in to Azure failed: .*AADSTS7000215: Invalid client secret"),
        ({"AZURE_CLIENT_ID": None}, r"^Signing in to Azure failed: no credential was found\. Set AZURE_TENANT_ID"),
        ({"AZURE_SUBSCRIPTION_ID": None}, r"^No subscription to deploy to: set azure-native:subscriptionId"),
    ],
)
def test_says_what_is_missing(
    local_azure: Any, monkeypatch: pytest.MonkeyPatch, change: dict[str, str | None], says: str
) -> None:
    assert read().id == ""
    for name, value in change.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    with pytest.raises(ProviderError, match=says):
        read()


def test_a_cloud_that_went_away(local_azure: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arm_client, "RETRIES", 0)
    provider = AzureNativeProvider()
    provider.configure({})
    id = "/subscriptions/ad0f0000-0000-4000-8000-000000000002/resourceGroups/x"
    assert provider.read("urn", GROUP, id, {}, {}).id == ""
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(ProviderError, match=r"https://management\.azure\.localhost/ cannot be reached \(.*refused\)"):
        provider.read("urn", GROUP, id, {}, {})


@pytest.mark.parametrize(
    ("environment", "resource_manager"),
    [("usgovernment", "https://management.usgovcloudapi.net/"), (None, "https://management.azure.com/")],
)
def test_azures_own_clouds(monkeypatch: pytest.MonkeyPatch, environment: str | None, resource_manager: str) -> None:
    for name in ("ARM_CLOUD_METADATA_URL", "ARM_METADATA_HOSTNAME", "AZURE_AUTHORITY_HOST", "ARM_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    config = {"subscriptionId": "s", "environment": environment}
    found = connection(config)
    assert (found.resource_manager, found.scope) == (resource_manager, f"{resource_manager}.default")
    with pytest.raises(ProviderError, match=r"^azure-native:environment is 'mars'; it is one of public, "):
        connection({**config, "environment": "mars"})
