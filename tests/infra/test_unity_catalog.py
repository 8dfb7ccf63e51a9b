"""What a deployment makes inside a Databricks workspace, made, changed and deleted in one of local Azure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from databricks.sdk.errors import NotFound
from databricks.sdk.service.catalog import IsolationMode, Privilege
from databricks.sdk.service.workspace import ObjectType

from infra import notebooks
from infra.databricks_workspace import WorkspaceError
from infra.unity_catalog import ANYONE, CREDENTIALS, LOCATIONS
from tests.conftest import LocalAzure
from tests.local_azure.services.databricks.conftest import Databricks, make_workspace

FILES = notebooks.workspace_files(["flights"])


@pytest.fixture
def databricks(local_azure: LocalAzure) -> Iterator[Databricks]:
    made = make_workspace(local_azure)
    yield made
    made.resources.close()
    made.roles.close()


@pytest.fixture
def place(databricks: Databricks) -> dict[str, Any]:
    """The properties that every resource inside a workspace has."""
    return {
        "workspace_url": databricks.client.config.host,
        "workspace_id": databricks.id,
        "role_propagation_seconds": 0,
    }


def connector(databricks: Databricks) -> str:
    id = f"{databricks.id.partition('/workspaces/')[0]}/accessConnectors/dbac-{uuid4().hex[:8]}"
    body = {"location": "westeurope", "identity": {"type": "SystemAssigned"}}
    databricks.resources.resources.begin_create_or_update_by_id(id, body, api_version="2024-05-01").result()
    return id


def test_the_way_to_the_lake_is_made_changed_and_deleted(databricks: Databricks, place: dict[str, Any]) -> None:
    first, second = connector(databricks), connector(databricks)
    catalog, name = databricks.client, f"lake-{uuid4().hex[:8]}"
    credential = {**place, "name": name, "access_connector_id": first}
    url = f"abfss://curated@{name.replace('-', '')}.dfs.azure.localhost/"
    location = {**place, "name": name, "url": url, "credential": name, "read_only": True}

    for _ in range(2):  # the second time as after a deployment that was cut off before it could note the first
        CREDENTIALS.create(credential)
        LOCATIONS.create(location)
    made = catalog.storage_credentials.get(name)
    assert made.isolation_mode == IsolationMode.ISOLATION_MODE_ISOLATED
    assert catalog.external_locations.get(name).isolation_mode == IsolationMode.ISOLATION_MODE_ISOLATED
    (grant,) = catalog.grants.get("external_location", name).privilege_assignments or []
    assert (grant.principal, grant.privileges) == (ANYONE, [Privilege.READ_FILES])

    changed = {**credential, "access_connector_id": second}
    assert CREDENTIALS.diff(name, credential, changed).changes
    assert not CREDENTIALS.diff(name, credential, changed).replaces
    CREDENTIALS.update(name, credential, changed)
    identity = catalog.storage_credentials.get(name).azure_managed_identity
    assert identity is not None
    assert identity.access_connector_id == second

    writable = {**location, "read_only": False}
    LOCATIONS.update(name, location, writable)
    assert not catalog.external_locations.get(name).read_only
    (grant,) = catalog.grants.get("external_location", name).privilege_assignments or []
    assert set(grant.privileges or []) == {Privilege.READ_FILES, Privilege.WRITE_FILES}

    for _ in range(2):
        LOCATIONS.delete(name, writable)
        CREDENTIALS.delete(name, changed)
    with pytest.raises(NotFound):
        catalog.storage_credentials.get(name)


def test_a_connector_that_is_not_there_is_told_with_the_workspace(
    databricks: Databricks, place: dict[str, Any]
) -> None:
    absent = f"{databricks.id.partition('/workspaces/')[0]}/accessConnectors/absent"
    with pytest.raises(WorkspaceError) as caught:
        CREDENTIALS.create({**place, "name": "lake", "access_connector_id": absent})
    assert f"The storage credential 'lake' in {place['workspace_url']}: " in str(caught.value)


def test_the_notebook_lies_beside_its_transforms_until_it_is_deleted(
    databricks: Databricks, place: dict[str, Any]
) -> None:
    folder = notebooks.folder(FILES)
    props = {**place, "folder": folder, "transforms": ["flights"]}
    for _ in range(2):
        notebooks.PROVIDER.create(props)
    workspace = databricks.client.workspace
    assert workspace.get_status(f"{folder}/ingestion").object_type == ObjectType.NOTEBOOK
    assert workspace.get_status(f"{folder}/transforms/flights/transform.toml").object_type == ObjectType.FILE
    with workspace.download(f"{folder}/transforms/flights/transform.py") as content:
        assert content.read() == FILES["transforms/flights/transform.py"]
    for _ in range(2):
        notebooks.PROVIDER.delete(folder, props)
    with pytest.raises(NotFound):
        workspace.get_status(folder)


def test_files_that_changed_since_the_program_read_them_are_not_uploaded(place: dict[str, Any]) -> None:
    with pytest.raises(WorkspaceError, match="have changed since the program read them"):
        notebooks.PROVIDER.create({**place, "folder": "/adfkit/0123456789abcdef", "transforms": ["flights"]})
