"""GetMetadata, Lookup and Delete on a real storage account, with the factory's identity and its roles."""

from __future__ import annotations

from typing import Any

import pytest
from azure.mgmt.datafactory.models import ActivityRun
from azure.storage.blob import BlobServiceClient

from adfkit.local_azure import cloud
from tests.conftest import LocalAzure

from .conftest import ACCOUNT, CONTRIBUTOR, GROUP, FactoryClient, assign, define, on, run_one


def metadata(factory: FactoryClient, reference: dict[str, Any], *fields: str) -> ActivityRun:
    return run_one(factory, "GetMetadata", {"dataset": reference, "fieldList": list(fields)})


def without_runtime(output: dict[str, Any]) -> dict[str, Any]:
    common = ("effectiveIntegrationRuntime", "executionDuration", "durationInQueue")
    assert set(common) <= output.keys()
    return {key: value for key, value in output.items() if key not in common}


def test_metadata_of_a_file(lake: FactoryClient) -> None:
    fields = ("exists", "itemName", "itemType", "size", "lastModified")
    found = metadata(lake, on("binary", folder="in", file="more.csv"), *fields)
    output = without_runtime(found.output)
    assert output.pop("lastModified").endswith("Z")
    assert output == {"exists": True, "itemName": "more.csv", "itemType": "File", "size": 12}


def test_metadata_of_a_folder(lake: FactoryClient) -> None:
    found = metadata(lake, on("binary", folder="in"), "exists", "itemName", "itemType", "childItems")
    assert without_runtime(found.output) == {
        "exists": True,
        "itemName": "in",
        "itemType": "Folder",
        "childItems": [
            {"name": "deep", "type": "Folder"},
            {"name": "flights.csv", "type": "File"},
            {"name": "more.csv", "type": "File"},
            {"name": "rows.parquet", "type": "File"},
        ],
    }


@pytest.mark.parametrize(
    "place", [{"folder": "in", "file": "gone.csv"}, {"folder": "gone"}, {"container": "gone", "folder": "in"}]
)
def test_metadata_of_what_is_not_there(lake: FactoryClient, place: dict[str, str]) -> None:
    assert without_runtime(metadata(lake, on("binary", **place), "exists").output) == {"exists": False}
    failed = metadata(lake, on("binary", **place), "itemName")
    assert failed.error["errorCode"] == "2011"
    assert failed.error["message"].startswith("The required Blob is missing. ContainerName: ")


def test_a_missing_role_fails_with_the_code_of_storage_and_says_whose(
    local_azure: LocalAzure, account: None, factory: FactoryClient
) -> None:
    define(factory)
    identity = factory.client.factories.get(GROUP, factory.name).identity
    assert identity
    for place in ({"folder": "in", "file": "more.csv"}, {"folder": "in"}):
        error = metadata(factory, on("binary", **place), "exists").error
        assert error["errorCode"] == "2011"
        for part in (
            "AuthorizationPermissionMismatch",
            f"'{factory.name}' (object id {identity.principal_id})",
            f"https://{ACCOUNT}.blob.azure.localhost/landing",
        ):
            assert part in error["message"]
        assert error["details"][0]["code"] == "AuthorizationPermissionMismatch"


@pytest.mark.parametrize(
    ("name", "file", "structure"),
    [
        ("csv", "flights.csv", [{"name": "id", "type": "String"}, {"name": "name", "type": "String"}]),
        ("parquet", "rows.parquet", [{"name": "id", "type": "Int64"}, {"name": "at", "type": "String"}]),
    ],
)
def test_metadata_of_columns(lake: FactoryClient, name: str, file: str, structure: list[Any]) -> None:
    found = metadata(lake, on(name, folder="in", file=file), "structure", "columnCount", "contentMD5")
    output = without_runtime(found.output)
    assert output.pop("contentMD5")
    assert output == {"structure": structure, "columnCount": 2}


