"""Runs that are cancelled, take too long, lose their process or their gateway, and what storage they reach."""

from __future__ import annotations

import dataclasses
from typing import Any
from uuid import uuid4

import pytest
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import ContainerClient
from databricks.sdk.errors import DatabricksError
from databricks.sdk.service import catalog, compute, jobs

from adfkit.local_azure import cloud

from .conftest import ARM, CLUSTER, SUBSCRIPTION, Databricks, State, gone, task, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"


def test_a_cancelled_run_leaves_no_process(databricks: Databricks) -> None:
    path = databricks.notebook(
        "/cancel/main",
        "import os, subprocess\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "dbutils.fs.put('/cancel/pids', f'{os.getpid()} {child.pid}', True)\n"
        "child.wait()",
    )
    client = databricks.client
    waiter = databricks.submit(path)
    processes = [int(each) for each in wait_for(lambda: _text(client, "/cancel/pids")).split()]
    client.jobs.cancel_run(waiter.run_id)
    run = databricks.ended_run(waiter)
    assert (run.state.life_cycle_state, run.state.result_state) == (State.TERMINATED, jobs.RunResultState.CANCELED)
    for process in processes:
        assert wait_for(lambda process=process: gone(process))
    assert not list(client.jobs.list_runs(active_only=True))
    client.jobs.delete_run(run.run_id)
    with pytest.raises(DatabricksError, match="does not exist"):
        client.jobs.get_run(run.run_id)


def test_a_run_that_takes_too_long_is_ended(databricks: Databricks) -> None:
    path = databricks.notebook("/timeout/main", "import time\ntime.sleep(600)")
    run = databricks.ended_run(databricks.submit(path, timeout_seconds=1))
    assert run.state.result_state == jobs.RunResultState.TIMEDOUT
    assert run.tasks[0].state.state_message == "The task took longer than its timeout of 1 seconds."


def test_a_driver_that_dies_fails_the_run(databricks: Databricks) -> None:
    path = databricks.notebook("/die/main", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    output = databricks.run(path)
    assert output.error == "The driver was killed by signal 9."
    assert output.metadata.state.life_cycle_state == State.INTERNAL_ERROR
    assert output.metadata.state.state_message == (
        "The spark driver has stopped unexpectedly: its process was killed by signal 9."
    )


def test_the_same_idempotency_token_is_the_same_run(databricks: Databricks) -> None:
    tasks = [task("/absent")]
    submit = databricks.client.jobs.submit
    first, second = (submit(run_name="once", tasks=tasks, idempotency_token="token-1").run_id for _ in range(2))
    assert first == second
    run = databricks.until(first, lambda run: run.state.life_cycle_state == State.INTERNAL_ERROR)
    assert run.tasks[0].state.state_message == "Notebook not found: /absent"


def test_storage_is_reached_as_unity_catalog_says_or_the_clusters_configuration(
    databricks: Databricks, lake: tuple[str, str, str]
) -> None:
    account, url, connector = lake
    client = databricks.client
    path = databricks.notebook(
        "/lake/main",
        "url = dbutils.widgets.get('url')\n"
        "spark.range(100).write.mode('overwrite').parquet(url + 'numbers')\n"
        "dbutils.fs.put(url + 'done.txt', 'done', True)\n"
        "dbutils.notebook.exit(f\"{spark.read.parquet(url + 'numbers').count()} {dbutils.fs.head(url + 'done.txt')}\")",
    )
    managed = catalog.AzureManagedIdentityRequest(access_connector_id=connector)
    client.storage_credentials.create(account, azure_managed_identity=managed)
    client.external_locations.create(account, url, account)
    output = databricks.run(path, {"url": url}, new_cluster=_cluster(compute.DataSecurityMode.SINGLE_USER))
    assert output.error is None, output.error_trace
    assert output.notebook_output.result == "100 done"
    container = ContainerClient(f"https://{cloud.host(account, 'blob')}", "files", databricks.local_azure.credential)
    assert container.download_blob("done.txt").readall() == b"done"
    # an access mode without Unity Catalog has the account only where the configuration says how
    output = databricks.run(path, {"url": url}, new_cluster=_cluster(None))
    assert f"Failure to initialize configuration for {account}" in output.error


@pytest.fixture
def lake(databricks: Databricks) -> tuple[str, str, str]:
    """An account with a hierarchical namespace: its name, a folder's URL, and a connector that may write there."""
    unique = uuid4().hex[:8]
    account, group = f"lake{unique}", databricks.id.split("/")[4]
    storage = StorageManagementClient(databricks.local_azure.credential, cloud.SUBSCRIPTION_ID, **ARM)
    sku = {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "location": "westeurope"}
    body: Any = {**sku, "properties": {"isHnsEnabled": True}}
    id = str(storage.storage_accounts.begin_create(group, account, body).result().id)
    storage.blob_containers.create(group, account, "files", {})  # type: ignore[arg-type]
    connector = f"{databricks.id.partition('/workspaces/')[0]}/accessConnectors/dbac-{unique}"
    body = {"location": "westeurope", "identity": {"type": "SystemAssigned"}}
    operation = databricks.resources.resources.begin_create_or_update_by_id(connector, body, api_version="2024-05-01")
    deployer = next(
        found.principal_id
        for found in databricks.roles.role_assignments.list_for_subscription()
        if found.scope == SUBSCRIPTION
    )
    role = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{BLOB_CONTRIBUTOR}"
    for principal in (operation.result().identity.principal_id, deployer):
        properties = {"roleDefinitionId": role, "principalId": principal, "principalType": "ServicePrincipal"}
        databricks.roles.role_assignments.create(id, str(uuid4()), {"properties": properties})  # type: ignore[arg-type]
    return account, f"abfss://files@{cloud.host(account, 'dfs')}/", connector


def _cluster(mode: compute.DataSecurityMode | None) -> compute.ClusterSpec:
    return dataclasses.replace(CLUSTER, data_security_mode=mode)


def _text(client: Any, path: str) -> str:
    return str(client.dbfs.download(path).read().decode())
