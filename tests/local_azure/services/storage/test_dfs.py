"""Data Lake by azure-storage-file-datalake, unmodified, beside azure-storage-blob on the same data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import ContainerClient
from azure.storage.filedatalake import FileSystemClient

from adfkit.local_azure.cloud import SUBSCRIPTION_ID
from adfkit.local_azure.services.storage.events import BlobEvents
from adfkit.local_azure.store import Store
from tests.conftest import LocalAzure
from tests.local_azure.services.storage.test_blobs import ARM, _object_id, _role

GROUP = "lakes"
URL = "https://laketests.dfs.azure.localhost"
ACCOUNT = (
    f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{GROUP}/providers/Microsoft.Storage/storageAccounts/laketests"
)


@pytest.fixture
def unassigned(local_azure: LocalAzure) -> Iterator[FileSystemClient]:
    """A file system of an account with a hierarchical namespace, for one who has no data role yet."""
    with ResourceManagementClient(local_azure.credential, SUBSCRIPTION_ID, **ARM) as resources:
        resources.resource_groups.create_or_update(GROUP, {"location": "westeurope"})
    name = f"lake{uuid4().hex[:8]}"
    parameters: Any = {
        "location": "westeurope",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "properties": {"isHnsEnabled": True},
    }
    with StorageManagementClient(local_azure.credential, SUBSCRIPTION_ID, **ARM) as storage:
        storage.storage_accounts.begin_create(GROUP, "laketests", parameters).result()
        storage.blob_containers.create(GROUP, "laketests", name, {})
    with FileSystemClient(URL, name, credential=local_azure.credential) as client:
        yield client


@pytest.fixture
def lake(local_azure: LocalAzure, unassigned: FileSystemClient) -> Iterator[FileSystemClient]:
    """The file system, with the right to write there."""
    name = str(uuid4())
    body: Any = {
        "properties": {
            "principalId": _object_id(local_azure),
            "principalType": "ServicePrincipal",
            "roleDefinitionId": _role("Storage Blob Data Contributor"),
        }
    }
    with AuthorizationManagementClient(local_azure.credential, SUBSCRIPTION_ID, **ARM) as client:
        client.role_assignments.create(ACCOUNT, name, body)
        yield unassigned
        client.role_assignments.delete(ACCOUNT, name)


@pytest.fixture
def blobs(local_azure: LocalAzure, lake: FileSystemClient) -> Iterator[ContainerClient]:
    """The same data by the blob API."""
    url = URL.replace(".dfs.", ".blob.")
    with ContainerClient(url, lake.file_system_name, credential=local_azure.credential) as client:
        yield client


def _code(error: HttpResponseError) -> str:
    code = error.error_code  # type: ignore[attr-defined]
    return str(getattr(code, "value", code))


def test_what_is_appended_and_flushed_is_read(lake: FileSystemClient, blobs: ContainerClient) -> None:
    file = lake.get_file_client("a/b/Ümläut +%.txt")
    file.create_file(metadata={"made": "here"})
    file.append_data(b"01234", 0)
    file.append_data(b"56789", 5)
    assert file.get_file_properties().size == 0
    file.flush_data(10)
    file.append_data(b"abc", 10, flush=True)
    assert file.download_file().readall() == b"0123456789abc"
    assert file.download_file(offset=3, length=4).readall() == b"3456"
    assert file.get_file_properties().metadata == {"made": "here"}
    assert blobs.download_blob("a/b/Ümläut +%.txt").readall() == b"0123456789abc"
    with pytest.raises(HttpResponseError) as caught:
        file.flush_data(20)
    assert _code(caught.value) == "InvalidFlushPosition"


def test_what_the_blob_api_wrote_can_be_appended_to(lake: FileSystemClient, blobs: ContainerClient) -> None:
    blobs.upload_blob("up/file", b"blob ")
    file = lake.get_file_client("up/file")
    file.append_data(b"and lake", 5)
    file.flush_data(13)
    assert blobs.download_blob("up/file").readall() == b"blob and lake"
    assert [(path.name, path.is_directory) for path in lake.get_paths()] == [("up", True), ("up/file", False)]
    file.upload_data(os.urandom(100_000), overwrite=True, chunk_size=30_000)
    assert file.get_file_properties().size == 100_000


def test_directories_are_there_for_both_apis(lake: FileSystemClient, blobs: ContainerClient) -> None:
    directory = lake.create_directory("x/y")
    directory.create_file("f")
    assert directory.get_directory_properties().metadata.get("hdi_isfolder") == "true"
    assert {blob.name for blob in blobs.list_blobs()} == {"x", "x/y", "x/y/f"}
    assert [path.name for path in lake.get_paths(recursive=False)] == ["x"]
    assert [path.name for path in lake.get_paths("x", max_results=1)] == ["x/y", "x/y/f"]
    assert directory.get_access_control()["owner"] == "$superuser"


def test_renames_move_all_that_is_below(lake: FileSystemClient) -> None:
    lake.create_directory("old/deep")
    lake.get_file_client("old/deep/f").upload_data(b"1")
    moved = lake.get_directory_client("old").rename_directory(f"{lake.file_system_name}/new")
    assert [path.name for path in lake.get_paths()] == ["new", "new/deep", "new/deep/f"]
    assert lake.get_file_client("new/deep/f").download_file().readall() == b"1"
    with pytest.raises(HttpResponseError) as caught:
        moved.rename_directory(f"{lake.file_system_name}/new/below")
    assert _code(caught.value) == "InvalidRenameSourcePath"
    with pytest.raises(ResourceNotFoundError) as missing:
        moved.rename_directory(f"{lake.file_system_name}/nowhere/new")
    assert _code(missing.value) == "RenameDestinationParentPathNotFound"
    moved.delete_directory()
    assert list(lake.get_paths()) == []


def test_conditions_are_checked_on_both_ends_of_a_rename(lake: FileSystemClient) -> None:
    unmodified = MatchConditions.IfNotModified
    file = lake.get_file_client("one")
    file.upload_data(b"1")
    lake.get_file_client("two").upload_data(b"2")
    etag = file.get_file_properties().etag
    with pytest.raises(HttpResponseError) as caught:
        file.rename_file(f"{lake.file_system_name}/new", source_etag='"0x1"', source_match_condition=unmodified)
    assert _code(caught.value) == "ConditionNotMet"
    with pytest.raises(HttpResponseError) as caught:
        file.rename_file(f"{lake.file_system_name}/two", match_condition=MatchConditions.IfMissing)
    assert _code(caught.value) == "PathAlreadyExists"
    file.rename_file(f"{lake.file_system_name}/two", source_etag=etag, source_match_condition=unmodified)
    assert lake.get_file_client("two").download_file().readall() == b"1"
    with pytest.raises(HttpResponseError) as caught:
        lake.get_file_client("two").upload_data(b"3")
    assert _code(caught.value) == "PathAlreadyExists"
    with pytest.raises(ResourceNotFoundError) as missing:
        lake.get_file_client("none").flush_data(0)
    assert _code(missing.value) == "PathNotFound"


def test_writes_are_events_for_those_who_subscribed(lake: FileSystemClient, local_azure: LocalAzure) -> None:
    store = Store(local_azure.folder / "local-azure.db")
    events = BlobEvents(store)
    last = events.last()
    events.subscribe("dfs-test", ACCOUNT)
    try:
        file = lake.get_file_client("d/f")
        file.create_file()
        file.append_data(b"01", 0, flush=True)
        file.append_data(b"23", 2)
        file.flush_data(4, close=True)
        file.rename_file(f"{lake.file_system_name}/d/g").delete_file()
        lake.delete_directory("d")
        seen = [(event.kind.rpartition("Blob")[2], event.blob, event.size) for event in events.after(last)]
    finally:
        events.unsubscribe("dfs-test")
        store.close()
    assert seen == [("Created", "d/f", 0), ("Created", "d/f", 4), ("Deleted", "d/g", None)]


def test_what_is_refused_has_its_code(lake: FileSystemClient, local_azure: LocalAzure) -> None:
    lake.create_file("d/once")
    with pytest.raises(HttpResponseError) as caught:
        lake.get_file_client("d/once").create_file(match_condition=MatchConditions.IfMissing)
    assert _code(caught.value) == "PathAlreadyExists"
    with pytest.raises(HttpResponseError) as caught:
        lake.create_file("d")
    assert _code(caught.value) == "PathConflict"
    with pytest.raises(ResourceNotFoundError) as missing:
        lake.delete_file("none")
    assert _code(missing.value) == "PathNotFound"
    token = local_azure.credential.get_token("https://storage.azure.com/.default").token
    headers = {"Authorization": f"Bearer {token}", "x-ms-version": "2021-06-08"}
    full = requests.delete(f"{URL}/{lake.file_system_name}/d?recursive=false", headers=headers, timeout=30)
    assert (full.status_code, full.json()["error"]["code"]) == (409, "DirectoryNotEmpty")
    gone = requests.head(f"{URL}/nosuch?resource=filesystem", headers=headers, timeout=30)
    assert (gone.status_code, gone.headers["x-ms-error-code"]) == (404, "FilesystemNotFound")
    change = requests.patch(f"{URL}/{lake.file_system_name}/d?action=setAccessControl", headers=headers, timeout=30)
    assert (change.status_code, change.json()["error"]["code"]) == (501, "NotImplemented")


def test_without_a_role_nothing_is_told(unassigned: FileSystemClient) -> None:
    with pytest.raises(HttpResponseError) as caught:
        list(unassigned.get_paths())
    assert _code(caught.value) == "AuthorizationPermissionMismatch"
    assert requests.get(f"{URL}/{unassigned.file_system_name}/x", timeout=30).status_code == 401


def test_hadoop_writes_by_put_and_a_header(lake: FileSystemClient, local_azure: LocalAzure) -> None:
    lake.create_file("h")
    token = local_azure.credential.get_token("https://storage.azure.com/.default").token
    headers = {"Authorization": f"Bearer {token}", "X-HTTP-Method-Override": "PATCH"}
    url = f"{URL}/{lake.file_system_name}/h"
    assert requests.put(f"{url}?action=append&position=0", b"hi", headers=headers, timeout=30).status_code == 202
    assert requests.put(f"{url}?action=flush&position=2&close=true", headers=headers, timeout=30).status_code == 200
    root = requests.head(
        f"{URL}/{lake.file_system_name}//?action=getAccessControl&upn=false",
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
    assert (root.status_code, root.headers["x-ms-acl"]) == (200, "user::rwx,group::r-x,other::---")
    assert lake.get_file_client("h").download_file().readall() == b"hi"
