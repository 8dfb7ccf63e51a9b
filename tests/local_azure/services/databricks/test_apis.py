"""The REST API by the official client, where nothing runs: the workspace's tree, DBFS, secrets, Unity Catalog."""

from __future__ import annotations

import base64
import io
from typing import Any
from uuid import uuid4

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk import errors as sdk_errors
from databricks.sdk.core import Config
from databricks.sdk.service import catalog, compute, jobs, workspace

from adfkit.local_azure import cloud

from .conftest import CLUSTER, Databricks, task

SOURCE = b"""# Databricks notebook source
# MAGIC %md
# MAGIC # A title

# COMMAND ----------

print(1)
"""
JUPYTER = b"""{"cells": [{"cell_type": "markdown", "metadata": {}, "source": ["# A title"]},
 {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": null, "source": ["print(1)"]}],
 "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 0}"""


def test_notebooks_and_files_are_imported_listed_exported_and_deleted(databricks: Databricks) -> None:
    tree = databricks.client.workspace
    tree.mkdirs("/tree/deep")
    tree.upload("/tree/source", SOURCE, format=workspace.ImportFormat.SOURCE, language=workspace.Language.PYTHON)
    tree.upload("/tree/auto.py", SOURCE, format=workspace.ImportFormat.AUTO)
    tree.upload("/tree/jupyter", JUPYTER, format=workspace.ImportFormat.JUPYTER)
    tree.upload("/tree/deep/module.py", b"x = 1\n", format=workspace.ImportFormat.AUTO)
    tree.upload("/tree/deep/data.bin", bytes(range(256)), format=workspace.ImportFormat.RAW)
    found = {each.path: each for each in tree.list("/tree", recursive=True)}
    kinds = {path: (each.object_type.value, each.language and each.language.value) for path, each in found.items()}
    assert kinds == {
        "/tree/source": ("NOTEBOOK", "PYTHON"),
        "/tree/auto": ("NOTEBOOK", "PYTHON"),
        "/tree/jupyter": ("NOTEBOOK", "PYTHON"),
        "/tree/deep/module.py": ("FILE", None),
        "/tree/deep/data.bin": ("FILE", None),
    }
    assert tree.download("/tree/deep/data.bin").read() == bytes(range(256))
    assert tree.download("/tree/source").read() == SOURCE
    # what came as Jupyter has the same cells as the source form
    assert tree.download("/tree/jupyter").read().split() == SOURCE.split()
    exported = tree.export("/tree/source", format=workspace.ExportFormat.JUPYTER)
    assert b'"cell_type": "markdown"' in base64.b64decode(exported.content)
    before = tree.get_status("/tree/source")
    tree.upload("/Workspace/tree/source", SOURCE + b"print(2)\n", language=workspace.Language.PYTHON, overwrite=True)
    after = tree.get_status("/tree/source")
    assert (after.object_id, after.created_at) == (before.object_id, before.created_at)
    with pytest.raises(sdk_errors.DatabricksError, match="not empty"):
        tree.delete("/tree")
    tree.delete("/tree", recursive=True)
    with pytest.raises(sdk_errors.ResourceDoesNotExist):
        tree.get_status("/tree/deep/module.py")


@pytest.mark.parametrize(
    ("path", "options", "error", "says"),
    [
        ("/nowhere/x", {}, sdk_errors.ResourceDoesNotExist, "parent folder"),
        ("relative", {}, sdk_errors.DatabricksError, "doesn't start with '/'"),
        ("/no-language", {"language": None}, sdk_errors.DatabricksError, "'language' must be one of"),
        ("/archive", {"format": workspace.ImportFormat.DBC}, sdk_errors.NotImplemented, "DBC"),
    ],
)
def test_an_import_that_cannot_be_is_refused(
    databricks: Databricks, path: str, options: dict[str, Any], error: type[Exception], says: str
) -> None:
    given = {"format": workspace.ImportFormat.SOURCE, "language": workspace.Language.PYTHON, **options}
    with pytest.raises(error, match=says):
        databricks.client.workspace.upload(path, SOURCE, **given)


def test_what_is_there_is_not_overwritten_unasked(databricks: Databricks) -> None:
    databricks.notebook("/once", "print(1)")
    with pytest.raises(sdk_errors.ResourceAlreadyExists):
        databricks.client.workspace.upload("/once", SOURCE, language=workspace.Language.PYTHON)


def test_files_of_dbfs(databricks: Databricks) -> None:
    dbfs = databricks.client.dbfs
    content = bytes(range(256)) * 8192  # more than one block, and more than one part
    with dbfs.open("/files/large.bin", write=True) as file:
        file.write(content)
    with dbfs.open("/files/large.bin", read=True) as file:
        assert file.read() == content
    assert [(each.path, each.file_size) for each in dbfs.list("/files")] == [("/files/large.bin", len(content))]
    dbfs.put("/files/small", contents=base64.b64encode(b"small").decode())
    with pytest.raises(sdk_errors.ResourceAlreadyExists):
        dbfs.put("/files/small", contents="", overwrite=False)
    dbfs.upload("/files/again", io.BytesIO(b"again"), overwrite=True)
    assert dbfs.download("/files/again").read() == b"again"
    dbfs.delete("/files", recursive=True)
    assert not dbfs.exists("/files/small")
    with pytest.raises(sdk_errors.InvalidParameterValue):
        databricks.client.api_client.do("GET", "/api/2.0/dbfs/get-status", query={"path": "/../../secret"})


