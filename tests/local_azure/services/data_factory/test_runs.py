"""Runs through azure-mgmt-datafactory: created, queried, cancelled, and going on after a kill of the whole gateway."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.mgmt.datafactory.models import RunQueryFilter, RunQueryOrderBy
from azure.mgmt.resource.resources import ResourceManagementClient

from adfkit.local_azure import cloud, daemon
from tests.conftest import LocalAzure

from .conftest import ARM, GROUP, FactoryClient


def wait(name: str, seconds: int = 1, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "Wait", "typeProperties": {"waitTimeInSeconds": seconds}, **more}


def after(*names: str, condition: str = "Succeeded") -> list[dict[str, Any]]:
    return [{"activity": name, "dependencyConditions": [condition]} for name in names]


def set_variable(name: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "SetVariable", "typeProperties": {"variableName": "v", "value": value}, **more}


VARIABLES = {"v": {"type": "String"}}


def test_a_run_and_its_activity_runs(factory: FactoryClient) -> None:
    parameters = {"who": {"type": "string"}, "n": {"type": "int", "defaultValue": 2}}
    set_v = set_variable("Set", "@concat(pipeline().parameters.who, pipeline().RunId)", dependsOn=after("Pause"))
    set_v["userProperties"] = [{"name": "owner", "value": "@pipeline().parameters.who"}]
    factory.pipeline("P", wait("Pause"), set_v, parameters=parameters, variables=VARIABLES, annotations=["nightly"])
    run = factory.run("p", who="me")
    shown = run.as_dict()
    assert (run.status, run.message, run.pipeline_name, run.is_latest) == ("Succeeded", "", "P", True)
    assert run.parameters == {"who": "me", "n": "2"}
    assert run.invoked_by
    assert run.invoked_by.invoked_by_type == "Manual"
    assert run.run_start
    assert run.run_end
    assert run.duration_in_ms == pytest.approx((run.run_end - run.run_start).total_seconds() * 1000, abs=1)
    assert shown["annotations"] == ["nightly"]
    activities = factory.activities(run)
    assert {name: each.status for name, each in activities.items()} == {"Pause": "Succeeded", "Set": "Succeeded"}
    assert activities["Set"].output == {"name": "v", "value": f"me{run.run_id}"}
    assert activities["Set"].as_dict()["userProperties"] == {"owner": "me"}
    assert activities["Pause"].activity_type == "Wait"
    assert activities["Pause"].duration_in_ms
    assert 1000 <= activities["Pause"].duration_in_ms < 3000


def test_a_failed_run_says_why(factory: FactoryClient) -> None:
    fail = {"name": "Stop", "type": "Fail", "typeProperties": {"message": "no rows", "errorCode": "E42"}}
    factory.pipeline("P", fail, wait("Never", dependsOn=after("Stop")))
    run = factory.run("P")
    assert (run.status, run.message) == ("Failed", "Operation on target Stop failed: no rows")
    activities = factory.activities(run)
    assert list(activities) == ["Stop"]
    assert activities["Stop"].error == {
        "errorCode": "E42",
        "message": "no rows",
        "failureType": "UserError",
        "target": "Stop",
        "details": [],
    }


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "Missing value for parameter 'who' of pipeline 'P': it has no default value."),
        ({"who": "x", "n": "many"}, "The value of parameter 'n' of pipeline 'P' is not of its type int."),
    ],
)
def test_a_run_needs_its_parameters(factory: FactoryClient, parameters: dict[str, Any], message: str) -> None:
    declared = {"who": {"type": "string"}, "n": {"type": "int", "defaultValue": 2}}
    factory.pipeline("P", set_variable("S", "x"), parameters=declared, variables=VARIABLES)
    with pytest.raises(HttpResponseError) as error:
        factory.start("P", **parameters)
    assert error.value.error
    assert (error.value.error.code, error.value.error.message) == ("BadRequest", message)
    assert factory.client.pipeline_runs.query_by_factory(GROUP, factory.name, factory.window()).value == []


def test_a_run_with_the_parameters_of_another(factory: FactoryClient) -> None:
    create = factory.client.pipelines.create_run
    show = set_variable("S", "@pipeline().parameters.p")
    factory.pipeline("P", show, parameters={"p": {"type": "string"}}, variables=VARIABLES)
    first = factory.run("P", p="again")
    second = factory.wait(create(GROUP, factory.name, "P", reference_pipeline_run_id=first.run_id).run_id)
    assert factory.activities(second)["S"].output == {"name": "v", "value": "again"}
    with pytest.raises(HttpResponseError) as error:
        create(GROUP, factory.name, "P", reference_pipeline_run_id="{}")
    assert error.value.error
    assert error.value.error.code == "ReferencedPipelineRunNotValid"


def recovering_pipeline(factory: FactoryClient, *, code: str) -> None:
    """A sets a variable, B is a block of two, C fails by an expression unless `code` is good, D runs behind C."""
    inner = [set_variable("B1", "b1"), behind("B1", set_variable("B2", "b2"))]
    check = {"expression": f"@equals('{code}', 'good')", "ifFalseActivities": [FAIL]}
    block = {"name": "B", "type": "IfCondition", "typeProperties": {"expression": "@true", "ifTrueActivities": inner}}
    factory.pipeline(
        "P",
        {**set_variable("A", "a"), "typeProperties": {"variableName": "kept", "value": "from the first run"}},
        behind("A", block),
        behind("A", {"name": "C", "type": "IfCondition", "typeProperties": check}),
        behind(
            "B C", set_variable("D", "@{variables('kept')}, @{activity('A').output.value}, @{activity('B2').status}")
        ),
        variables={**VARIABLES, "kept": {"type": "String", "defaultValue": "nothing"}},
    )


FAIL = {"name": "F", "type": "Fail", "typeProperties": {"message": "bad", "errorCode": "1"}}


def behind(names: str, activity: dict[str, Any]) -> dict[str, Any]:
    found = [{"activity": name, "dependencyConditions": ["Succeeded"]} for name in names.split()]
    return {**activity, "dependsOn": found}


@pytest.mark.parametrize(
    ("options", "again"),
    [
        ({"start_from_failure": True}, {"C", "D"}),
        ({"start_activity_name": "c"}, {"C", "D"}),
        ({"start_activity_name": "A"}, {"A", "B", "B1", "B2", "C", "D"}),
        ({}, {"A", "B", "B1", "B2", "C", "D"}),
    ],
)
def test_a_recovery_run_executes_what_it_must(factory: FactoryClient, options: dict[str, Any], again: set[str]) -> None:
    recovering_pipeline(factory, code="bad")
    failed = factory.run("P")
    assert (failed.status, failed.is_latest) == ("Failed", True)
    recovering_pipeline(factory, code="good")
    create = factory.client.pipelines.create_run
    created = create(GROUP, factory.name, "P", reference_pipeline_run_id=failed.run_id, is_recovery=True, **options)
    run = factory.wait(created.run_id)
    before, now = factory.activities(failed), factory.activities(run)
    assert (run.status, run.run_group_id, run.is_latest) == ("Succeeded", failed.run_id, True)
    assert factory.get(str(failed.run_id)).is_latest is False
    assert now["D"].output["value"] == "from the first run, from the first run, Succeeded"
    executed = {
        name
        for name, activity in now.items()
        if name not in before or activity.activity_run_start != before[name].activity_run_start
    }
    assert executed == again


def test_what_cannot_be_recovered_is_refused(factory: FactoryClient) -> None:
    recovering_pipeline(factory, code="bad")
    factory.pipeline("Other", set_variable("S", "x"), variables=VARIABLES)
    other, failed = factory.run("Other"), factory.run("P")
    create = factory.client.pipelines.create_run
    for options, code in (
        ({"is_recovery": True}, "ReferencedPipelineRunNotValid"),
        ({"is_recovery": True, "reference_pipeline_run_id": other.run_id}, "ReferencedPipelineRunNotValid"),
        ({"is_recovery": True, "reference_pipeline_run_id": failed.run_id, "start_activity_name": "Z"}, "BadRequest"),
        ({"reference_pipeline_run_id": failed.run_id, "start_from_failure": True}, "BadRequest"),
    ):
        with pytest.raises(HttpResponseError) as error:
            create(GROUP, factory.name, "P", **options)
        assert error.value.error
        assert error.value.error.code == code


def test_queries_filter_order_and_page(factory: FactoryClient) -> None:
    factory.pipeline("Good", set_variable("S", "x"), variables=VARIABLES)
    factory.pipeline("Bad", {"name": "F", "type": "Fail", "typeProperties": {"message": "m", "errorCode": "1"}})
    good = [factory.start("Good") for _ in range(120)]
    bad = [factory.run("Bad").run_id for _ in range(2)]
    for run_id in good:
        factory.wait(run_id)
    query = factory.client.pipeline_runs.query_by_factory

    failed = RunQueryFilter(operand="Status", operator="Equals", values_property=["Failed"])
    assert {run.run_id for run in query(GROUP, factory.name, factory.window(filters=[failed])).value} == set(bad)
    not_bad = RunQueryFilter(operand="PipelineName", operator="NotIn", values_property=["Bad", "Worse"])
    newest = RunQueryOrderBy(order_by="RunStart", order="DESC")
    first = query(GROUP, factory.name, factory.window(filters=[not_bad], order_by=[newest]))
    token = first.continuation_token
    second = query(GROUP, factory.name, factory.window(filters=[not_bad], order_by=[newest], continuation_token=token))
    starts = [run.run_start for page in (first, second) for run in page.value]
    assert (len(first.value), len(second.value), second.continuation_token) == (100, 20, None)
    assert starts == sorted(starts, reverse=True)
    assert {run.run_id for page in (first, second) for run in page.value} == set(good)
    wrong = RunQueryFilter(operand="TriggerName", operator="Equals", values_property=["x"])
    with pytest.raises(HttpResponseError, match="The operand 'TriggerName' is not valid here"):
        query(GROUP, factory.name, factory.window(filters=[wrong]))


def test_cancelling_a_run(factory: FactoryClient) -> None:
    factory.pipeline("P", wait("Long", 600), wait("Later", dependsOn=after("Long")))
    run_id = factory.start("P")
    factory.client.pipeline_runs.cancel(GROUP, factory.name, run_id)
    run = factory.wait(run_id)
    assert run.status == "Cancelled"
    assert {name: each.status for name, each in factory.activities(run).items()} == {"Long": "Cancelled"}
    with pytest.raises(HttpResponseError, match="has ended as Cancelled and cannot be cancelled"):
        factory.client.pipeline_runs.cancel(GROUP, factory.name, run_id)


def test_an_unknown_run(factory: FactoryClient) -> None:
    with pytest.raises(ResourceNotFoundError) as error:
        factory.get("00000000-0000-0000-0000-000000000000")
    assert error.value.error
    assert error.value.error.code == "PipelineRunNotFound"


def test_a_web_activity_calls_with_the_factorys_identity_and_says_which_role_it_lacks(factory: FactoryClient) -> None:
    url = f"{cloud.RESOURCE_MANAGER}subscriptions/{cloud.SUBSCRIPTION_ID}/resourceGroups/{GROUP}?api-version=2021-04-01"
    authentication = {"type": "MSI", "resource": cloud.RESOURCE_MANAGER}
    call = {"url": url, "method": "GET", "authentication": authentication}
    factory.pipeline("P", {"name": "Call", "type": "WebActivity", "typeProperties": call})
    run = factory.run("P")
    error = factory.activities(run)["Call"].error
    assert run.status == "Failed"
    assert error["errorCode"] == "2108"
    identity = factory.client.factories.get(GROUP, factory.name).identity
    assert identity
    for part in ("'403 - Forbidden'", "AuthorizationFailed", f"'{factory.name}'", str(identity.principal_id)):
        assert part in error["message"]


def test_a_web_activity_calls_with_a_user_assigned_identity(factory: FactoryClient, local_azure: LocalAzure) -> None:
    resources = ResourceManagementClient(local_azure.credential, cloud.SUBSCRIPTION_ID, **ARM)
    group = f"/subscriptions/{cloud.SUBSCRIPTION_ID}/resourceGroups/{GROUP}"
    id = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/caller"
    created = resources.resources.begin_create_or_update_by_id(
        id, {"location": "westeurope"}, api_version="2023-01-31"
    ).result()
    credential = {"type": "ManagedIdentity", "typeProperties": {"resourceId": id}}
    factory.put("credential_operations", "caller", credential)
    reference = {"referenceName": "caller", "type": "CredentialReference"}
    authentication = {
        "type": "UserAssignedManagedIdentity",
        "resource": cloud.RESOURCE_MANAGER,
        "credential": reference,
    }
    url = f"{cloud.RESOURCE_MANAGER.rstrip('/')}{group}?api-version=2021-04-01"
    call = {"url": url, "method": "GET", "authentication": authentication}
    factory.pipeline("P", {"name": "Call", "type": "WebActivity", "typeProperties": call})
    unassigned = factory.activities(factory.run("P"))["Call"].error
    assert unassigned["errorCode"] == "ManagedIdentityNotFound"
    identity = {"type": "UserAssigned", "userAssignedIdentities": {id: {}}}
    factory.client.factories.create_or_update(GROUP, factory.name, {"location": "westeurope", "identity": identity})
    forbidden = factory.activities(factory.run("P"))["Call"].error
    assert "'403 - Forbidden'" in forbidden["message"]
    assert str(created.properties["principalId"]) in forbidden["message"]
    own = {"url": url, "method": "GET", "authentication": {"type": "MSI", "resource": cloud.RESOURCE_MANAGER}}
    factory.pipeline("P", {"name": "Call", "type": "WebActivity", "typeProperties": own})
    missing = factory.activities(factory.run("P"))["Call"].error
    assert missing["message"] == f"The data factory '{factory.name}' has no system-assigned identity."


def test_a_web_activity_cannot_leave_the_machine(factory: FactoryClient) -> None:
    call = {"url": "https://example.com/", "method": "GET"}
    factory.pipeline("P", {"name": "Call", "type": "WebActivity", "typeProperties": call})
    error = factory.activities(factory.run("P"))["Call"].error
    assert error["errorCode"] == "HostNotReachable"
    assert "'https://example.com/' is refused" in error["message"]


def test_deleting_a_factory_ends_its_runs(factory: FactoryClient) -> None:
    factory.pipeline("P", wait("Long", 600))
    run_id = factory.start("P")
    factory.client.factories.delete(GROUP, factory.name)
    factory.client.factories.create_or_update(GROUP, factory.name, {"location": "westeurope"})
    with pytest.raises(ResourceNotFoundError):
        factory.get(run_id)


@pytest.mark.slow
def test_a_run_goes_on_after_the_gateway_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its own gateway, since that is killed."""
    daemon.start(tmp_path)
    try:
        for name, value in daemon.environment(tmp_path).items():
            monkeypatch.setenv(name, value)
        local_azure = _local_azure(tmp_path)
        factory = FactoryClient(local_azure, "killed")
        _create(factory, local_azure)
        each = {
            "name": "Count",
            "type": "AppendVariable",
            "typeProperties": {"variableName": "l", "value": "@utcnow()"},
        }
        until = {
            "name": "Loop",
            "type": "Until",
            "typeProperties": {
                "expression": "@equals(length(variables('l')), 4)",
                "activities": [each, wait("Pause", dependsOn=after("Count"))],
            },
        }
        show = set_variable("Show", "@string(variables('l'))", dependsOn=after("Loop"))
        factory.pipeline("P", until, show, variables={**VARIABLES, "l": {"type": "Array"}})
        run_id = factory.start("P")
        while len(factory.activities(factory.get(run_id))) < 3:
            time.sleep(0.05)
        pid = json.loads((tmp_path / "gateway.json").read_bytes())["pid"]
        os.kill(pid, signal.SIGKILL)
        while daemon.status(tmp_path).running:
            time.sleep(0.01)
        daemon.start(tmp_path)
        for name, value in daemon.environment(tmp_path).items():
            monkeypatch.setenv(name, value)
        run = FactoryClient(_local_azure(tmp_path), "killed").wait(run_id)
        assert (run.status, run.message) == ("Succeeded", "")
        counted = json.loads(factory.activities(run)["Show"].output["value"])
        assert len(counted) == len(set(counted)) == 4
    finally:
        daemon.stop(tmp_path)


def _local_azure(folder: Path) -> LocalAzure:
    environment = daemon.environment(folder)
    credential = ClientSecretCredential(
        environment["AZURE_TENANT_ID"],
        environment["AZURE_CLIENT_ID"],
        environment["AZURE_CLIENT_SECRET"],
        authority=environment["AZURE_AUTHORITY_HOST"],
    )
    return LocalAzure(folder, environment, credential)


def _create(factory: FactoryClient, local_azure: LocalAzure) -> None:
    resources = ResourceManagementClient(local_azure.credential, cloud.SUBSCRIPTION_ID, **ARM)
    resources.resource_groups.create_or_update(GROUP, {"location": "westeurope"})
    factory.client.factories.create_or_update(GROUP, factory.name, {"location": "westeurope"})
