"""A trigger that runs goes on running after a deployment, one that is stopped stays stopped, also when it fails."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from azure.mgmt.storage import StorageManagementClient

from adfkit.artifacts import triggers
from adfkit.artifacts.errors import ArtifactError
from adfkit.artifacts.factory import Factory
from adfkit.artifacts.model import Artifact, Kind
from infra import cloud
from infra.artifacts import ArtifactProvider

if TYPE_CHECKING:
    from tests.conftest import LocalAzure

STARTED, STOPPED = "Started", "Stopped"


def pipeline(seconds: int = 1, dataset: str = "") -> Artifact:
    activities: list[dict[str, Any]] = [
        {"name": "wait", "type": "Wait", "typeProperties": {"waitTimeInSeconds": seconds}}
    ]
    if dataset:
        reference = {"referenceName": dataset, "type": "DatasetReference"}
        look = {"name": "look", "type": "GetMetadata", "typeProperties": {"dataset": reference, "fieldList": []}}
        activities.append(look)
    return Artifact(Kind.PIPELINE, "load", {"activities": activities}, "pipelines/load.json.j2")


def target(name: str = "load") -> dict[str, Any]:
    return {"pipelineReference": {"referenceName": name, "type": "PipelineReference"}, "parameters": {}}


def schedule(state: str, *, days: int = 1, starts: str = "load") -> Artifact:
    recurrence = {"frequency": "Day", "interval": days, "startTime": "2099-01-01T00:00:00Z", "timeZone": "UTC"}
    return trigger(state, type="ScheduleTrigger", pipelines=[target(starts)], typeProperties={"recurrence": recurrence})


def windows(state: str, hours: int) -> Artifact:
    settings = {"frequency": "Hour", "interval": hours, "startTime": "2099-01-01T00:00:00Z", "maxConcurrency": 1}
    return trigger(state, type="TumblingWindowTrigger", pipeline=target(), typeProperties=settings)


def arrivals(state: str, scope: str, folder: str = "in") -> Artifact:
    settings = {
        "scope": scope,
        "blobPathBeginsWith": f"/landing/blobs/{folder}/",
        "ignoreEmptyBlobs": True,
        "events": ["Microsoft.Storage.BlobCreated"],
    }
    return trigger(state, type="BlobEventsTrigger", pipelines=[target()], typeProperties=settings)


def trigger(state: str, **properties: Any) -> Artifact:
    return Artifact(
        Kind.TRIGGER, "t", {"runtimeState": state, "annotations": ["a"], **properties}, "triggers/t.json.j2"
    )


def state(factory: Factory) -> tuple[Any, Any]:
    """Whether the trigger runs, and its annotations."""
    properties = factory.get(Kind.TRIGGER, "t")
    assert properties is not None
    return properties["runtimeState"], properties["annotations"]


@pytest.fixture
def loaded(factory: Factory) -> Iterator[Factory]:
    """A factory with the pipeline that triggers start."""
    factory.put(pipeline())
    yield factory
    triggers._held.clear()
    triggers._deleted.clear()


@pytest.mark.parametrize("first", [STARTED, STOPPED])
def test_a_new_trigger_is_started_as_declared_and_then_its_operator_decides(loaded: Factory, first: str) -> None:
    other = STOPPED if first == STARTED else STARTED
    loaded.put(schedule(first), is_new=True)
    assert state(loaded)[0] == first
    loaded.put(schedule(other, days=2))
    properties = loaded.get(Kind.TRIGGER, "t")
    assert properties is not None
    assert (properties["runtimeState"], properties["typeProperties"]["recurrence"]["interval"]) == (first, 2)


@pytest.mark.parametrize("first", [STARTED, STOPPED])
def test_a_change_that_fails_leaves_the_trigger_as_it_was(loaded: Factory, first: str) -> None:
    loaded.put(schedule(first))
    before = loaded.get(Kind.TRIGGER, "t")
    with pytest.raises(ArtifactError, match=r"triggers/t.json.j2: trigger t: BadRequest: .*nothing"):
        loaded.put(schedule(first, days=2, starts="nothing"))
    assert loaded.get(Kind.TRIGGER, "t") == before
    # put, but not to be started: the storage account of its events does not exist; another type is another trigger
    nowhere = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/nowhere"
    if first == STARTED:
        with pytest.raises(ArtifactError, match="does not exist"):
            loaded.put(arrivals(first, nowhere))
        assert loaded.get(Kind.TRIGGER, "t") == before


def test_a_new_trigger_that_cannot_be_started_is_not_left_behind(loaded: Factory) -> None:
    nowhere = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/nowhere"
    with pytest.raises(ArtifactError, match="does not exist"):
        loaded.put(arrivals(STARTED, nowhere), is_new=True)
    assert loaded.get(Kind.TRIGGER, "t") is None


@pytest.mark.parametrize("first", [STARTED, STOPPED])
def test_other_windows_are_another_trigger_that_runs_as_the_one_before(loaded: Factory, first: str) -> None:
    loaded.put(windows(first, 1))
    loaded.delete(Kind.TRIGGER, "t")  # as an engine replaces it
    loaded.put(windows(STARTED, 2), is_new=True)
    properties = loaded.get(Kind.TRIGGER, "t")
    assert properties is not None
    assert (properties["runtimeState"], properties["typeProperties"]["interval"]) == (first, 2)
    loaded.delete(Kind.TRIGGER, "t")
    with pytest.raises(ArtifactError, match="maxConcurrency"):
        bad = windows(STARTED, 3)
        bad.properties["typeProperties"]["maxConcurrency"] = 99
        loaded.put(bad, is_new=True)
    properties = loaded.get(Kind.TRIGGER, "t")
    assert properties is not None
    assert (properties["runtimeState"], properties["typeProperties"]["interval"]) == (first, 2)


@pytest.mark.parametrize("first", [STARTED, STOPPED])
def test_a_trigger_is_stopped_while_what_it_stands_on_changes(loaded: Factory, first: str) -> None:
    loaded.put(schedule(first))
    marked = ["a", triggers.MARK] if first == STARTED else ["a"]
    with loaded.triggers.stopped(["t"]):
        assert state(loaded) == (STOPPED, marked)
        with loaded.triggers.stopped(["t"]):
            loaded.put(pipeline(2))
        assert state(loaded) == (STOPPED, marked)
    assert state(loaded) == (first, ["a"])
    with pytest.raises(ArtifactError, match="missing"), loaded.triggers.stopped(["t", "not there"]):
        loaded.put(pipeline(3, dataset="missing"))
    assert state(loaded) == (first, ["a"])


def test_what_was_cut_off_is_made_good_by_the_next_deployment(loaded: Factory, local_azure: LocalAzure) -> None:
    artifact = schedule(STARTED)
    loaded.put(artifact)
    loaded.triggers._hold("t")
    triggers._held.clear()  # as in another process
    assert state(loaded) == (STOPPED, ["a", triggers.MARK])
    group, name = loaded._scope
    props = {
        "subscription_id": local_azure.environment["AZURE_SUBSCRIPTION_ID"],
        "resource_group": group,
        "factory": name,
        "kind": "trigger",
        "name": "t",
        "properties": artifact.properties,
        "source": artifact.source,
        "triggers": [],
    }
    provider = ArtifactProvider()
    assert provider.diff("id", props, props).changes is True
    provider.update("id", props, props)
    assert state(loaded) == (STARTED, ["a"])
    assert provider.diff("id", props, props).changes is False


def test_a_trigger_of_blob_events_is_subscribed_while_it_runs(loaded: Factory, local_azure: LocalAzure) -> None:
    current = cloud.current()
    group, name = loaded._scope
    storage = StorageManagementClient(
        local_azure.credential,
        local_azure.environment["AZURE_SUBSCRIPTION_ID"],
        base_url=current.resource_manager,
        credential_scopes=current.credential_scopes,
    )
    body: Any = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    account = storage.storage_accounts.begin_create(group, f"events{uuid.uuid4().hex[:12]}", body).result()

    def subscription() -> Any:
        return loaded._client.triggers.get_event_subscription_status(group, name, "t").status

    loaded.put(arrivals(STARTED, str(account.id)), is_new=True)
    assert (state(loaded)[0], subscription()) == (STARTED, "Enabled")
    loaded.put(arrivals(STARTED, str(account.id), folder="elsewhere"))
    assert (state(loaded)[0], subscription()) == (STARTED, "Enabled")
    loaded._client.triggers.begin_stop(group, name, "t").result()
    loaded.put(arrivals(STARTED, str(account.id)))
    assert (state(loaded)[0], subscription()) == (STOPPED, "Disabled")
    loaded.delete(Kind.TRIGGER, "t")
    assert loaded.get(Kind.TRIGGER, "t") is None