def test_secrets_and_their_scopes(databricks: Databricks) -> None:
    secrets = databricks.client.secrets
    secrets.create_scope("storage")
    secrets.put_secret("storage", "key", string_value="ä secret")
    assert base64.b64decode(secrets.get_secret("storage", "key").value).decode() == "ä secret"
    assert [each.key for each in secrets.list_secrets("storage")] == ["key"]
    secrets.put_acl("storage", "someone", workspace.AclPermission.READ)
    assert secrets.get_acl("storage", "someone").permission == workspace.AclPermission.READ
    secrets.delete_secret("storage", "key")
    with pytest.raises(sdk_errors.ResourceDoesNotExist, match="scope: storage and key: key"):
        secrets.get_secret("storage", "key")
    with pytest.raises(sdk_errors.ResourceAlreadyExists):
        secrets.create_scope("storage")
    secrets.delete_scope("storage")
    assert [each.name for each in secrets.list_scopes()] == []


def test_storage_credentials_external_locations_and_grants(databricks: Databricks) -> None:
    client, unique = databricks.client, uuid4().hex[:6]
    connector = f"{databricks.id.partition('/workspaces/')[0]}/accessConnectors/dbac-{unique}"
    body = {"location": "westeurope", "identity": {"type": "SystemAssigned"}}
    databricks.resources.resources.begin_create_or_update_by_id(connector, body, api_version="2024-05-01").result()
    managed = catalog.AzureManagedIdentityRequest(access_connector_id=connector)
    with pytest.raises(sdk_errors.InvalidParameterValue, match="no access connector"):
        absent = catalog.AzureManagedIdentityRequest(access_connector_id=f"{connector}x")
        client.storage_credentials.create("lake", azure_managed_identity=absent)
    credential = client.storage_credentials.create("lake", azure_managed_identity=managed, comment="the lake")
    assert client.storage_credentials.get("lake").azure_managed_identity.access_connector_id == connector
    url = f"abfss://curated@lake{unique}.dfs.{cloud.SUFFIX}/"
    location = client.external_locations.create("curated", url, "lake")
    assert (location.credential_id, location.read_only) == (credential.id, False)
    with pytest.raises(sdk_errors.DatabricksError, match="overlaps with external location 'curated'"):
        client.external_locations.create("again", f"{url}below", "lake")
    change = catalog.PermissionsChange(principal="account users", add=[catalog.Privilege.READ_FILES])
    client.grants.update("external_location", "curated", changes=[change])
    (given,) = client.grants.get("external_location", "curated").privilege_assignments
    assert (given.principal, given.privileges) == ("account users", [catalog.Privilege.READ_FILES])
    client.external_locations.update(
        "curated", read_only=True, isolation_mode=catalog.IsolationMode.ISOLATION_MODE_ISOLATED
    )
    assert client.external_locations.get("curated").read_only
    with pytest.raises(sdk_errors.InvalidState, match="is used by curated"):
        client.storage_credentials.delete("lake")
    client.external_locations.delete("curated", force=True)
    client.storage_credentials.delete("lake")
    with pytest.raises(sdk_errors.NotFound, match="'lake' does not exist"):
        client.storage_credentials.get("lake")


def test_a_token_of_another_service_is_refused(databricks: Databricks) -> None:
    wrong = databricks.local_azure.credential.get_token(f"{cloud.RESOURCE_MANAGER}.default").token
    for token, says in (("no token", "token"), (wrong, "audience")):
        client = WorkspaceClient(config=Config(host=databricks.client.config.host, token=token))
        with pytest.raises(sdk_errors.Unauthenticated, match=says):
            client.current_user.me()


def test_what_is_not_supported_says_so(databricks: Databricks) -> None:
    with pytest.raises(sdk_errors.NotImplemented, match="sql/warehouses"):
        list(databricks.client.warehouses.list())
    with pytest.raises(sdk_errors.DatabricksError, match="No API found"):
        databricks.client.api_client.do("GET", "/nothing")


