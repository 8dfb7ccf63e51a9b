"""The management URLs, and the official client's other calls."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest


def post(url: str, **options: Any) -> httpx.Response:
    with httpx.Client(timeout=60) as client:
        return client.post(url, **options)


def test_a_running_orchestration_is_polled_and_an_ended_one_is_not(durable: Any) -> None:
    urls = durable.start("approval", {"a": 1})
    answer = durable.status(urls)
    assert answer.status_code == 202
    assert answer.headers["location"] == urls["statusQueryGetUri"]
    assert answer.headers["retry-after"] == "5"
    body = answer.json()
    assert body["runtimeStatus"] in ("Pending", "Running")
    assert (body["input"], body["output"]) == ('{"a": 1}', None)  # the official client sends JSON as a JSON string
    raised = post(urls["sendEventPostUri"].replace("{eventName}", "Approved"), json=True)
    assert (raised.status_code, raised.content) == (202, b"")
    durable.ended(urls)
    answer = durable.status(urls, showInput="false")
    assert answer.status_code == 200
    assert "location" not in answer.headers
    assert (answer.json()["input"], answer.json()["output"]) == (None, [True, 9])


def test_the_urls_ask_for_the_system_key(durable: Any) -> None:
    urls = durable.start("fan_out")
    durable.ended(urls)
    for wrong in (urls["statusQueryGetUri"].partition("?")[0], urls["statusQueryGetUri"] + "x"):
        with httpx.Client() as client:
            assert client.get(wrong).status_code == 401
    keys = durable.site.cloud.arm("POST", f"{durable.site.id}/host/default/listkeys").json()
    assert urls["statusQueryGetUri"].endswith(f"&code={keys['systemKeys']['durabletask_extension']}")


def test_an_app_without_durable_functions_has_no_such_key(web: Any) -> None:
    app = web.app()
    assert web.arm("POST", f"{app.id}/host/default/listkeys").json()["systemKeys"] == {}


def test_a_history_is_shown(durable: Any) -> None:
    urls = durable.start("chain", {"text": "hi"})
    durable.ended(urls)
    events = durable.status(urls, showHistory="true", showHistoryOutput="true").json()["historyEvents"]
    shown = [(event["EventType"], event.get("FunctionName"), event.get("Result")) for event in events]
    assert shown == [
        ("ExecutionStarted", "chain", None),
        ("TaskCompleted", "shout", {"shouted": "HI"}),
        ("TaskCompleted", "square", 4),
        ("ExecutionCompleted", None, [{"shouted": "HI"}, 4, urls["id"]]),
    ]
    assert events[1]["Input"] == '["\\"hi\\""]'
    assert events[-1]["OrchestrationStatus"] == "Completed"


def test_suspended_it_does_nothing_until_it_is_resumed(durable: Any) -> None:
    urls = durable.start("approval")
    assert durable.use("suspend", urls["id"]) in ("Running", "Pending", "Suspended")
    durable.until(urls, lambda body: body["runtimeStatus"] == "Suspended")
    post(urls["sendEventPostUri"].replace("{eventName}", "approved"), json="ignored: names are told apart by case")
    post(urls["sendEventPostUri"].replace("{eventName}", "Approved"), json="while suspended")
    other = durable.start("fan_out")  # served after the events, which therefore have been seen
    assert durable.ended(other)["output"] == 30
    assert durable.status(urls).json()["runtimeStatus"] == "Suspended"
    assert post(urls["resumePostUri"].replace("{text}", "go")).status_code == 202
    assert durable.ended(urls)["output"] == ["while suspended", 9]


def test_terminated_it_ends_with_the_reason(durable: Any) -> None:
    urls = durable.start("approval")
    assert post(urls["terminatePostUri"].replace("{text}", "enough")).status_code == 202
    status = durable.ended(urls)
    assert (status["runtimeStatus"], status["output"]) == ("Terminated", "enough")
    for gone in ("terminatePostUri", "suspendPostUri", "resumePostUri"):
        assert post(urls[gone]).status_code == 410
    assert post(urls["sendEventPostUri"].replace("{eventName}", "Approved"), json=1).status_code == 410


def test_rewinding_is_refused_by_name(durable: Any) -> None:
    urls = durable.start("failing")
    durable.ended(urls)
    refused = post(urls["rewindPostUri"])
    assert refused.status_code == 501
    assert "Rewinding an orchestration" in refused.text


def test_the_official_client_lists_restarts_and_purges(durable: Any) -> None:
    prefix = uuid4().hex
    for name in ("a", "b"):
        durable.ended(durable.start("fan_out", id=f"{prefix}-{name}"))
    assert durable.use("list", prefix) == f"{prefix}-a {prefix}-b"
    assert f"'id': '{prefix}-a'" in durable.use("restart", f"{prefix}-a")
    urls = durable.start("fan_out")
    again = {"statusQueryGetUri": urls["statusQueryGetUri"].replace(urls["id"], f"{prefix}-a")}
    assert durable.ended(again)["output"] == 30
    assert durable.use("purge", f"{prefix}-a") == "1"
    assert durable.status(again).status_code == 404
    assert durable.use("list", prefix) == f"{prefix}-b"


def test_an_id_that_runs_is_not_started_again(durable: Any) -> None:
    urls = durable.start("approval")
    again = durable.site.call("POST", "/api/start/approval", params={"id": urls["id"]})
    assert again.status_code == 500
    assert "An Orchestration instance with the status" in again.text
    post(urls["terminatePostUri"])


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("POST", "orchestrators/nobody", 400, "The function 'nobody' doesn't exist, is disabled, or is not an orch"),
        ("POST", "orchestrators/fan_out/@x", 400, "Orchestration instance ids must not start with @."),
        ("POST", "entities/nobody/a", 400, "is not an entity function"),
        ("DELETE", "instances", 400, "Please provide value for 'createdTimeFrom' parameter."),
        ("GET", "instances?createdTimeFrom=soon", 400, "'soon' is no time for 'createdTimeFrom'"),
        ("GET", "instances/nobody", 404, ""),
        ("POST", "instances/nobody/terminate", 404, ""),
        ("GET", "instances?taskHub=another", 501, "The task hub 'another' of another app"),
        ("PUT", "instances", 404, ""),
    ],
)
def test_what_is_refused_says_why(durable: Any, method: str, path: str, status: int, says: str) -> None:
    keys = durable.site.cloud.arm("POST", f"{durable.site.id}/host/default/listkeys").json()
    answer = durable.site.call(
        method, f"/runtime/webhooks/durabletask/{path}", headers={"x-functions-key": keys["masterKey"]}
    )
    assert answer.status_code == status
    assert says in answer.text


def test_without_a_role_on_the_queues_nothing_starts(durable: Any, another_durable_app: Any) -> None:
    app, queue_role = another_durable_app
    app.site.revoke(queue_role)
    answer = app.site.call("POST", "/api/start/fan_out")
    assert answer.status_code == 500
    assert "ErrorCode: AuthorizationPermissionMismatch" in answer.text
    assert app.notes() == []
