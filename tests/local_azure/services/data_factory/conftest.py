"""A factory of a real local Azure, reached by azure-mgmt-datafactory as it is."""

from __future__ import annotations

import gzip
import io
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock
from uuid import uuid4

import jwt
import polars
import pytest
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.datafactory import DataFactoryManagementClient
from azure.mgmt.datafactory.models import ActivityRun, PipelineRun, RunFilterParameters
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import BlobServiceClient

from adfkit.local_azure import cloud
from tests.conftest import LocalAzure

GROUP = "data-factory-tests"
ARM = {"base_url": cloud.RESOURCE_MANAGER, "credential_scopes": [f"{cloud.RESOURCE_MANAGER}.default"]}

ACCOUNT = "factorytests"
SUBSCRIPTION = f"/subscriptions/{cloud.SUBSCRIPTION_ID}"
SCOPE = f"{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"
READER, CONTRIBUTOR = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
FILES = {
    "in/flights.csv": b'id,"name"\r\n1,"a, b"\r\n2,\r\n',
    "in/more.csv": b"id,name\n3,c\n",
    "in/deep/rows.json": b'{"id": 1, "tags": ["x"]}\n{"id": 2, "tags": []}\n',
    "in/deep/rows.json.gz": gzip.compress(b'[{"id": 7}]'),
}


class FactoryClient:
    """One factory, and short ways to what tests do with it."""

    def __init__(self, local_azure: LocalAzure, name: str) -> None:
        self.name = name
        self.client = DataFactoryManagementClient(local_azure.credential, cloud.SUBSCRIPTION_ID, **ARM)

    def put(self, kind: str, name: str, properties: dict[str, Any], **options: Any) -> Any:
        return getattr(self.client, kind).create_or_update(
            GROUP, self.name, name, {"properties": properties}, **options
        )

    def pipeline(self, name: str, *activities: dict[str, Any], **properties: Any) -> None:
        self.put("pipelines", name, {"activities": list(activities), **properties})

    def start(self, pipeline: str, **parameters: Any) -> str:
        return str(self.client.pipelines.create_run(GROUP, self.name, pipeline, parameters=parameters).run_id)

    def get(self, run_id: str) -> PipelineRun:
        return self.client.pipeline_runs.get(GROUP, self.name, run_id)

    def wait(self, run_id: str, seconds: float = 60) -> PipelineRun:
        end = time.monotonic() + seconds
        while (run := self.get(run_id)).status in ("Queued", "InProgress", "Canceling"):
            assert time.monotonic() < end, f"run {run_id} is {run.status} after {seconds} seconds"
            time.sleep(0.05)
        return run

    def run(self, pipeline: str, **parameters: Any) -> PipelineRun:
        return self.wait(self.start(pipeline, **parameters))

    def window(self, **options: Any) -> RunFilterParameters:
        now, day = datetime.now(UTC), timedelta(days=1)
        return RunFilterParameters(last_updated_after=now - day, last_updated_before=now + day, **options)

    def activities(self, run: PipelineRun) -> dict[str, ActivityRun]:
        found = self.client.activity_runs.query_by_pipeline_run(GROUP, self.name, str(run.run_id), self.window())
        return {str(activity.activity_name): activity for activity in found.value}


@pytest.fixture
def group(local_azure: LocalAzure) -> str:
    resources = ResourceManagementClient(local_azure.credential, cloud.SUBSCRIPTION_ID, **ARM)
    resources.resource_groups.create_or_update(GROUP, {"location": "westeurope"})
    return GROUP


@pytest.fixture
def factory(local_azure: LocalAzure, group: str) -> Iterator[FactoryClient]:
    factory = FactoryClient(local_azure, f"factory-{uuid4().hex[:8]}")
    identity = {"type": "SystemAssigned"}
    factory.client.factories.create_or_update(group, factory.name, {"location": "westeurope", "identity": identity})
    yield factory
    factory.client.factories.delete(group, factory.name)