def test_clusters_their_libraries_and_pools(databricks: Databricks) -> None:
    client = databricks.client
    pool = client.instance_pools.create("ready", "Standard_D4ds_v5").instance_pool_id
    assert [each.instance_pool_name for each in client.instance_pools.list()] == ["ready"]
    made = client.clusters.create(
        "17.3.x-scala2.13", cluster_name="shared", instance_pool_id=pool, num_workers=1
    ).result()
    id = made.cluster_id
    assert (made.state, made.node_type_id) == (compute.State.RUNNING, "Standard_D4ds_v5")
    package = compute.Library(pypi=compute.PythonPyPiLibrary("narwhals==2.29.0"))
    client.libraries.install(id, [package])
    (status,) = client.libraries.cluster_status(id)
    assert (status.library, status.status) == (package, compute.LibraryInstallStatus.INSTALLED)
    client.libraries.uninstall(id, [package])
    assert list(client.libraries.cluster_status(id)) == []
    client.clusters.edit(id, "17.2.x-scala2.13", node_type_id="Standard_F4", num_workers=2).result()
    assert client.clusters.get(id).spark_version == "17.2.x-scala2.13"
    assert client.clusters.delete(id).result().state == compute.State.TERMINATED
    assert client.clusters.start(id).result().state == compute.State.RUNNING
    assert id in {each.cluster_id for each in client.clusters.list()}
    client.clusters.permanent_delete(id)
    client.instance_pools.delete(pool)
    with pytest.raises(sdk_errors.ResourceDoesNotExist, match=f"Cluster {id} does not exist"):
        client.clusters.get(id)
    assert client.clusters.select_spark_version(long_term_support=True, scala="2.13") == "17.3.x-scala2.13"
    assert client.clusters.select_node_type(min_cores=8) == "Standard_F8"


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"spark_version": "16.4.x-scala2.12"}, sdk_errors.InvalidParameterValue, "Invalid spark version"),
        ({"node_type_id": "Standard_X"}, sdk_errors.InvalidParameterValue, "Standard_X is not supported"),
        ({"instance_pool_id": "absent"}, sdk_errors.InvalidParameterValue, "instance pool with id: absent"),
        ({"policy_id": "some"}, sdk_errors.NotImplemented, "'policy_id' of a Databricks cluster"),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(
    databricks: Databricks, options: dict[str, Any], error: type[Exception], says: str
) -> None:
    given = {"spark_version": "17.3.x-scala2.13", "node_type_id": "Standard_F4", "num_workers": 1, **options}
    with pytest.raises(error, match=says):
        databricks.client.clusters.create(**given)


def test_jobs_are_kept_changed_listed_and_deleted(databricks: Databricks) -> None:
    api = databricks.client.jobs
    tasks = [jobs.Task("one", notebook_task=jobs.NotebookTask("/absent"), new_cluster=CLUSTER)]
    id = api.create(name="nightly", tasks=tasks, parameters=[jobs.JobParameterDefinition("day", "1")]).job_id
    after = jobs.Task(
        "two", depends_on=[jobs.TaskDependency("one")], notebook_task=jobs.NotebookTask("/b"), new_cluster=CLUSTER
    )
    api.update(id, new_settings=jobs.JobSettings(tasks=[after]))
    assert [task.task_key for task in api.get(id).settings.tasks] == ["one", "two"]
    api.update(id, fields_to_remove=["tasks/two"])
    assert [task.task_key for task in api.get(id).settings.tasks] == ["one"]
    assert [job.job_id for job in api.list(name="nightly")] == [id]
    with pytest.raises(sdk_errors.InvalidParameterValue, match="month are not declared"):
        api.run_now(id, job_parameters={"month": "1"})
    api.reset(id, jobs.JobSettings(name="weekly", tasks=tasks))
    api.delete(id)
    with pytest.raises(sdk_errors.ResourceDoesNotExist, match=f"Job {id} does not exist"):
        api.get(id)


@pytest.mark.parametrize(
    ("tasks", "error", "says"),
    [
        ([jobs.SubmitTask("a", new_cluster=CLUSTER)], sdk_errors.InvalidParameterValue, "one task of a kind"),
        ([task("/x"), task("/y")], sdk_errors.InvalidParameterValue, "'task_key' that no other has"),
        ([task("/x", depends_on=[jobs.TaskDependency("z")])], sdk_errors.InvalidParameterValue, "an unknown task"),
        (
            [task("/x", key=a, depends_on=[jobs.TaskDependency(b)]) for a, b in (("a", "b"), ("b", "a"))],
            sdk_errors.InvalidParameterValue,
            "in a circle: a, b",
        ),
        ([jobs.SubmitTask("a", dbt_task=jobs.DbtTask(["dbt run"]))], sdk_errors.NotImplemented, "'dbt_task'"),
        ([task("/x", libraries=[compute.Library(egg="dbfs:/x.egg")])], sdk_errors.NotImplemented, "the kind 'egg'"),
        ([task("/x", existing_cluster_id="none")], sdk_errors.InvalidParameterValue, "Cluster none does not exist"),
    ],
)
def test_a_run_that_cannot_be_is_refused(
    databricks: Databricks, tasks: list[jobs.SubmitTask], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        databricks.client.jobs.submit(run_name="wrong", tasks=tasks)


def test_the_caller_is_an_administrator(databricks: Databricks) -> None:
    found = databricks.client.current_user.me()
    assert found.user_name == databricks.local_azure.environment["AZURE_CLIENT_ID"]
    assert [group.display for group in found.groups] == ["admins"]
