"""Which Azure is deployed to, and as whom: from the provider's configuration, else from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError as AzureCoreError
from azure.core.pipeline.policies import RetryPolicy
from azure.core.rest import HttpRequest
from azure.identity import ClientSecretCredential, DefaultAzureCredential
from azure.mgmt.core import ARMPipelineClient

from adfkit.engine.provider import ProviderError

RETRIES: Final = 4
ENVIRONMENTS: Final = {
    "public": ("https://management.azure.com/", "https://login.microsoftonline.com/"),
    "usgovernment": ("https://management.usgovcloudapi.net/", "https://login.microsoftonline.us/"),
    "china": ("https://management.chinacloudapi.cn/", "https://login.chinacloudapi.cn/"),
}
"""Azure's own clouds, by the names that azure-native takes: resource manager and authority."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One Azure and who deploys to it. Empty credentials leave that to DefaultAzureCredential."""

    resource_manager: str
    login: str
    subscription_id: str
    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = ""

    @property
    def scope(self) -> str:
        """The scope to ask tokens for."""
        return f"{self.resource_manager.rstrip('/')}/.default"

    def credential(self) -> TokenCredential:
        """The credential that the configuration names, else that of the environment."""
        if self.client_id and self.client_secret and self.tenant_id:
            return ClientSecretCredential(self.tenant_id, self.client_id, self.client_secret, authority=self.login)
        return DefaultAzureCredential(authority=self.login)


def connection(config: Mapping[str, Any]) -> Connection:
    """What the configuration and the environment say.

    Raises:
        ProviderError: no subscription is named, the environment is none, or the cloud's metadata document cannot be
            read.
    """
    subscription = _first(config, "subscriptionId", "ARM_SUBSCRIPTION_ID", "AZURE_SUBSCRIPTION_ID")
    if not subscription:
        raise ProviderError(
            "No subscription to deploy to: set azure-native:subscriptionId, ARM_SUBSCRIPTION_ID or "
            "AZURE_SUBSCRIPTION_ID (`adfkit local env` prints it for local Azure)."
        )
    resource_manager, login = _cloud(config)
    return Connection(
        resource_manager=resource_manager,
        login=os.environ.get("AZURE_AUTHORITY_HOST") or login,
        subscription_id=subscription,
        tenant_id=_first(config, "tenantId", "ARM_TENANT_ID"),
        client_id=_first(config, "clientId", "ARM_CLIENT_ID"),
        client_secret=_first(config, "clientSecret", "ARM_CLIENT_SECRET"),
    )


def _first(config: Mapping[str, Any], key: str, *variables: str) -> str:
    value = config.get(key)
    return str(value) if value else next((os.environ[name] for name in variables if os.environ.get(name)), "")


def _cloud(config: Mapping[str, Any]) -> tuple[str, str]:
    """Resource manager and authority: of the metadata document where one is named, else of one of Azure's clouds."""
    host = _first(config, "metadataHost", "ARM_METADATA_HOSTNAME")
    url = os.environ.get("ARM_CLOUD_METADATA_URL") or (
        f"https://{host}/metadata/endpoints?api-version=2019-05-01" if host else ""
    )
    if url:
        return _from_metadata(url)
    name = _first(config, "environment", "ARM_ENVIRONMENT") or "public"
    if name not in ENVIRONMENTS:
        raise ProviderError(
            f"azure-native:environment is '{name}'; it is one of {', '.join(ENVIRONMENTS)}. "
            "For another cloud, set azure-native:metadataHost."
        )
    return ENVIRONMENTS[name]


def _from_metadata(url: str) -> tuple[str, str]:
    client: ARMPipelineClient[Any, Any] = ARMPipelineClient(base_url=url, policies=[RetryPolicy(retry_total=RETRIES)])
    try:
        with client:
            response = client.send_request(HttpRequest("GET", url))
            response.raise_for_status()
            documents = response.json()
    except (AzureCoreError, ValueError) as error:
        raise ProviderError(
            f"The cloud's metadata document {url} cannot be read: {error}. Check ARM_CLOUD_METADATA_URL and "
            "HTTPS_PROXY; local Azure must be running (`adfkit local start`)."
        ) from error
    # a document may list several clouds; its own is the one whose resource manager serves it
    for document in documents if isinstance(documents, list) else [documents]:
        if str(document["resourceManager"]).rstrip("/") in url:
            return str(document["resourceManager"]), str(document["authentication"]["loginEndpoint"])
    raise ProviderError(f"The cloud's metadata document {url} has no cloud whose resource manager serves it.")
