"""The Azure cloud that is deployed to: its endpoints and audiences, from the cloud's own metadata document.

`ARM_CLOUD_METADATA_URL` names the document of a custom cloud, as it does for the official clients; without it, this is
the public cloud.
https://learn.microsoft.com/azure/azure-resource-manager/management/azure-resource-manager-metadata-endpoint
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import pulumi

PUBLIC: dict[str, Any] = {
    "name": "AzureCloud",
    "portal": "https://portal.azure.com",
    "resourceManager": "https://management.azure.com/",
    "authentication": {
        "loginEndpoint": "https://login.microsoftonline.com",
        "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
    },
    "logAnalyticsResourceId": "https://api.loganalytics.io",
    "suffixes": {"storage": "core.windows.net"},
}
WEB_SUFFIXES = {
    "AzureCloud": "azurewebsites.net",
    "AzureUSGovernment": "azurewebsites.us",
    "AzureChinaCloud": "chinacloudsites.cn",
}
BATCH_SUFFIXES = {
    "AzureCloud": "batch.azure.com",
    "AzureUSGovernment": "batch.usgovcloudapi.net",
    "AzureChinaCloud": "batch.chinacloudapi.cn",
}
"""Metadata documents do not tell where web apps and Batch accounts live."""
STORAGE = "https://storage.azure.com"
"""The audience of storage, the same in every cloud."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """Endpoints of one Azure cloud; URLs carry no trailing slash, suffixes no leading dot.

    Attributes:
        resource_manager: base URL for management clients.
        management_core: the resource manager's older audience, which Databricks wants to see.
        login: the authority that issues tokens.
        storage_suffix: blob endpoints are `https://<account>.blob.<storage_suffix>`.
        web_suffix: web apps are `https://<app>.<web_suffix>`.
        batch_suffix: Batch accounts are `https://<account>.<region>.<batch_suffix>`.
        machine_learning: the audience of Azure Machine Learning's own APIs, such as batch endpoints.
        log_analytics: base URL for queries of logs, and their audience.
    """

    resource_manager: str
    management_core: str
    login: str
    storage_suffix: str
    web_suffix: str
    batch_suffix: str
    machine_learning: str
    log_analytics: str

    @property
    def credential_scopes(self) -> list[str]:
        """The scopes to ask tokens of Azure Resource Manager for."""
        return [f"{self.resource_manager}/.default"]

    def blob_endpoint(self, account: str) -> str:
        """The blob endpoint of a storage account."""
        return self.storage_endpoint(account, "blob")

    def storage_endpoint(self, account: str, service: str) -> str:
        """The endpoint of one service of a storage account: blob, queue, table."""
        return f"https://{account}.{service}.{self.storage_suffix}"

    def lake_url(self, account: str, container: str) -> str:
        """The URL of a container for Hadoop's file systems."""
        return f"abfss://{container}@{account}.dfs.{self.storage_suffix}/"

    def web_host(self, app: str) -> str:
        """The host name of a web app."""
        return f"{app}.{self.web_suffix}"

    def scm_host(self, app: str) -> str:
        """The host name of a web app's deployment site."""
        return f"{app}.scm.{self.web_suffix}"

    def batch_account(self, account: str, location: str) -> str:
        """The URL of a Batch account's own API."""
        return f"https://{account}.{location}.{self.batch_suffix}"

    def batch_endpoint(self, endpoint: str, location: str) -> str:
        """The URL that invokes a batch endpoint."""
        return f"https://{endpoint}.{location}.inference.{urlsplit(self.machine_learning).netloc}/jobs"


def current() -> Cloud:
    """The cloud of this deployment.

    Raises:
        pulumi.RunError: the metadata document cannot be read.
    """
    url = os.environ.get("ARM_CLOUD_METADATA_URL")
    return from_metadata(_document(url) if url else PUBLIC)


def from_metadata(document: dict[str, Any]) -> Cloud:
    """The endpoints that a metadata document tells."""
    storage = document["suffixes"]["storage"]
    portal = urlsplit(document["portal"]).netloc
    audiences = document["authentication"].get("audiences", [])
    core = [audience for audience in audiences if ".core." in audience] or [document["resourceManager"]]
    return Cloud(
        resource_manager=document["resourceManager"].rstrip("/"),
        management_core=core[0],
        login=document["authentication"]["loginEndpoint"].rstrip("/"),
        storage_suffix=storage,
        web_suffix=WEB_SUFFIXES.get(document["name"], f"azurewebsites.{storage}"),
        batch_suffix=BATCH_SUFFIXES.get(document["name"], f"batch.{storage}"),
        # as azure-ai-ml derives it: what follows the portal's second label
        machine_learning=f"https://ml.azure.{portal.split('.', 2)[2]}",
        log_analytics=str(document.get("logAnalyticsResourceId") or PUBLIC["logAnalyticsResourceId"]).rstrip("/"),
    )


def _document(url: str) -> dict[str, Any]:
    try:
        response = httpx.get(url, timeout=30)
        response.raise_for_status()
        documents = response.json()
    except (httpx.HTTPError, ValueError) as error:
        raise pulumi.RunError(f"ARM_CLOUD_METADATA_URL: {url} cannot be read: {error}") from None
    if isinstance(documents, dict):
        return documents
    # a document may list several clouds; its own is the one whose resource manager served it, as azure-ai-ml decides
    for document in documents:
        if document["resourceManager"] in url:
            return document  # type: ignore[no-any-return]
    raise pulumi.RunError(f"ARM_CLOUD_METADATA_URL: no cloud at {url} has its resource manager in that URL")
