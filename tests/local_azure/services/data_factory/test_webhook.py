"""WebHook: an endpoint of this machine is called, and calls back through the cloud's gateway."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from adfkit.local_azure import cloud

from .conftest import FactoryClient


class Endpoint:
    """A server that keeps the bodies of what it is called with, and answers a status."""

    def __init__(self) -> None:
        self.calls: queue.Queue[dict[str, Any]] = queue.Queue()
        self.status = 200
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.calls.put(json.loads(body))
                self.send_response(endpoint.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Keep quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    found = Endpoint()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def start(factory: FactoryClient, endpoint: Endpoint, **properties: Any) -> str:
    given = {"url": endpoint.url, "method": "POST", "body": {"n": "@add(1, 1)"}, "timeout": "00:01:00", **properties}
    factory.pipeline("P", {"name": "Hook", "type": "WebHook", "typeProperties": given})
    return factory.start("P")


def test_it_ends_when_it_is_called_back(factory: FactoryClient, endpoint: Endpoint) -> None:
    run_id = start(factory, endpoint)
    sent = endpoint.calls.get(timeout=60)
    address = sent.pop("callBackUri")
    assert sent == {"n": 2}
    assert address.startswith(f"https://westeurope.svc.datafactory.{cloud.SUFFIX}/workflow/callback/")
    wrong = requests.post(f"{address}x", json={}, timeout=60)
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (404, "ActivityNotWaiting")
    assert requests.get(address, timeout=60).status_code == 405
    assert requests.post(address, data=b"{", timeout=60).status_code == 400
    assert factory.get(run_id).status == "InProgress"
    assert requests.post(address, json={"rows": 3}, timeout=60).status_code == 200
    run = factory.wait(run_id)
    activity = factory.activities(run)["Hook"]
    assert (run.status, activity.output) == ("Succeeded", {"rows": 3})
    assert activity.input == {"url": endpoint.url, "method": "POST", "headers": {}, "body": {"n": 2}}
    assert requests.post(address, json={}, timeout=60).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code", "output"),
    [
        ({"Output": {"a": 1}, "StatusCode": "200"}, "Succeeded", "", {"a": 1}),
        (
            {"Output": {"a": 1}, "Error": {"ErrorCode": "E1", "Message": "no"}, "StatusCode": "403"},
            "Failed",
            "E1",
            {"a": 1},
        ),
        ({"StatusCode": "500"}, "Failed", "500", {}),
    ],
)
def test_it_reports_the_status_that_it_is_called_back_with(
    factory: FactoryClient, endpoint: Endpoint, body: dict[str, Any], status: str, code: str, output: dict[str, Any]
) -> None:
    run_id = start(factory, endpoint, reportStatusOnCallBack=True)
    requests.post(endpoint.calls.get(timeout=60)["callBackUri"], json=body, timeout=60)
    activity = factory.activities(factory.wait(run_id))["Hook"]
    assert (activity.status, activity.error["errorCode"], activity.output) == (status, code, output)


def test_it_times_out(factory: FactoryClient, endpoint: Endpoint) -> None:
    run_id = start(factory, endpoint, timeout="00:00:01")
    activity = factory.activities(factory.wait(run_id))["Hook"]
    assert (activity.status, activity.error["errorCode"]) == ("TimedOut", "ActivityTimedOut")


def test_an_endpoint_that_refuses_fails_it(factory: FactoryClient, endpoint: Endpoint) -> None:
    endpoint.status = 500
    activity = factory.activities(factory.wait(start(factory, endpoint)))["Hook"]
    assert (activity.status, activity.error["errorCode"]) == ("Failed", "2108")
    assert "Response status code: '500 - Internal Server Error'" in activity.error["message"]


def test_a_body_that_is_no_object_cannot_carry_the_address(factory: FactoryClient, endpoint: Endpoint) -> None:
    activity = factory.activities(factory.wait(start(factory, endpoint, body="text")))["Hook"]
    assert (activity.status, activity.error["errorCode"]) == ("Failed", "2104")
