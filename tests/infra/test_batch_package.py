"""The program of Batch tasks: what its archive holds, when it changes, and how its upload fails."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import jwt
import pulumi
import pytest
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import ContainerClient

from adfkit.local_azure import cloud
from infra import batch_package
from infra.batch_package import PROVIDER, REQUIREMENTS, UploadError
from infra.components.batch_pool import start_command

FILES = batch_package.package_files(["flights", "departures"])
SCOPE = f"{cloud.RESOURCE_MANAGER}.default"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"


def test_the_package_holds_the_host_and_its_transforms() -> None:
    assert {
        "transforms/hosts/batch/main.py",
        "transforms/hosts/batch/run_transform.R",
        "transforms/hosts/ingestion.py",
        "transforms/flights/transform.py",
        "transforms/flights/transform.toml",
        "transforms/departures/transform.R",
        REQUIREMENTS,
    } < set(FILES)
    assert not [path for path in FILES if "__pycache__" in path or path.endswith((".md", ".in"))]
    assert not [path for path in FILES if path.startswith(("transforms/hosts/function_app", "transforms/machine"))]


def test_the_requirements_are_locked_with_hashes_and_name_no_address() -> None:
    lines = FILES[REQUIREMENTS].decode().splitlines()
    pinned = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert {"azure-identity", "azure-storage-blob", "narwhals", "polars"} <= {
        line.partition("==")[0] for line in pinned
    }
    assert all("==" in line and line.endswith("\\") for line in pinned)
    assert not [line for line in lines if "://" in line or "--index" in line]


def test_a_transform_that_is_not_there_is_named() -> None:
    with pytest.raises(pulumi.RunError, match="transforms/fligths: there is no such transform"):
        batch_package.package_files(["fligths"])


def test_every_version_has_a_folder_of_its_own() -> None:
    folder = batch_package.folder(FILES)
    assert folder == batch_package.folder(dict(reversed(FILES.items())))
    assert folder != batch_package.folder({**FILES, "transforms/flights/transform.py": b"other"})
    assert folder != batch_package.folder(batch_package.package_files(["flights"]))


@pytest.mark.parametrize(("transforms", "with_r"), [(["flights"], False), (["flights", "departures"], True)])
def test_nodes_install_r_only_where_a_transform_is_written_in_it(transforms: list[str], with_r: bool) -> None:
    assert batch_package.needs_r(transforms) is with_r
    assert ("r-base-core" in start_command(with_r=with_r)) is with_r


def properties(**changes: Any) -> dict[str, Any]:
    return {
        "container_url": "https://one.blob.example/packages",
        "folder": batch_package.folder(batch_package.package_files(["flights"])),
        "transforms": ["flights"],
        "role_propagation_seconds": 0,
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "replaces"),
    [
        ({}, []),
        ({"role_propagation_seconds": 300}, []),
        ({"folder": "batch/other"}, ["folder"]),
        ({"container_url": "https://two.blob.example/packages"}, ["container_url"]),
    ],
)
def test_what_uploads_again(changes: dict[str, Any], replaces: list[str]) -> None:
    found = PROVIDER.diff("id", properties(), properties(**changes))
    assert (found.changes, found.replaces) == (bool(replaces), replaces)
    assert found.delete_before_replace is False  # a run that has begun keeps its program


def test_files_that_changed_since_the_program_ran_are_not_uploaded() -> None:
    with pytest.raises(UploadError, match="have changed since the program read them"):
        PROVIDER.create(properties(folder="batch/older"))


@pytest.fixture
def container(local_azure: Any) -> Iterator[ContainerClient]:
    """A container that this process may write to."""
    arguments = (local_azure.credential, cloud.SUBSCRIPTION_ID)
    options = {"base_url": cloud.RESOURCE_MANAGER, "credential_scopes": [SCOPE]}
    group, account = f"rg-{uuid4().hex[:8]}", f"store{uuid4().hex[:12]}"
    groups = ResourceManagementClient(*arguments, **options).resource_groups
    groups.create_or_update(group, {"location": "westeurope"})
    storage = StorageManagementClient(*arguments, **options)
    body = {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "location": "westeurope"}
    id = storage.storage_accounts.begin_create(group, account, body).result().id
    for name in ("packages", "closed"):
        storage.blob_containers.create(group, account, name, {})
    claims = jwt.decode(local_azure.credential.get_token(SCOPE).token, options={"verify_signature": False})
    role = (
        f"/subscriptions/{cloud.SUBSCRIPTION_ID}/providers/Microsoft.Authorization/roleDefinitions/{BLOB_CONTRIBUTOR}"
    )
    AuthorizationManagementClient(*arguments, **options).role_assignments.create(
        f"{id}/blobServices/default/containers/packages",
        str(uuid4()),
        {"role_definition_id": role, "principal_id": claims["oid"], "principal_type": "ServicePrincipal"},
    )
    yield ContainerClient(f"https://{cloud.host(account, 'blob')}", "packages", local_azure.credential)
    groups.begin_delete(group).result()


def test_a_package_is_uploaded_and_removed(container: ContainerClient) -> None:
    given = properties(container_url=container.url)
    made = PROVIDER.create(given)
    path = f"{given['folder']}/{batch_package.ARCHIVE}"
    with zipfile.ZipFile(io.BytesIO(container.download_blob(path).readall())) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    assert held == batch_package.package_files(["flights"])
    for _ in range(2):  # one that is gone is as good as removed
        PROVIDER.delete(made.id, given)
        assert list(container.list_blob_names()) == []


def test_an_upload_that_is_refused_says_where_and_why(container: ContainerClient) -> None:
    closed = container.url.replace("packages", "closed")
    with pytest.raises(UploadError, match=r"closed/batch/.* could not be written: .*not authorized"):
        PROVIDER.create(properties(container_url=closed))
    with pytest.raises(UploadError, match=r"absent\.blob\.\S* could not be written"):
        PROVIDER.create(properties(container_url=f"https://absent.blob.{cloud.SUFFIX}/packages"))
