"""Workspaces and assets, through azure-ai-ml unmodified."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.constants import AssetTypes, ListViewType
from azure.ai.ml.entities import AccountKeyConfiguration, AzureBlobDatastore, Data, Environment, Model
from azure.ai.ml.entities._assets import Code
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

OTHER = "/subscriptions/x/resourceGroups/y/providers/Microsoft.Storage/storageAccounts/z"


def test_the_workspace_shows_its_services(client: MLClient, workspace: Any) -> None:
    found = client.workspaces.get(workspace.name)
    assert found.storage_account == workspace.storage
    assert found.discovery_url.startswith("https://westeurope.api.azureml.azure.localhost/discovery/workspaces/")
    assert client.datastores.get_default().name == "workspaceblobstore"
    assert client.datastores.get("workspaceblobstore").account_name == workspace.account
    assert {each.name for each in client.datastores.list()} == {"workspaceblobstore", "workspaceartifactstore"}
    assert client.compute.get("cluster").max_instances == 2


@pytest.mark.parametrize(
    ("change", "status", "text"),
    [
        ({"keyVault": None}, 400, "Missing dependent resources in workspace json: 'keyVault'."),
        ({"systemDatastoresAuthMode": "accesskey"}, 501, "set the workspace's 'systemDatastoresAuthMode' to"),
        ({"applicationInsights": OTHER}, 400, "'applicationInsights' is not the id of a Microsoft.Insights/components"),
    ],
)
def test_a_workspace_that_does_not_hold_together_is_refused(
    workspace: Any, change: dict[str, Any], status: int, text: str
) -> None:
    good = workspace.arm.call("GET", workspace.id, "2025-12-01").json()
    names = ("storageAccount", "keyVault", "systemDatastoresAuthMode")
    properties = {name: good["properties"][name] for name in names} | change
    body = {"location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": properties}
    response = workspace.arm.call("PUT", f"{workspace.id}-other", "2025-12-01", body)
    assert response.status_code == status
    assert text in response.json()["error"]["message"]


def test_a_workspace_may_write_to_its_storage_until_it_goes(workspace: Any) -> None:
    good = workspace.arm.call("GET", workspace.id, "2025-12-01").json()
    names = ("storageAccount", "keyVault", "systemDatastoresAuthMode")
    properties = {name: good["properties"][name] for name in names}
    body = {"location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": properties}
    made = workspace.arm.put(f"{workspace.id}-short", "2025-12-01", body)

    def holders() -> list[str]:
        listed = workspace.arm.call(
            "GET", f"{workspace.storage}/providers/Microsoft.Authorization/roleAssignments", "2022-04-01"
        )
        return [each["properties"]["principalId"] for each in listed.json()["value"]]

    assert made["identity"]["principalId"] in holders()
    workspace.arm.delete(f"{workspace.id}-short", "2025-12-01")
    assert made["identity"]["principalId"] not in holders()
    assert good["identity"]["principalId"] in holders()


def test_data_versions_count_up_and_keep_their_location(client: MLClient) -> None:
    def version(number: str | None, path: str, **tags: str) -> Data:
        asset = Data(name="counted", version=number, type=AssetTypes.URI_FOLDER, path=path, tags=tags)
        return client.data.create_or_update(asset)

    assert version(None, "https://lake.blob.azure.localhost/curated/a/", run_id="a").version == "1"
    assert version(None, "https://lake.blob.azure.localhost/curated/b/", run_id="b").version == "2"
    assert version("2", "https://lake.blob.azure.localhost/curated/b/", run_id="b", more="tags").tags["more"] == "tags"
    with pytest.raises(HttpResponseError, match="the existing asset's data uri cannot be changed") as refused:
        version("2", "https://lake.blob.azure.localhost/curated/c/")
    assert refused.value.status_code == 409
    listed = [(each.version, each.tags["run_id"]) for each in client.data.list(name="counted")]
    assert listed == [("2", "b"), ("1", "a")]
    assert client.data.get("counted", label="latest").version == "2"
    client.data.archive("counted", "1")
    assert [each.version for each in client.data.list(name="counted")] == ["2"]
    both = client.data.list(name="counted", list_view_type=ListViewType.ALL)
    assert [each.version for each in both] == ["2", "1"]
    assert "counted" in [each.name for each in client.data.list()]
    with pytest.raises(ResourceNotFoundError):
        client.data.get("counted", "7")


def test_of_two_that_put_the_same_version_one_wins(client: MLClient) -> None:
    outcomes: list[str] = []

    def put(path: str) -> None:
        asset = Data(name="raced", version="1", type=AssetTypes.URI_FOLDER, path=path)
        try:
            client.data.create_or_update(asset)
            outcomes.append("created")
        except HttpResponseError as error:
            outcomes.append(str(error.status_code))

    threads = [
        threading.Thread(target=put, args=(f"https://lake.blob.azure.localhost/curated/{n}/",)) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["409", "409", "409", "created"]


def test_local_files_become_a_data_version_and_a_model(client: MLClient, workspace: Any, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(b"\x00" * 1000)
    model = Model(name="local", path=str(tmp_path / "model"), type=AssetTypes.CUSTOM_MODEL, tags={"roc_auc": "0.7"})
    with pytest.raises(Exception, match=r"AuthorizationPermissionMismatch|don't have permission"):
        client.models.create_or_update(model)  # the deployer is Owner, which grants no data action
    with workspace.granted(workspace.deployer, "ba92f5b4-2d11-453d-a403-e96b0029c9fe", workspace.storage):
        created = client.models.create_or_update(model)
        assert created.version == "1"
        client.models.download("local", "1", download_path=str(tmp_path / "back"))
    assert (tmp_path / "back" / "local" / "model" / "weights.bin").stat().st_size == 1000
    assert client.models.get("local", label="latest").tags == {"roc_auc": "0.7"}


def test_a_changed_environment_needs_a_new_version(client: MLClient) -> None:
    def environment(line: str, version: str | None) -> Environment:
        conda = {"dependencies": ["python=3.11", "pip", {"pip": [line]}]}
        return Environment(name="changing", version=version, image="bare", conda_file=conda)

    assert client.environments.create_or_update(environment("# nothing", "1")).version == "1"
    with pytest.raises(ResourceExistsError, match="use a different name or version"):
        client.environments.create_or_update(environment("# else", "1"))
    assert client.environments.create_or_update(environment("# else", None)).version == "2"


def test_code_is_uploaded_once(client: MLClient, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("print('hello')\n")
    first = client._code.create_or_update(Code(name="snippet", version="1", path=str(tmp_path)))
    again = client._code.create_or_update(Code(name="other", version="1", path=str(tmp_path)))
    assert (first.name, again.name) == ("snippet", "snippet")
    assert first.path.startswith("https://ml")


def test_a_datastore_with_a_key_is_not_supported(client: MLClient) -> None:
    store = AzureBlobDatastore(
        name="keyed", account_name="a", container_name="c", credentials=AccountKeyConfiguration(account_key="eA==")
    )
    with pytest.raises(HttpResponseError, match="Local Azure does not support datastores with a key"):
        client.datastores.create_or_update(store)
