"""Blobs by azure-storage-blob, unmodified; roles and errors as Azure's."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree

import jwt
import pytest
import requests
from azure.core.credentials import AccessToken, AzureNamedKeyCredential, AzureSasCredential
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import BlobServiceClient, ContainerClient

from adfkit.local_azure import daemon
from adfkit.local_azure.cloud import SUBSCRIPTION_ID
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.identity.roles import ROLES
from adfkit.local_azure.identity.tokens import TokenSigner
from tests.conftest import LocalAzure

GROUP = "blobs"
URL = "https://blobtests.blob.azure.localhost"
ACCOUNT = (
    f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{GROUP}/providers/Microsoft.Storage/storageAccounts/blobtests"
)
ARM = {
    "base_url": "https://management.azure.localhost",
    "credential_scopes": ["https://management.azure.localhost/.default"],
}

Assign = Callable[..., None]


class Visitor:
    """A managed identity, as the credential of a client."""

    def __init__(self, folder: Path, object_id: str) -> None:
        self.object_id = object_id
        self._principal = Principal(object_id, "x", "visitor", "ManagedIdentity")
        self._signer = TokenSigner(folder)

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        token = self._signer.issue(self._principal, scopes[0].removesuffix("/.default"))
        return AccessToken(token.token, token.expires_on)


@pytest.fixture
def visitor(local_azure: LocalAzure, account: BlobServiceClient) -> Visitor:
    """An identity without any role."""
    token = local_azure.credential.get_token("https://management.azure.localhost/.default").token
    response = requests.put(
        f"https://management.azure.localhost/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{GROUP}/providers/"
        "Microsoft.ManagedIdentity/userAssignedIdentities/visitor?api-version=2023-01-31",
        json={"location": "westeurope"},
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    return Visitor(local_azure.folder, response.json()["properties"]["principalId"])


def _role(name: str) -> str:
    (role,) = [role for role in ROLES.values() if role.role_name == name]
    return f"/subscriptions/{SUBSCRIPTION_ID}{role.id}"


def _object_id(local_azure: LocalAzure) -> str:
    token = local_azure.credential.get_token("https://storage.azure.com/.default").token
    return str(jwt.decode(token, options={"verify_signature": False})["oid"])


@pytest.fixture
def assign(local_azure: LocalAzure) -> Iterator[Assign]:
    """Assigns a role to the deployer at a scope; takes it away after the test."""
    made = []
    with AuthorizationManagementClient(local_azure.credential, SUBSCRIPTION_ID, **ARM) as client:

        def create(role: str, scope: str, object_id: str | None = None) -> None:
            name = str(uuid4())
            body: Any = {
                "properties": {
                    "principalId": object_id or _object_id(local_azure),
                    "principalType": "ServicePrincipal",
                    "roleDefinitionId": _role(role),
                }
            }
            client.role_assignments.create(scope, name, body)
            made.append((scope, name))

        yield create
        for scope, name in made:
            client.role_assignments.delete(scope, name)


@pytest.fixture
def account(local_azure: LocalAzure) -> Iterator[BlobServiceClient]:
    """The client of an account that has a container `landing`."""
    with ResourceManagementClient(local_azure.credential, SUBSCRIPTION_ID, **ARM) as resources:
        resources.resource_groups.create_or_update(GROUP, {"location": "westeurope"})
    with StorageManagementClient(local_azure.credential, SUBSCRIPTION_ID, **ARM) as storage:
        parameters: Any = {
            "location": "westeurope",
            "kind": "StorageV2",
            "sku": {"name": "Standard_LRS"},
            "properties": {"allowSharedKeyAccess": False},
        }
        storage.storage_accounts.begin_create(GROUP, "blobtests", parameters).result()
        storage.blob_containers.create(GROUP, "blobtests", "landing", {})
    with BlobServiceClient(URL, credential=local_azure.credential) as client:
        yield client


@pytest.fixture
def landing(account: BlobServiceClient, assign: Assign) -> ContainerClient:
    """The container, with the right to write there."""
    assign("Storage Blob Data Contributor", ACCOUNT)
    return account.get_container_client("landing")


def test_what_is_uploaded_is_downloaded(landing: ContainerClient) -> None:
    name = "flights/Ümläut and space+plus%.csv"
    blob = landing.upload_blob(name, b"0123456789", metadata={"a_b": "1", "a": "2", "ab": "3"}, overwrite=True)
    assert blob.url.startswith(f"{URL}/landing/flights/")
    assert blob.download_blob().readall() == b"0123456789"
    assert blob.download_blob(offset=3, length=4).readall() == b"3456"
    properties = blob.get_blob_properties()
    assert properties.size == 10
    assert properties.metadata == {"a_b": "1", "a": "2", "ab": "3"}
    assert name in [found.name for found in landing.list_blobs(name_starts_with="flights/")]
    blob.set_blob_metadata({"c": "4"})
    assert blob.get_blob_properties().metadata == {"c": "4"}
    assert blob.exists()
    blob.delete_blob()
    assert not blob.exists()


def test_large_blobs_go_in_blocks_and_come_in_ranges(landing: ContainerClient) -> None:
    content = os.urandom(9_000_000)
    client = ContainerClient.from_container_url(
        landing.url,
        credential=landing.credential,
        max_single_put_size=1_000_000,
        max_block_size=2_000_000,
        max_single_get_size=1_000_000,
        max_chunk_get_size=3_000_000,
    )
    with client:
        blob = client.upload_blob("large", content, max_concurrency=2, overwrite=True)
        assert blob.download_blob(max_concurrency=2).readall() == content
        committed, uncommitted = blob.get_block_list("all")
        assert (len(committed), len(uncommitted)) == (5, 0)


def test_an_upload_does_not_overwrite_unless_told(landing: ContainerClient) -> None:
    landing.upload_blob("once", b"1", overwrite=True)
    with pytest.raises(HttpResponseError) as caught:
        landing.upload_blob("once", b"2")
    assert caught.value.error_code == "BlobAlreadyExists"  # type: ignore[attr-defined]


def test_an_empty_blob_is_a_blob(landing: ContainerClient) -> None:
    blob = landing.upload_blob("empty", b"", overwrite=True)
    assert blob.get_blob_properties().size == 0
    assert blob.download_blob().readall() == b""


def test_a_copy_within_the_account(landing: ContainerClient, account: BlobServiceClient) -> None:
    source = landing.upload_blob("source file", b"content", overwrite=True)
    copy = landing.get_blob_client("copy")
    assert copy.start_copy_from_url(source.url)["copy_status"] == "success"
    assert copy.download_blob().readall() == b"content"
    with pytest.raises(HttpResponseError, match="copies blobs within one storage account") as caught:
        copy.start_copy_from_url("https://other.blob.azure.localhost/landing/x")
    assert caught.value.status_code == 501


def test_containers_come_and_go(landing: ContainerClient, account: BlobServiceClient, local_azure: LocalAzure) -> None:
    made = account.create_container("made-here", metadata={"k": "v"})
    assert made.get_container_properties().metadata == {"k": "v"}
    assert {"landing", "made-here"} <= {container.name for container in account.list_containers()}
    with StorageManagementClient(local_azure.credential, SUBSCRIPTION_ID, **ARM) as storage:
        assert "made-here" in [found.name for found in storage.blob_containers.list(GROUP, "blobtests")]
        made.delete_container()
        assert not made.exists()
        assert "made-here" not in [found.name for found in storage.blob_containers.list(GROUP, "blobtests")]
    with pytest.raises(ResourceNotFoundError) as caught:
        made.upload_blob("x", b"")
    assert caught.value.error_code == "ContainerNotFound"  # type: ignore[attr-defined]


def test_without_a_role_nothing_is_read_and_the_error_says_what_is_missing(
    account: BlobServiceClient, local_azure: LocalAzure
) -> None:
    with pytest.raises(HttpResponseError) as caught:
        account.get_blob_client("landing", "x").download_blob()
    error = caught.value
    assert (error.status_code, error.error_code) == (403, "AuthorizationPermissionMismatch")  # type: ignore[attr-defined]
    assert "This request is not authorized to perform this operation using this permission." in str(error)
    assert "lacks 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'" in str(error)
    assert "Storage Blob Data Reader" in str(error)


def test_a_role_on_one_container_counts_there_only(visitor: Visitor, assign: Assign) -> None:
    assign("Storage Blob Data Contributor", f"{ACCOUNT}/blobServices/default/containers/landing", visitor.object_id)
    with BlobServiceClient(URL, credential=visitor) as client:
        client.get_blob_client("landing", "mine").upload_blob(b"1", overwrite=True)
        _refused("blobs/write", lambda: client.get_blob_client("elsewhere", "x").upload_blob(b"1"))
        _refused("containers/read", lambda: list(client.list_containers()))


def test_a_reader_does_not_write_delete_or_create(visitor: Visitor, assign: Assign) -> None:
    assign("Storage Blob Data Reader", ACCOUNT, visitor.object_id)
    with BlobServiceClient(URL, credential=visitor) as client:
        blob = client.get_blob_client("landing", "x")
        _refused("blobs/write", lambda: blob.upload_blob(b"1", overwrite=True))
        _refused("blobs/write", lambda: blob.stage_block("MQ==", b"1"))
        _refused("blobs/write", lambda: blob.set_blob_metadata({}))
        _refused("blobs/write", lambda: blob.start_copy_from_url(f"{URL}/landing/y"))
        _refused("blobs/delete", lambda: blob.delete_blob())
        _refused("containers/write", lambda: client.create_container("new"))
        _refused("containers/delete", lambda: client.delete_container("landing"))
        _refused(
            "containers/setAcl/action", lambda: client.get_container_client("landing").set_container_access_policy({})
        )
        _refused("blobServices/write", lambda: client.set_service_properties(cors=[]))
        assert "landing" in [container.name for container in client.list_containers()]


def test_a_copy_needs_the_right_to_read_its_source(
    account: BlobServiceClient, visitor: Visitor, assign: Assign, landing: ContainerClient
) -> None:
    source = landing.upload_blob("secret", b"1", overwrite=True)
    landing_scope, other = (f"{ACCOUNT}/blobServices/default/containers/{name}" for name in ("landing", "other"))
    account.create_container("other")
    assign("Storage Blob Data Contributor", other, visitor.object_id)
    with BlobServiceClient(URL, credential=visitor) as client:
        copy = client.get_blob_client("other", "copy")
        _refused("blobs/read", lambda: copy.start_copy_from_url(source.url))
        assign("Storage Blob Data Reader", landing_scope, visitor.object_id)
        assert copy.start_copy_from_url(source.url)["copy_status"] == "success"


def _refused(permission: str, attempt: Callable[[], object]) -> None:
    with pytest.raises(HttpResponseError) as caught:
        attempt()
    assert caught.value.status_code == 403
    assert caught.value.error_code == "AuthorizationPermissionMismatch"  # type: ignore[attr-defined]
    assert f"{permission}' on" in str(caught.value)


def test_tokens_are_checked_before_roles(
    account: BlobServiceClient, landing: ContainerClient, local_azure: LocalAzure
) -> None:
    signer = TokenSigner(local_azure.folder)
    deployer = Principal(_object_id(local_azure), "x", "x", "ServicePrincipal")
    cases = {
        signer.issue(deployer, "https://management.azure.localhost").token: "InvalidAuthenticationTokenAudience",
        signer.issue(deployer, "https://storage.azure.com", lifetime=-60).token: "ExpiredAuthenticationToken",
        "garbage": "InvalidAuthenticationToken",
    }
    for token, detail in cases.items():
        headers = {"Authorization": f"Bearer {token}", "x-ms-version": "2023-01-03"}
        response = requests.get(f"{URL}/landing/x", headers=headers, timeout=10)
        assert (response.status_code, response.headers["x-ms-error-code"]) == (401, "InvalidAuthenticationInfo")
        error = ElementTree.fromstring(response.content)
        assert (error.findtext("AuthenticationErrorDetail") or "").startswith(f"{detail}: ")
    own = signer.issue(deployer, f"{URL}/").token
    headers = {"Authorization": f"Bearer {own}", "x-ms-version": "2023-01-03"}
    assert requests.get(f"{URL}/landing?restype=container&comp=list", headers=headers, timeout=10).status_code == 200


def test_other_ways_in_are_refused(account: BlobServiceClient, landing: ContainerClient) -> None:
    key = AzureNamedKeyCredential("blobtests", "a2V5")
    sas = AzureSasCredential("sv=2022-11-02&ss=b&srt=sco&sp=rwdl&se=2099-01-01T00:00:00Z&sig=x")
    for credential in (key, sas):
        with BlobServiceClient(URL, credential=credential) as client:
            with pytest.raises(HttpResponseError) as caught:
                client.get_blob_client("landing", "x").get_blob_properties()
            assert caught.value.status_code == 403
            assert caught.value.error_code == "KeyBasedAuthenticationNotPermitted"  # type: ignore[attr-defined]
    with pytest.raises(HttpResponseError, match="Public access is not permitted"):
        account.create_container("public", public_access="blob")
    anonymous = requests.get(f"{URL}/landing/x", timeout=10)
    assert (anonymous.status_code, anonymous.headers["x-ms-error-code"]) == (409, "PublicAccessNotPermitted")
    challenged = requests.get(f"{URL}/landing/x", headers={"x-ms-version": "2023-01-03"}, timeout=10)
    assert challenged.status_code == 401
    assert "resource_id=https://storage.azure.com" in challenged.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("method", "path", "named"),
    [
        ("POST", "/?restype=service&comp=userdelegationkey", "service:userdelegationkey"),
        ("POST", "/?comp=batch", "batch"),
        ("PUT", "/landing/x?comp=expiry", "expiry"),
        ("PATCH", "/landing/x", "PATCH"),
    ],
)
def test_what_is_not_supported_says_so(
    account: BlobServiceClient, local_azure: LocalAzure, method: str, path: str, named: str
) -> None:
    token = local_azure.credential.get_token("https://storage.azure.com/.default").token
    response = requests.request(method, URL + path, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert (response.status_code, response.headers["x-ms-error-code"]) == (501, "NotImplemented")
    assert named in response.text


def test_the_accounts_other_hosts_and_unknown_accounts(account: BlobServiceClient, local_azure: LocalAzure) -> None:
    token = local_azure.credential.get_token("https://storage.azure.com/.default").token
    headers = {"Authorization": f"Bearer {token}", "x-ms-version": "2023-01-03"}
    table = requests.get(URL.replace(".blob.", ".table.") + "/t", headers=headers, timeout=10)
    assert table.status_code == 501
    assert "'table' service" in table.text
    nobody = requests.get("https://nobody.blob.azure.localhost/c/b", headers=headers, timeout=10)
    assert (nobody.status_code, nobody.headers["x-ms-error-code"]) == (404, "ResourceNotFound")


@pytest.mark.slow
def test_a_killed_store_is_started_again(landing: ContainerClient, local_azure: LocalAzure) -> None:
    landing.upload_blob("before", b"1", overwrite=True)
    pid = daemon.status(local_azure.folder).pid
    assert pid is not None
    for store in _children(pid):
        os.kill(store, signal.SIGKILL)
    assert landing.download_blob("before").readall() == b"1"


@pytest.mark.slow
def test_a_killed_gateway_loses_nothing_it_acknowledged_and_leaves_no_process(
    landing: ContainerClient, local_azure: LocalAzure
) -> None:
    pid = daemon.status(local_azure.folder).pid
    assert pid is not None
    stores = _children(pid)
    assert stores
    landing.upload_blob("acknowledged", b"kept", overwrite=True)
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{child}/cmdline").exists() for child in stores):
        assert time.monotonic() < deadline, "a blob store outlived the gateway"
        time.sleep(0.02)
    assert not daemon.status(local_azure.folder).running
    daemon.start(local_azure.folder)
    assert daemon.environment(local_azure.folder)["HTTPS_PROXY"] == local_azure.environment["HTTPS_PROXY"]
    assert landing.download_blob("acknowledged").readall() == b"kept"


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
