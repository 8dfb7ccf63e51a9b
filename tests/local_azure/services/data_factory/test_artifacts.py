"""Artifacts through azure-mgmt-datafactory: what is kept and shown, what is refused and in which words."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from .conftest import GROUP, FactoryClient

LAKE = {"type": "AzureBlobStorage", "typeProperties": {"serviceEndpoint": "https://lake.blob.azure.localhost/"}}
DATASET = {
    "type": "Binary",
    "linkedServiceName": {"referenceName": "lake", "type": "LinkedServiceReference"},
    "typeProperties": {"location": {"type": "AzureBlobStorageLocation", "container": "landing"}},
}
WAIT = {"name": "W", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 1}}
READ = {
    "name": "R",
    "type": "GetMetadata",
    "typeProperties": {"dataset": {"referenceName": "D", "type": "DatasetReference"}, "fieldList": ["exists"]},
}
DAILY = {"frequency": "Day", "interval": 1, "startTime": "2024-01-01T00:00:00Z"}
SCHEDULE = {"type": "ScheduleTrigger", "typeProperties": {"recurrence": DAILY}}


def refused(error: pytest.ExceptionInfo[HttpResponseError]) -> tuple[int | None, str | None, str]:
    assert error.value.error
    return error.value.status_code, error.value.error.code, error.value.error.message


def test_a_factory_lives(factory: FactoryClient) -> None:
    found = factory.client.factories.get(GROUP, factory.name)
    assert found.as_dict()["properties"]["provisioningState"] == "Succeeded"
    assert found.identity
    assert found.identity.principal_id
    assert found.e_tag
    assert factory.name in [each.name for each in factory.client.factories.list_by_resource_group(GROUP)]


@pytest.mark.parametrize(
    ("kind", "name", "properties"),
    [
        ("linked_services", "lake", LAKE),
        (
            "data_flows",
            "flow",  # its lines are no expressions of pipelines
            {
                "type": "MappingDataFlow",
                "typeProperties": {"scriptLines": ["source() ~> s", "s derive(x =", "@(a = 1)) ~> d"]},
            },
        ),
        ("pipelines", "pipe", {"activities": [WAIT], "description": "ask @bob", "folder": {"name": "a/b"}}),
        ("triggers", "daily", SCHEDULE),
        ("credential_operations", "cred", {"type": "ManagedIdentity", "typeProperties": {"resourceId": "/x"}}),
        ("integration_runtimes", "auto-ir", {"type": "Managed", "typeProperties": {}}),
        ("global_parameters", "default", {"env": {"type": "String", "value": "unit"}}),
    ],
)
def test_an_artifact_is_kept_as_it_was_sent(
    factory: FactoryClient, kind: str, name: str, properties: dict[str, Any]
) -> None:
    operations = getattr(factory.client, kind)
    with pytest.raises(ResourceNotFoundError):
        operations.get(GROUP, factory.name, name)
    created = factory.put(kind, name, properties)
    found = operations.get(GROUP, factory.name, name)
    shown = found.as_dict()["properties"]
    assert {key: shown[key] for key in properties} == properties
    assert (found.name, found.etag) == (name, created.etag)
    assert [each.name for each in operations.list_by_factory(GROUP, factory.name)] == [name]
    operations.delete(GROUP, factory.name, name)
    assert list(operations.list_by_factory(GROUP, factory.name)) == []


def test_an_etag_guards_an_update(factory: FactoryClient) -> None:
    first = factory.put("linked_services", "lake", LAKE)
    factory.put("linked_services", "lake", LAKE, etag=first.etag, match_condition=MatchConditions.IfNotModified)
    with pytest.raises(HttpResponseError) as error:
        factory.put("linked_services", "lake", LAKE, etag=first.etag, match_condition=MatchConditions.IfNotModified)
    assert error.value.status_code == 412


def test_references_must_exist_and_what_is_referenced_stays(factory: FactoryClient) -> None:
    with pytest.raises(HttpResponseError) as error:
        factory.put("datasets", "D", DATASET)
    message = "The document creation or update failed because of invalid reference 'lake'."
    assert refused(error) == (400, "BadRequest", message)
    factory.put("linked_services", "Lake", LAKE)
    factory.put("datasets", "D", DATASET)
    factory.pipeline("P", READ)
    with pytest.raises(HttpResponseError) as error:
        factory.client.linked_services.delete(GROUP, factory.name, "Lake")
    assert refused(error) == (400, "BadRequest", "The document cannot be deleted since it is referenced by D.")
    with pytest.raises(HttpResponseError) as error:
        factory.client.datasets.delete(GROUP, factory.name, "D")
    assert refused(error) == (400, "BadRequest", "The document cannot be deleted since it is referenced by P.")
    factory.client.pipelines.delete(GROUP, factory.name, "P")
    factory.client.datasets.delete(GROUP, factory.name, "D")
    factory.client.linked_services.delete(GROUP, factory.name, "Lake")


def test_secrets_are_not_shown_and_not_stored_in_plain(factory: FactoryClient, local_azure: Any) -> None:
    key = {"type": "SecureString", "value": "fn-s3cr3t-key"}
    properties = {"functionAppUrl": "https://f.azurewebsites.azure.localhost", "functionKey": key}
    created = factory.put("linked_services", "functions", {"type": "AzureFunction", "typeProperties": properties})
    shown = created.as_dict()["properties"]["typeProperties"]
    assert shown["functionKey"] == {"type": "SecureString", "value": "**********"}
    stored = b"".join(file.read_bytes() for file in local_azure.folder.glob("local-azure.db*"))
    assert factory.name.encode() in stored
    assert b"fn-s3cr3t-key" not in stored


def activity(name: str, kind: str = "Wait", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "typeProperties": {"waitTimeInSeconds": 1}, **more}


def after(*names: str) -> list[dict[str, Any]]:
    return [{"activity": name, "dependencyConditions": ["Succeeded"]} for name in names]


def loop(kind: str, *inner: dict[str, Any], name: str = "Loop", **properties: Any) -> dict[str, Any]:
    given = {"items": "@createArray(1)"} if kind == "ForEach" else {"expression": "@equals(1, 1)"}
    return {"name": name, "type": kind, "typeProperties": {**given, "activities": list(inner), **properties}}


BROKEN: list[tuple[list[Any], str]] = [
    ([{"type": "Wait"}], "properties.activities[0].name must be a text that is not empty."),
    ([{"name": "A"}], "properties.activities[0].type must be a text that is not empty."),
    (["A"], "properties.activities[0] must be an object."),
    (
        [activity("A", "Container")],
        "The activity 'A' has the type 'Container', which is no activity.",
    ),
    (
        [activity("A", dependsOn=["B"])],
        "properties.activities[0].dependsOn[0] must be an object.",
    ),
    (
        [activity("A"), loop("ForEach", activity("a"))],
        "The activity name 'a' is used more than once; names are unique within a pipeline.",
    ),
    ([activity("A", dependsOn=after("B"))], "The activity 'A' depends on 'B', which is no activity of its block."),
    (
        [activity("A"), activity("B", dependsOn=[{"activity": "A", "dependencyConditions": ["Done"]}])],
        "The activity 'B' has the unknown dependency condition 'Done'.",
    ),
    (
        [activity("A", dependsOn=after("B")), activity("B", dependsOn=after("A")), activity("C")],
        "The activities 'A', 'B' depend on each other in a circle.",
    ),
    (
        [{"name": "A", "type": "WebActivity", "typeProperties": {"method": "GET"}}],
        "The activity 'A' of type 'WebActivity' lacks the required property 'url'.",
    ),
    (
        [loop("ForEach", loop("ForEach", activity("A"), name="Inner"))],
        "The activity 'Inner' of type 'ForEach' cannot stand inside the loop 'Loop'.",
    ),
    (
        [{"name": "A", "type": "SetVariable", "typeProperties": {"variableName": "v", "value": 1}}],
        "The activity 'A' sets the undeclared variable 'v'.",
    ),
    (
        [
            {
                "name": "A",
                "type": "Fail",
                "typeProperties": {"message": "@pipeline().parameters.x", "errorCode": "@pipeline().parameters.Y"},
            }
        ],
        "Missing parameter definition for 'x','Y'",
    ),
]


@pytest.mark.parametrize(("activities", "message"), BROKEN)
def test_a_broken_pipeline_is_refused(factory: FactoryClient, activities: list[Any], message: str) -> None:
    with pytest.raises(HttpResponseError) as error:
        factory.pipeline("P", *activities)
    assert refused(error) == (400, "BadRequest", message)
    assert error.value.error
    assert error.value.error.target == "Pipeline/P"


@pytest.mark.parametrize(
    ("expression", "path", "words"),
    [
        ("@concat('a'", "message", "expected token 'RightParenthesis'"),
        ("@conact('a')", "message", "conact"),
        ("@item()", "message", "'item' is not expected"),
        ("@variables('v')", "message", "There is no variable 'v'"),
        ("@activity('Gone').output", "message", "There is no activity 'Gone'"),
        ("@activity('Sibling').output", "message", "There is no activity 'Sibling'"),
    ],
)
def test_a_bad_expression_is_refused_with_its_json_path(
    factory: FactoryClient, expression: str, path: str, words: str
) -> None:
    fail = {"name": "A", "type": "Fail", "typeProperties": {"message": expression, "errorCode": "1"}}
    with pytest.raises(HttpResponseError) as error:
        factory.pipeline("P", activity("Sibling"), fail)
    status, code, message = refused(error)
    assert (status, code) == (400, "BadRequest")
    assert message.startswith(f"properties.activities[1].typeProperties.{path}: ")
    assert words in message


def test_what_stands_before_is_seen_also_inside_its_containers(factory: FactoryClient) -> None:
    read = {"type": "Fail", "dependsOn": after("Loop"), "typeProperties": {"errorCode": "1"}}
    for kind, accepted in (("Until", True), ("ForEach", False)):
        reader = read | {"name": "R", "typeProperties": {"message": "@string(activity('In').output)", "errorCode": "1"}}
        if accepted:
            factory.pipeline("P", loop(kind, activity("In")), reader)
        else:
            with pytest.raises(HttpResponseError, match="There is no activity 'In'"):
                factory.pipeline("P", loop(kind, activity("In")), reader)


@pytest.mark.parametrize("name", ["a.b", "-a", "a:b", "x" * 261])
def test_names_follow_the_rules(factory: FactoryClient, name: str) -> None:
    with pytest.raises(HttpResponseError) as error:
        factory.pipeline(name, WAIT)
    assert refused(error)[:2] == (400, "InvalidResourceName")


def test_triggers_are_kept_stopped_and_one_without_a_pipeline_is_not_started(factory: FactoryClient) -> None:
    created = factory.put("triggers", "daily", SCHEDULE)
    assert created.as_dict()["properties"]["runtimeState"] == "Stopped"
    with pytest.raises(HttpResponseError) as error:
        factory.client.triggers.begin_start(GROUP, factory.name, "daily").result()
    assert refused(error) == (400, "BadRequest", "The trigger 'daily' starts no pipeline.")
    factory.client.triggers.begin_stop(GROUP, factory.name, "daily").result()
    queried = factory.client.triggers.query_by_factory(GROUP, factory.name, {})
    assert [trigger.name for trigger in queried.value] == ["daily"]
    runs = factory.client.trigger_runs.query_by_factory(GROUP, factory.name, factory.window())
    assert runs.value == []


def test_a_factory_takes_its_artifacts_along(factory: FactoryClient) -> None:
    factory.pipeline("P", WAIT)
    factory.client.factories.delete(GROUP, factory.name)
    factory.client.factories.create_or_update(GROUP, factory.name, {"location": "westeurope"})
    assert list(factory.client.pipelines.list_by_factory(GROUP, factory.name)) == []
    assert factory.client.factories.get(GROUP, factory.name).identity is None
