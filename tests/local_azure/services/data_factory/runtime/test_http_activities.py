"""WebActivity and AzureFunctionActivity against a scripted cloud: what is sent, what comes out, what fails how."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from adfkit.local_azure.services.data_factory.runtime import ActivityRun

from .harness import Harness, Respond, answer, load

URL = "https://api.azure.localhost/things?x=1"
RUNTIME = {"effectiveIntegrationRuntime": "AutoResolveIntegrationRuntime (westeurope)", "executionDuration": 0}
RUNTIME |= {"durationInQueue": {"integrationRuntimeQueue": 0}}  # type: ignore[dict-item]
FUNCTIONS: dict[str, Any] = {
    "type": "AzureFunction",
    "parameters": {"app": {"type": "string"}},
    "typeProperties": {
        "functionAppUrl": "@concat('https://', linkedService().app, '.azurewebsites.azure.localhost')",
        "authentication": "MSI",
        "resourceId": "api://functions",
    },
}


def run_one(
    path: Path, activity: dict[str, Any], respond: Respond, **linked_service: Any
) -> tuple[ActivityRun, Harness]:
    definition = {"activities": [{"name": "A", **activity}]}
    functions = FUNCTIONS | {"typeProperties": FUNCTIONS["typeProperties"] | linked_service}
    harness = Harness(
        path / "runs.db",
        {"pipelines": {"main": definition}, "linkedservices": {"functions": functions}},
        respond=respond,
    )
    run = asyncio.run(harness.run("main"))
    return harness.activities(run)["A"], harness


def web(**properties: Any) -> dict[str, Any]:
    return {"type": "WebActivity", "typeProperties": {"url": URL, "method": "GET", **properties}}


def function(**properties: Any) -> dict[str, Any]:
    reference = {"referenceName": "functions", "type": "LinkedServiceReference", "parameters": {"app": "my-app"}}
    given = {"functionName": "transform", "method": "POST", "body": {"n": "@add(1, 1)"}, **properties}
    return {"type": "AzureFunctionActivity", "linkedServiceName": reference, "typeProperties": given}


def test_web_sends_what_is_declared_with_the_factorys_token(tmp_path: Path) -> None:
    activity = web(
        method="POST",
        headers={"X-One": "@concat('a', 'b')", "x-api-key": "hush"},
        body={"run": "@pipeline().Pipeline"},
        authentication={"type": "MSI", "resource": "https://ml.azure.localhost"},
    )
    found, harness = run_one(tmp_path, activity, lambda _: answer(201, b'{"name": "job"}', X_Id="7"))
    (request,) = harness.cloud.requests
    assert (request.method, request.url, json.loads(request.content)) == ("POST", URL, {"run": "main"})
    assert request.headers == {
        "X-One": "ab",
        "x-api-key": "hush",
        "Content-Type": "application/json",
        "Authorization": "Bearer token-for-https://ml.azure.localhost",
    }
    assert request.timeout == 60
    assert found.status == "Succeeded"
    assert found.output == {"name": "job", "ADFWebActivityResponseHeaders": {"X-Id": "7"}} | RUNTIME
    assert found.input == {
        "url": URL,
        "method": "POST",
        "headers": {"X-One": "ab", "x-api-key": "**********"},
        "body": {"run": "main"},
        "authentication": {"type": "MSI", "resource": "https://ml.azure.localhost"},
    }


@pytest.mark.parametrize(
    ("content", "output"),
    [(b"plain", {"Response": "plain"}), (b"[1]", {"Response": "[1]"}), (b"", {}), (b'\xef\xbb\xbf{"a": 1}', {"a": 1})],
)
def test_web_output_by_content(content: bytes, output: dict[str, Any], tmp_path: Path) -> None:
    found, _ = run_one(tmp_path, web(), lambda _: answer(200, content))
    assert found.output == output | {"ADFWebActivityResponseHeaders": {}} | RUNTIME


def test_web_follows_a_202_until_it_is_done(tmp_path: Path) -> None:
    answers = iter(
        [
            answer(202, Location="/operations/1", Retry_After="5"),
            answer(202, Location="/operations/1", Retry_After="7"),
            answer(200, b'{"done": true}'),
        ]
    )
    found, harness = run_one(tmp_path, web(method="POST", body="x"), lambda _: next(answers))
    assert [(request.method, request.url) for request in harness.cloud.requests] == [
        ("POST", URL),
        ("GET", "https://api.azure.localhost/operations/1"),
        ("GET", "https://api.azure.localhost/operations/1"),
    ]
    assert found.output["done"] is True
    assert found.output["executionDuration"] == 12


def test_web_takes_a_202_as_it_is_when_told(tmp_path: Path) -> None:
    found, harness = run_one(tmp_path, web(turnOffAsync=True), lambda _: answer(202, b"{}", Location="/x"))
    assert found.status == "Succeeded"
    assert len(harness.cloud.requests) == 1


@pytest.mark.parametrize("case", load("http_failures.json"))
def test_failures(case: dict[str, Any], tmp_path: Path) -> None:
    activity = web(**case["web"]) if "web" in case else function(**case["function"])
    status, reason, content = case.get("status", (200, "OK", "{}"))
    found, _ = run_one(tmp_path, activity, lambda _: answer(status, content.encode(), reason))
    assert found.error == {
        "errorCode": case["code"],
        "message": case["message"],
        "failureType": "UserError",
        "target": "A",
        "details": [],
    }


def test_a_function_is_called_with_the_factorys_token(tmp_path: Path) -> None:
    found, harness = run_one(tmp_path, function(), lambda _: answer(200, b'{"rows": 3}', Date="now"))
    (request,) = harness.cloud.requests
    assert (request.method, request.url) == ("POST", "https://my-app.azurewebsites.azure.localhost/api/transform")
    assert json.loads(request.content) == {"n": 2}
    assert request.headers["Authorization"] == "Bearer token-for-api://functions"
    assert request.timeout == 230
    assert found.linked_service == "functions"
    assert found.output == {"rows": 3, "ADFWebActivityResponseHeaders": {"Date": "now"}} | RUNTIME


def test_a_function_is_called_with_its_key(tmp_path: Path) -> None:
    _, harness = run_one(
        tmp_path,
        function(),
        lambda _: answer(200, b"{}"),
        authentication="Anonymous",
        functionKey={"type": "SecureString", "value": "k"},
    )
    assert harness.cloud.requests[0].headers["x-functions-key"] == "k"
    assert "Authorization" not in harness.cloud.requests[0].headers


def test_a_function_without_linked_service(tmp_path: Path) -> None:
    activity = {key: value for key, value in function().items() if key != "linkedServiceName"}
    found, _ = run_one(tmp_path, activity, lambda _: answer(200))
    assert found.error
    assert found.error["errorCode"] == "3612"


def test_a_retry_calls_again(tmp_path: Path) -> None:
    answers = iter([answer(503, b"busy", "ServiceUnavailable"), answer(200, b'{"ok": 1}')])
    found, harness = run_one(tmp_path, function() | {"policy": {"retry": 1}}, lambda _: next(answers))
    assert (found.status, found.attempt, len(harness.cloud.requests)) == ("Succeeded", 1, 2)