def test_metadata_that_a_dataset_does_not_have(lake: FactoryClient) -> None:
    columns = metadata(lake, on("json", folder="in/deep", file="rows.json"), "structure")
    assert columns.error["message"] == "The field 'structure' is not supported for Json files."
    nothing = metadata(lake, on("binary", folder="in"), "childItems", "flavour")
    assert nothing.error["message"] == "Local Azure does not support the field 'flavour' of GetMetadata."


def test_metadata_of_what_changed_in_a_time(lake: FactoryClient) -> None:
    settings = {"type": "AzureBlobStorageReadSettings", "modifiedDatetimeEnd": "2001-01-01T00:00:00Z"}
    properties = {"dataset": on("binary", folder="in"), "fieldList": ["childItems"], "storeSettings": settings}
    found = run_one(lake, "GetMetadata", properties)
    assert without_runtime(found.output) == {"childItems": [{"name": "deep", "type": "Folder"}]}


VALID: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({"folder": "in", "file": "more.csv"}, {"minimumSize": 12}),
    ({"folder": "in"}, {"childItems": True}),
]


@pytest.mark.parametrize(("place", "properties"), VALID)
def test_validation_of_what_is_there(lake: FactoryClient, place: dict[str, str], properties: dict[str, Any]) -> None:
    found = run_one(lake, "Validation", {"dataset": on("binary", **place), "timeout": "0.00:01:00", **properties})
    assert (found.status, found.output["exists"]) == ("Succeeded", True)
    assert found.output["itemName"] == place.get("file", "in")


@pytest.mark.parametrize(
    ("place", "properties"),
    [
        ({"folder": "in", "file": "more.csv"}, {"minimumSize": 13}),
        ({"folder": "in", "file": "gone.csv"}, {}),
        ({"folder": "in"}, {"childItems": False}),
    ],
)
def test_validation_times_out(lake: FactoryClient, place: dict[str, str], properties: dict[str, Any]) -> None:
    wanted = {"dataset": on("binary", **place), "timeout": "0.00:00:01", "sleep": 1, **properties}
    found = run_one(lake, "Validation", wanted)
    assert (found.status, found.error["errorCode"]) == ("TimedOut", "ActivityTimedOut")


def test_validation_waits(lake: FactoryClient, local_azure: LocalAzure) -> None:
    wanted = {"dataset": on("binary", folder="late", file="a.txt"), "timeout": "0.00:01:00", "sleep": 1}
    lake.pipeline("P", {"name": "A", "type": "Validation", "typeProperties": wanted})
    run_id = lake.start("P")
    blobs = BlobServiceClient(f"https://{ACCOUNT}.blob.{cloud.SUFFIX}", local_azure.credential)
    while not lake.activities(lake.get(run_id)):  # it has looked for the file, or is about to
        pass
    blobs.get_container_client("landing").upload_blob("late/a.txt", b"x", overwrite=True)
    run = lake.wait(run_id)
    assert run.status == "Succeeded"
    assert lake.activities(run)["A"].output["size"] == 1


LOOKUPS = [
    ("csv", {"file": "flights.csv"}, {}, [{"id": "1", "name": "a, b"}, {"id": "2", "name": None}]),
    ("csv", {}, {"wildcardFolderPath": "in", "wildcardFileName": "m*.csv"}, [{"id": "3", "name": "c"}]),
    ("json", {"folder": "in/deep", "file": "rows.json"}, {}, [{"id": 1, "tags": ["x"]}, {"id": 2, "tags": []}]),
    ("json_gz", {"folder": "in/deep", "file": "rows.json.gz"}, {}, [{"id": 7}]),
    ("parquet", {"file": "rows.parquet"}, {}, [{"id": 1, "at": None}, {"id": 2, "at": "2013-01-01"}]),
    (
        "csv",
        {},
        {"wildcardFileName": "*.csv"},
        [{"id": "1", "name": "a, b"}, {"id": "2", "name": None}, {"id": "3", "name": "c"}],
    ),
]