@pytest.fixture(scope="session")
def account(local_azure_session: LocalAzure) -> None:
    """The account with its files; made once."""
    with mock.patch.dict("os.environ", local_azure_session.environment):
        credential = local_azure_session.credential
        resources = ResourceManagementClient(credential, cloud.SUBSCRIPTION_ID, **ARM)
        resources.resource_groups.create_or_update(GROUP, {"location": "westeurope"})
        storage = StorageManagementClient(credential, cloud.SUBSCRIPTION_ID, **ARM)
        body = {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "location": "westeurope", "properties": {}}
        storage.storage_accounts.begin_create(GROUP, ACCOUNT, body).result()
        storage.blob_containers.create(GROUP, ACCOUNT, "landing", {})
        token = credential.get_token(f"{cloud.RESOURCE_MANAGER}.default").token
        assign(local_azure_session, _object_id(token), CONTRIBUTOR)
        blobs = BlobServiceClient(f"https://{ACCOUNT}.blob.{cloud.SUFFIX}", credential).get_container_client("landing")
        buffer = io.BytesIO()
        polars.DataFrame({"id": [1, 2], "at": [None, "2013-01-01"]}).write_parquet(buffer)
        for name, content in {**FILES, "in/rows.parquet": buffer.getvalue()}.items():
            blobs.upload_blob(name, content)


def _object_id(token: str) -> str:
    return str(jwt.decode(token, options={"verify_signature": False})["oid"])


def assign(local_azure: LocalAzure, principal_id: str, role: str) -> None:
    client = AuthorizationManagementClient(local_azure.credential, cloud.SUBSCRIPTION_ID, **ARM)
    definition = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    properties = {"roleDefinitionId": definition, "principalId": principal_id, "principalType": "ServicePrincipal"}
    client.role_assignments.create(SCOPE, str(uuid4()), {"properties": properties})


@pytest.fixture
def lake(local_azure: LocalAzure, account: None, factory: FactoryClient) -> Iterator[FactoryClient]:
    """A factory that may read the account, with a linked service and datasets whose parameters name the file."""
    identity = factory.client.factories.get(GROUP, factory.name).identity
    assert identity
    assign(local_azure, str(identity.principal_id), READER)
    define(factory)
    yield factory


def define(factory: FactoryClient) -> None:
    endpoint = "@concat('https://', linkedService().account, '.blob.azure.localhost/')"
    factory.put(
        "linked_services",
        "lake",
        {
            "type": "AzureBlobStorage",
            "parameters": {"account": {"type": "String"}},
            "typeProperties": {"serviceEndpoint": endpoint, "accountKind": "StorageV2"},
        },
    )
    for name, kind, properties in (
        ("binary", "Binary", {}),
        ("csv", "DelimitedText", {"columnDelimiter": ",", "quoteChar": '"', "firstRowAsHeader": True, "nullValue": ""}),
        ("json", "Json", {}),
        ("json_gz", "Json", {"compressionCodec": "gzip"}),
        ("parquet", "Parquet", {"compressionCodec": "snappy"}),
    ):
        factory.put("datasets", name, dataset(kind, properties))


def dataset(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    location = {
        "type": "AzureBlobStorageLocation",
        "container": "@dataset().container",
        "folderPath": {"value": "@dataset().folder", "type": "Expression"},
        "fileName": "@{dataset().file}",
    }
    account = {"account": ACCOUNT}
    return {
        "type": kind,
        "linkedServiceName": {"referenceName": "lake", "type": "LinkedServiceReference", "parameters": account},
        "parameters": {
            "container": {"type": "string", "defaultValue": "landing"},
            "folder": {"type": "string"},
            "file": {"type": "string", "defaultValue": ""},
        },
        "typeProperties": {"location": location, **properties},
    }


def on(name: str, **parameters: Any) -> dict[str, Any]:
    return {"referenceName": name, "type": "DatasetReference", "parameters": parameters}


def run_one(factory: FactoryClient, kind: str, properties: dict[str, Any]) -> ActivityRun:
    factory.pipeline("P", {"name": "A", "type": kind, "typeProperties": properties})
    return factory.activities(factory.run("P"))["A"]
