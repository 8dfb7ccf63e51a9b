"""ARCHITECTURE's table of clients is true: each asks for the audience that it says, and gets an answer with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential

from adfkit.local_azure.cloud import RESOURCE_MANAGER, SUBSCRIPTION_ID
from tests.conftest import LocalAzure

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
TABLE = Path(__file__).parent.parent / "ARCHITECTURE.md"
SCOPES = [RESOURCE_MANAGER.rstrip("/") + "/.default"]


@dataclass
class Recording:
    """DefaultAzureCredential, with a note of each scope that a client asks for."""

    inner: DefaultAzureCredential
    audiences: set[str] = field(default_factory=set)

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self._note(*scopes)
        return self.inner.get_token(*scopes, **options)

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        self._note(*scopes)
        return self.inner.get_token_info(*scopes, options=options)

    def _note(self, *scopes: str) -> None:
        self.audiences.update(scope.removesuffix("/.default").rstrip("/") for scope in scopes)


def data_factory(credential: Any) -> None:
    from azure.mgmt.datafactory import DataFactoryManagementClient

    client = DataFactoryManagementClient(
        credential, SUBSCRIPTION_ID, base_url=RESOURCE_MANAGER, credential_scopes=SCOPES
    )
    list(client.factories.list())


def storage_management(credential: Any) -> None:
    from azure.mgmt.storage import StorageManagementClient

    client = StorageManagementClient(credential, SUBSCRIPTION_ID, base_url=RESOURCE_MANAGER, credential_scopes=SCOPES)
    list(client.storage_accounts.list())


def machine_learning(credential: Any) -> None:
    from azure.ai.ml import MLClient

    client = MLClient(credential, SUBSCRIPTION_ID, "absent")
    with pytest.raises(ResourceNotFoundError):
        client.workspaces.get("absent")


def blobs(credential: Any) -> None:
    from azure.storage.blob import BlobServiceClient

    client = BlobServiceClient("https://absent.blob.azure.localhost", credential=credential)
    with pytest.raises(ResourceNotFoundError):
        client.get_service_properties()


def batch(credential: Any) -> None:
    from azure.batch import BatchClient

    client = BatchClient("https://absent.westeurope.batch.azure.localhost", credential)
    with client, pytest.raises(HttpResponseError) as refused:
        client.get_pool("absent")
    assert refused.value.status_code == 404


def queues(credential: Any) -> None:
    from azure.storage.queue import QueueServiceClient

    client = QueueServiceClient("https://absent.queue.azure.localhost", credential=credential)
    with pytest.raises(ResourceNotFoundError):
        client.get_service_properties()


def data_lake(credential: Any) -> None:
    from azure.storage.filedatalake import FileSystemClient

    client = FileSystemClient("https://absent.dfs.azure.localhost", "absent", credential=credential)
    with pytest.raises(ResourceNotFoundError):
        list(client.get_paths())


def databricks(credential: Any) -> None:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.core import Config
    from databricks.sdk.errors import NotFound

    token = credential.get_token("2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default").token
    config = Config(host="https://adb-1.1.azuredatabricks.azure.localhost", token=token, retry_timeout_seconds=1)
    with pytest.raises(NotFound, match="no Databricks workspace"):
        WorkspaceClient(config=config).current_user.me()


def logs(credential: Any) -> None:
    from azure.monitor.query import LogsQueryClient

    with (
        LogsQueryClient(credential, endpoint="https://api.loganalytics.azure.localhost") as client,
        pytest.raises(HttpResponseError, match="WorkspaceNotFoundError"),
    ):
        client.query_workspace("absent", "AppTraces", timespan=None)


CLIENTS: dict[str, Callable[[Any], None]] = {
    "azure-mgmt-datafactory": data_factory,
    "azure-mgmt-storage": storage_management,
    "azure-ai-ml": machine_learning,
    "azure-batch": batch,
    "azure-storage-blob": blobs,
    "azure-storage-queue": queues,
    "azure-storage-file-datalake": data_lake,
    "databricks-sdk": databricks,
    "azure-monitor-query": logs,
}


def documented(client: str) -> set[str]:
    """The audiences of a client's row in ARCHITECTURE."""
    row = next(line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {client}"))
    return {url.rstrip("/") for url in re.findall(r"`([^`]+)`", row.split("|")[3])}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_asks_for_the_audience_that_the_table_says(client: str, local_azure: LocalAzure) -> None:
    credential = Recording(DefaultAzureCredential())
    CLIENTS[client](credential)
    assert credential.audiences
    assert credential.audiences <= documented(client)
