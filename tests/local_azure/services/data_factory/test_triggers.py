"""Triggers of a real local Azure through azure-mgmt-datafactory: started, fired, looked at, rerun, cancelled."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.datafactory.models import TriggerRun
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import BlobServiceClient

from adfkit.local_azure import cloud
from tests.conftest import LocalAzure

from .conftest import ARM, GROUP, FactoryClient

OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"  # Storage Blob Data Owner
ACCOUNT = "triggerslake"
WAIT = {"name": "Wait", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 120}}


def target(**parameters: str) -> dict[str, Any]:
    return {"pipelineReference": {"referenceName": "load", "type": "PipelineReference"}, "parameters": parameters}


def hours_ago(hours: int) -> str:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return (now - timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


def tumbling(**settings: Any) -> dict[str, Any]:
    given = {"frequency": "Hour", "interval": 1, "maxConcurrency": 5}
    return {
        "type": "TumblingWindowTrigger",
        "typeProperties": given | settings,
        "pipeline": target(at="@trigger().outputs.windowStartTime"),
    }


def pipeline(factory: FactoryClient, *activities: dict[str, Any]) -> None:
    factory.pipeline("load", *activities, parameters={"at": {"type": "String"}})


def trigger_runs(factory: FactoryClient) -> list[TriggerRun]:
    return list(factory.client.trigger_runs.query_by_factory(GROUP, factory.name, factory.window()).value)


def wait_for(factory: FactoryClient, statuses: list[str]) -> list[TriggerRun]:
    end = time.monotonic() + 30
    runs = trigger_runs(factory)
    while [run.status for run in runs] != statuses:
        assert time.monotonic() < end, [(run.status, run.message) for run in runs]
        time.sleep(0.1)
        runs = trigger_runs(factory)
    return runs


def state(factory: FactoryClient, name: str) -> Any:
    return factory.client.triggers.get(GROUP, factory.name, name).properties.runtime_state


def test_the_windows_since_the_start_time_run_and_a_window_can_be_rerun(factory: FactoryClient) -> None:
    pipeline(factory)
    factory.put("triggers", "hourly", tumbling(startTime=hours_ago(2)))
    factory.client.triggers.begin_start(GROUP, factory.name, "hourly").result()
    assert state(factory, "hourly") == "Started"
    runs = wait_for(factory, ["Succeeded", "Succeeded"])
    first = factory.get(runs[0].triggered_pipelines["load"])
    assert first.invoked_by.name == "hourly"
    assert first.invoked_by.invoked_by_type == "TumblingWindowTrigger"
    assert first.parameters == {"at": runs[0].properties["windowStartTime"]}
    assert first.parameters["at"].startswith(hours_ago(2).removesuffix("Z"))
    factory.client.trigger_runs.rerun(GROUP, factory.name, "hourly", str(runs[0].trigger_run_id))
    rerun = wait_for(factory, ["Succeeded"] * 3)[-1]
    assert rerun.properties["windowStartTime"] == runs[0].properties["windowStartTime"]


def test_a_started_trigger_is_stopped_before_it_is_changed_or_deleted(factory: FactoryClient) -> None:
    pipeline(factory)
    factory.put("triggers", "hourly", tumbling(startTime=hours_ago(0)))
    factory.client.triggers.begin_start(GROUP, factory.name, "hourly").result()
    for change in (
        lambda: factory.put("triggers", "hourly", tumbling(startTime=hours_ago(0), maxConcurrency=1)),
        lambda: factory.client.triggers.delete(GROUP, factory.name, "hourly"),
    ):
        with pytest.raises(HttpResponseError) as raised:
            change()
        assert raised.value.error.code == "TriggerEnabledCannotUpdate"
    factory.client.triggers.begin_stop(GROUP, factory.name, "hourly").result()
    assert state(factory, "hourly") == "Stopped"
    with pytest.raises(HttpResponseError) as raised:
        factory.put("triggers", "hourly", tumbling(startTime=hours_ago(5)))
    assert "cannot be changed" in raised.value.error.message
    factory.client.triggers.delete(GROUP, factory.name, "hourly")


def test_a_window_in_progress_is_cancelled_with_its_pipeline_run(factory: FactoryClient) -> None:
    pipeline(factory, WAIT)
    factory.put("triggers", "hourly", tumbling(startTime=hours_ago(1)))
    factory.client.triggers.begin_start(GROUP, factory.name, "hourly").result()
    (run,) = wait_for(factory, ["Inprogress"])
    arguments = (GROUP, factory.name, "hourly", str(run.trigger_run_id))
    with pytest.raises(HttpResponseError):
        factory.client.trigger_runs.rerun(*arguments)
    factory.client.trigger_runs.cancel(*arguments)
    wait_for(factory, ["Cancelled"])
    assert factory.wait(run.triggered_pipelines["load"]).status == "Cancelled"
    with pytest.raises(ResourceNotFoundError):
        factory.client.trigger_runs.cancel(GROUP, factory.name, "hourly", "none")


def test_a_trigger_that_is_wrong_or_not_supported_is_refused(factory: FactoryClient) -> None:
    pipeline(factory)
    with pytest.raises(HttpResponseError) as raised:
        factory.put("triggers", "t", tumbling(startTime=hours_ago(1), maxConcurrency=51))
    assert raised.value.error.message == "maxConcurrency must be a whole number from 1 to 50, not 51."
    factory.put("triggers", "t", {"type": "CustomEventsTrigger", "typeProperties": {"events": [], "scope": "s"}})
    with pytest.raises(HttpResponseError) as raised:
        factory.client.triggers.begin_start(GROUP, factory.name, "t").result()
    assert "CustomEventsTrigger" in raised.value.error.message


def _let_the_deployer_write(local_azure: LocalAzure, scope: str) -> None:
    claims = jwt.decode(
        local_azure.credential.get_token("https://storage.azure.com/.default").token,
        options={"verify_signature": False},
    )
    role = f"/subscriptions/{cloud.SUBSCRIPTION_ID}/providers/Microsoft.Authorization/roleDefinitions/{OWNER}"
    properties = {"roleDefinitionId": role, "principalId": claims["oid"], "principalType": "ServicePrincipal"}
    client = AuthorizationManagementClient(local_azure.credential, cloud.SUBSCRIPTION_ID, **ARM)
    client.role_assignments.create(scope, str(uuid4()), {"properties": properties})


def test_a_blob_that_is_written_starts_a_pipeline(factory: FactoryClient, local_azure: LocalAzure) -> None:
    storage = StorageManagementClient(local_azure.credential, cloud.SUBSCRIPTION_ID, **ARM)
    body: Any = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    account = storage.storage_accounts.begin_create(GROUP, ACCOUNT, body).result()
    storage.blob_containers.create(GROUP, ACCOUNT, "landing", {})
    _let_the_deployer_write(local_azure, str(account.id))
    pipeline(factory)
    trigger = {
        "type": "BlobEventsTrigger",
        "typeProperties": {
            "events": ["Microsoft.Storage.BlobCreated"],
            "scope": account.id,
            "blobPathBeginsWith": "/landing/blobs/in/",
            "ignoreEmptyBlobs": True,
        },
        "pipelines": [target(at="@{triggerBody().folderPath}/@{triggerBody().fileName}")],
    }
    factory.put("triggers", "arrived", trigger)
    triggers, place = factory.client.triggers, (GROUP, factory.name, "arrived")
    assert triggers.get_event_subscription_status(*place).status == "Disabled"
    assert triggers.begin_subscribe_to_events(*place).result().status == "Enabled"
    triggers.begin_start(*place).result()
    blobs = BlobServiceClient(f"https://{cloud.host(ACCOUNT, 'blob')}", credential=local_azure.credential)
    landing = blobs.get_container_client("landing")
    landing.upload_blob("in/a.csv", b"x", overwrite=True)
    landing.upload_blob("in/empty.csv", b"", overwrite=True)
    landing.upload_blob("elsewhere/a.csv", b"x", overwrite=True)
    (run,) = wait_for(factory, ["Succeeded"])
    assert factory.wait(run.triggered_pipelines["load"]).parameters == {"at": "landing/in/a.csv"}
    triggers.begin_stop(*place).result()
    assert triggers.begin_unsubscribe_from_events(*place).result().status == "Disabled"