@pytest.mark.parametrize(("name", "place", "settings", "rows"), LOOKUPS)
def test_lookup_of_all_rows(
    lake: FactoryClient, name: str, place: dict[str, str], settings: dict[str, Any], rows: list[Any]
) -> None:
    source = {"type": "Source", "storeSettings": {"type": "AzureBlobStorageReadSettings", **settings}}
    reference = on(name, **{"folder": "in", **place})
    found = run_one(lake, "Lookup", {"source": source, "dataset": reference, "firstRowOnly": False})
    assert without_runtime(found.output) == {"count": len(rows), "value": rows}


def test_lookup_of_the_first_row(lake: FactoryClient) -> None:
    reference = on("csv", folder="in", file="flights.csv")
    found = run_one(lake, "Lookup", {"source": {"type": "DelimitedTextSource"}, "dataset": reference})
    assert without_runtime(found.output) == {"firstRow": {"id": "1", "name": "a, b"}}


def test_lookup_takes_at_most_5000_rows(lake: FactoryClient, local_azure: LocalAzure) -> None:
    blobs = BlobServiceClient(f"https://{ACCOUNT}.blob.{cloud.SUFFIX}", local_azure.credential)
    container = blobs.get_container_client("landing")
    for name, width in (("short", 1), ("long", 1000)):
        rows = b"".join(b"%d,%s\n" % (number, b"x" * width) for number in range(5001))
        container.upload_blob(f"rows/{name}.csv", b"id,name\n" + rows, overwrite=True)
    source = {"type": "DelimitedTextSource"}
    properties = {"source": source, "firstRowOnly": False, "dataset": on("csv", folder="rows", file="short.csv")}
    found = run_one(lake, "Lookup", properties)
    assert (found.output["count"], found.output["value"][-1]["id"]) == (5000, "4999")
    properties["dataset"] = on("csv", folder="rows", file="long.csv")
    found = run_one(lake, "Lookup", properties)
    assert found.error["errorCode"] == "2001"
    assert found.error["message"].startswith("The length of execution output is over limit (around 4 MB currently)")


def test_lookup_of_a_wildcard_that_nothing_matches(lake: FactoryClient) -> None:
    settings = {"type": "AzureBlobStorageReadSettings", "wildcardFileName": "*.gone"}
    source = {"type": "DelimitedTextSource", "storeSettings": settings}
    found = run_one(lake, "Lookup", {"source": source, "dataset": on("csv", folder="in")})
    assert found.error["errorCode"] == "2100"
    assert found.error["message"].startswith("ErrorCode=UserErrorSourceBlobNotExist")


def test_lookup_of_what_is_no_such_file(lake: FactoryClient) -> None:
    reference = on("parquet", folder="in", file="more.csv")
    found = run_one(lake, "Lookup", {"source": {"type": "ParquetSource"}, "dataset": reference})
    assert found.error["errorCode"] == "2100"
    assert found.error["message"].startswith("The file of dataset 'parquet' cannot be read as Parquet: ")


def test_delete_removes_what_is_named(lake: FactoryClient, local_azure: LocalAzure) -> None:
    identity = lake.client.factories.get(GROUP, lake.name).identity
    assert identity
    blobs = BlobServiceClient(f"https://{ACCOUNT}.blob.{cloud.SUFFIX}", local_azure.credential)
    container = blobs.get_container_client("landing")
    for name in ("old/a.txt", "old/b.txt", "old/deep/c.txt"):
        container.upload_blob(name, b"x")
    refused = run_one(lake, "Delete", {"dataset": on("binary", folder="old")})
    assert "AuthorizationPermissionMismatch" in refused.error["message"]
    assign(local_azure, str(identity.principal_id), CONTRIBUTOR)
    flat = run_one(lake, "Delete", {"dataset": on("binary", folder="old")})
    assert flat.output["filesDeleted"] == 2
    settings = {"type": "AzureBlobStorageReadSettings", "recursive": True}
    deep = run_one(lake, "Delete", {"dataset": on("binary", folder="old"), "storeSettings": settings})
    assert (deep.output["filesDeleted"], deep.output["isWildcardUsed"]) == (1, False)
    assert [blob.name for blob in container.list_blobs(name_starts_with="old/")] == []
