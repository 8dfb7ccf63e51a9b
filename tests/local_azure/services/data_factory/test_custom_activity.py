"""The Custom activity on a real Batch pool: what a command is handed, what comes back, and how it fails."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from azure.batch import BatchClient
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.datafactory.models import ActivityRun
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.storage.blob import BlobServiceClient

from adfkit.local_azure import cloud
from tests.conftest import LocalAzure

from .conftest import ARM, GROUP, FactoryClient

CONTRIBUTOR, SUBMITTER = "ba92f5b4-2d11-453d-a403-e96b0029c9fe", "48e5e92e-a480-4e71-aa9c-2778f4c13781"
SUBSCRIPTION = f"/subscriptions/{cloud.SUBSCRIPTION_ID}"
PROVIDERS = f"{SUBSCRIPTION}/resourceGroups/{GROUP}/providers"
PROGRAM = b"""
import json
given = json.load(open("activity.json"))["typeProperties"]["extendedProperties"]
services = [service["name"] for service in json.load(open("linkedServices.json"))]
json.dump({"given": given, "services": services, "sets": json.load(open("datasets.json"))}, open("outputs.json", "w"))
"""
FILES = {
    "app/run.sh": b'cat "$1"; echo warned >&2; python3 main.py\n',
    "app/main.py": PROGRAM,
    "app/deep/data.txt": b"some data\n",
    "same/a/x": b"",
    "same/b/x": b"",
}


@dataclass
class Pool:
    """A factory with linked services to a Batch pool, and the accounts behind them."""

    factory: FactoryClient
    client: BatchClient
    blobs: BlobServiceClient
    roles: AuthorizationManagementClient
    grants: dict[str, tuple[str, str]]

    def run(self, command: Any, **properties: Any) -> ActivityRun:
        """Run one Custom activity to its end."""
        self.factory.pipeline("custom", custom(command, **properties))
        return self.factory.activities(self.factory.run("custom"))["Run"]

    def revoke(self, name: str) -> None:
        """Take a role away."""
        self.roles.role_assignments.delete(*self.grants[name])


def custom(command: Any, policy: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    return {
        "name": "Run",
        "type": "Custom",
        "linkedServiceName": {"referenceName": "pool", "type": "LinkedServiceReference"},
        "policy": policy or {},
        "typeProperties": {"command": command, **properties},
    }


def on_storage(folder: str) -> dict[str, Any]:
    return {
        "resourceLinkedService": {"referenceName": "storage", "type": "LinkedServiceReference"},
        "folderPath": f"programs/{folder}",
    }


@pytest.fixture
def pool(local_azure: LocalAzure, factory: FactoryClient) -> Iterator[Pool]:
    resources = ResourceManagementClient(local_azure.credential, cloud.SUBSCRIPTION_ID, **ARM)
    unique = uuid4().hex[:10]

    def made(id: str, version: str, body: dict[str, Any]) -> str:
        body = {"location": "westeurope", **body}
        resources.resources.begin_create_or_update_by_id(id, body, api_version=version).result()
        return id

    sku = {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": {}}
    storage = made(f"{PROVIDERS}/Microsoft.Storage/storageAccounts/custom{unique}", "2024-01-01", sku)
    batch = made(f"{PROVIDERS}/Microsoft.Batch/batchAccounts/batch{unique}", "2024-07-01", {})
    image = {"imageReference": {"publisher": "canonical"}, "nodeAgentSkuId": "ubuntu"}
    properties = {
        "vmSize": "STANDARD_D2S_V3",
        "deploymentConfiguration": {"virtualMachineConfiguration": image},
        "scaleSettings": {"fixedScale": {"targetDedicatedNodes": 1}},
    }
    resources.resources.begin_create_or_update_by_id(
        f"{batch}/pools/transforms", {"properties": properties}, api_version="2024-07-01"
    ).result()
    endpoint, blob_endpoint = _url(f"batch{unique}.westeurope.batch"), _url(f"custom{unique}.blob")
    reference = {"referenceName": "storage", "type": "LinkedServiceReference"}
    factory.put(
        "linked_services", "storage", {"type": "AzureBlobStorage", "typeProperties": {"serviceEndpoint": blob_endpoint}}
    )
    batch_properties = {
        "accountName": f"batch{unique}",
        "batchUri": endpoint,
        "poolName": "transforms",
        "linkedServiceName": reference,
    }
    factory.put("linked_services", "pool", {"type": "AzureBatch", "typeProperties": batch_properties})
    roles = AuthorizationManagementClient(local_azure.credential, cloud.SUBSCRIPTION_ID, **ARM)
    identity = str(factory.client.factories.get(GROUP, factory.name).identity.principal_id)
    deployer = next(
        found.principal_id for found in roles.role_assignments.list_for_subscription() if found.scope == SUBSCRIPTION
    )
    grants = {}
    for name, scope, role, principal in (
        ("storage", storage, CONTRIBUTOR, identity),
        ("batch", batch, SUBMITTER, identity),
        ("deployer", storage, CONTRIBUTOR, deployer),
    ):
        grants[name] = (scope, str(uuid4()))
        definition = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        body = {"roleDefinitionId": definition, "principalId": principal, "principalType": "ServicePrincipal"}
        roles.role_assignments.create(*grants[name], {"properties": body})
    blobs = BlobServiceClient(blob_endpoint, local_azure.credential)
    programs = blobs.create_container("programs")
    for name, content in FILES.items():
        programs.upload_blob(name, content)
    yield Pool(factory, BatchClient(endpoint, local_azure.credential), blobs, roles, grants)


def _url(name: str) -> str:
    return f"https://{name}.{cloud.SUFFIX}"


def test_a_command_gets_files_and_properties_and_hands_back_outputs(pool: Pool) -> None:
    references = {"linkedServices": [{"referenceName": "storage", "type": "LinkedServiceReference"}], "datasets": []}
    found = pool.run(
        {"value": "@concat('/bin/bash run.sh ', 'data.txt')", "type": "Expression"},
        **on_storage("app"),
        extendedProperties={"run": {"value": "@pipeline().RunId", "type": "Expression"}, "tasks": 4},
        referenceObjects=references,
    )
    assert found.status == "Succeeded", found.error
    output: Any = found.output
    assert output["exitcode"] == 0
    assert output["customOutput"] == {
        "given": {"run": found.pipeline_run_id, "tasks": 4},
        "services": ["storage"],
        "sets": [],
    }
    task = output["outputs"][0].split("/")[-3]
    assert output["outputs"] == [
        f"{pool.blobs.url.rstrip('/')}/adfjobs/{task}/output/{name}" for name in ("stdout.txt", "stderr.txt")
    ]
    jobs = pool.blobs.get_container_client("adfjobs")
    assert jobs.download_blob(f"{task}/output/stdout.txt").readall() == b"some data\n"
    assert jobs.download_blob(f"{task}/output/stderr.txt").readall() == b"warned\n"
    assert pool.client.get_task("adfv2-transforms", task).execution_info.exit_code == 0
    assert '"vmSize":"standard_d2s_v3"' in output["computeInformation"].replace(" ", "")


def test_referenced_artifacts_come_with_their_parameters_and_secrets_with_their_values(pool: Pool) -> None:
    storage = {"referenceName": "storage", "type": "LinkedServiceReference"}
    location = {
        "type": "AzureBlobStorageLocation",
        "container": "programs",
        "folderPath": {"value": "@dataset().folder", "type": "Expression"},
    }
    pool.factory.put(
        "datasets",
        "files",
        {
            "type": "Binary",
            "linkedServiceName": storage,
            "parameters": {"folder": {"type": "string"}},
            "typeProperties": {"location": location},
        },
    )
    folder = {"value": "@pipeline().RunId", "type": "Expression"}
    reference = {"referenceName": "files", "type": "DatasetReference", "parameters": {"folder": folder}}
    secret = {"type": "SecureString", "value": "known to the command only"}
    found = pool.run(
        "/bin/bash run.sh activity.json",
        **on_storage("app"),
        extendedProperties={"secret": secret},
        referenceObjects={"linkedServices": [], "datasets": [reference]},
        retentionTimeInDays=2,
    )
    assert found.status == "Succeeded", found.error
    output: Any = found.output
    [dataset] = output["customOutput"]["sets"]
    assert dataset["name"] == "files"
    assert dataset["properties"]["typeProperties"]["location"]["folderPath"] == found.pipeline_run_id
    assert output["customOutput"]["given"] == {"secret": secret}
    assert secret["value"] not in json.dumps(found.input)
    task = output["outputs"][0].split("/")[-3]
    activity = json.loads(pool.blobs.get_blob_client("adfjobs", f"{task}/output/stdout.txt").download_blob().readall())
    assert activity["name"] == "Run"
    assert activity["typeProperties"]["command"] == "/bin/bash run.sh activity.json"
    constraints = pool.client.get_task("adfv2-transforms", task).constraints
    assert (constraints.retention_time, constraints.max_task_retry_count) == (timedelta(days=2), 0)


@pytest.mark.parametrize(
    ("command", "status", "custom"),
    [
        ("echo no json > outputs.json", "Succeeded", "no json\n"),
        ("head -c 3000000 /dev/zero > outputs.json", "Failed", None),
    ],
    ids=["a text", "too long"],
)
def test_outputs_that_are_no_json_are_a_text_and_too_long_ones_fail(
    pool: Pool, command: str, status: str, custom: str | None
) -> None:
    found = pool.run(f"/bin/bash -c '{command}'")
    assert (found.status, found.output.get("customOutput")) == (status, custom)
    assert custom or "outputs.json is longer than 2097152 bytes" in found.error["message"]


def test_a_command_that_exits_3_or_is_killed_fails_the_activity_with_its_last_words(pool: Pool) -> None:
    found = pool.run("/bin/bash -c 'echo the data is broken >&2; exit 3'")
    assert (found.status, found.error["errorCode"], found.output["exitcode"]) == ("Failed", "2500", 3)
    message = found.error["message"]
    assert message.startswith("Hit unexpected exception and execution failed.")
    assert "exited with code 3" in message and message.endswith("the data is broken")
    pool.factory.pipeline("custom", custom("/bin/bash -c 'echo $$ >&2; exec sleep 60'"))
    run = pool.factory.start("custom")
    os.kill(_process(pool), signal.SIGKILL)
    killed = pool.factory.activities(pool.factory.wait(run))["Run"]
    assert (killed.error["errorCode"], killed.output["exitcode"]) == ("2500", 137)


def test_what_a_command_cannot_be_run_with_says_so(pool: Pool) -> None:
    cases: list[tuple[dict[str, Any], str, str]] = [
        (on_storage("none"), "2507", "does not exist or is empty: programs/none"),
        (on_storage("same"), "2508", "duplicate files in the resource folder. (x)"),
        ({"folderPath": "programs/app"}, "2103", "resourceLinkedService"),
        ({"autoUserSpecification": "admin"}, "NotSupported", "autoUserSpecification"),
    ]
    for properties, code, says in cases:
        found = pool.run("true", **properties)
        assert (found.status, found.error["errorCode"]) == ("Failed", code), found.error
        assert says in found.error["message"]
    pool.revoke("batch")
    found = pool.run("true")
    assert (found.error["errorCode"], "AuthorizationFailed" in found.error["message"]) == ("2501", True)
    pool.revoke("storage")
    found = pool.run("true")
    assert found.error["errorCode"] == "2502"
    assert f"managed identity '{pool.factory.name}'" in found.error["message"]


def test_a_cancelled_run_ends_its_task(pool: Pool) -> None:
    pool.factory.pipeline("custom", custom("/bin/bash -c 'echo $$ >&2; exec sleep 60'"))
    run = pool.factory.start("custom")
    process = _process(pool)
    pool.factory.client.pipeline_runs.cancel(GROUP, pool.factory.name, run)
    assert pool.factory.wait(run).status == "Cancelled"
    (task,) = pool.client.list_tasks("adfv2-transforms")
    assert (task.state.value, task.execution_info.failure_info.code) == ("completed", "TaskEnded")
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_command_that_takes_too_long_is_ended(pool: Pool) -> None:
    found = pool.run("sleep 60", policy={"timeout": "0.00:00:02"})
    assert found.status == "TimedOut"
    (task,) = pool.client.list_tasks("adfv2-transforms")
    assert task.execution_info.failure_info.code == "TaskEnded"


def _process(pool: Pool) -> int:
    """The process of the task that runs now, which wrote its id to stderr."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            for task in pool.client.list_tasks("adfv2-transforms", filter="state eq 'running'"):
                text = b"".join(pool.client.download_task_file("adfv2-transforms", task.id, "stderr.txt")).decode()
                if text.strip():
                    return int(text)
        except Exception as error:  # noqa: BLE001 - there is no job, no task or no file yet
            last = error
        time.sleep(0.05)
    raise AssertionError(f"no task ran: {last}")
