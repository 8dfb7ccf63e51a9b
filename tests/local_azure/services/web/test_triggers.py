"""Functions started by blobs, messages and timers, and what they write: by the official clients of storage."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient, TextBase64DecodePolicy, TextBase64EncodePolicy

from adfkit.local_azure import cloud, daemon
from infra.function_package import PublishError

pytestmark = pytest.mark.slow

CODE = """
import json, logging, os
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="copy/{name}")
@app.blob_input(arg_name="source", path="work/in/{name}", connection="LAKE")
@app.blob_output(arg_name="target", path="work/copied/{name}", connection="LAKE")
@app.queue_output(arg_name="told", queue_name="%TOLD%", connection="LAKE")
def copy(req: func.HttpRequest, source: func.InputStream, target: func.Out[bytes], told: func.Out[str]) -> str:
    if source is None:
        return "nothing there"
    target.set(source.read().upper())
    told.set(json.dumps({"name": req.route_params["name"]}))
    return "copied"

@app.queue_trigger(arg_name="message", queue_name="orders", connection="LAKE")
@app.blob_output(arg_name="$return", path="work/orders/{order.id}", connection="LAKE")
def order(message: func.QueueMessage) -> str:
    body = message.get_json()
    if body.get("bad"):
        logging.warning("try %s", message.dequeue_count)
        raise ValueError("a bad order")
    inserted = message.insertion_time.year
    return json.dumps({"id": message.id, "count": message.dequeue_count, "year": inserted, "body": body})

@app.blob_trigger(arg_name="blob", path="work/drop/{name}.txt", connection="LAKE")
@app.queue_output(arg_name="$return", queue_name="dropped", connection="LAKE")
def dropped(blob: func.InputStream) -> str:
    text = blob.read().decode()
    if text == "bad":
        raise ValueError("a bad blob")
    return json.dumps({"name": blob.name, "length": blob.length, "uri": blob.uri, "text": text})

@app.timer_trigger(arg_name="timer", schedule="%SCHEDULE%", run_on_startup=False)
@app.queue_output(arg_name="told", queue_name="ticks", connection="LAKE")
def tick(timer: func.TimerRequest, told: func.Out[str]) -> None:
    told.set(json.dumps({"late": timer.past_due, "status": timer.schedule_status}))
"""
BUNDLE = {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.*, 5.0.0)"}
HOST = json.dumps(
    {"version": "2.0", "extensionBundle": BUNDLE, "extensions": {"queues": {"maxPollingInterval": "00:00:00.200"}}}
)
ROLES = ("Storage Blob Data Owner", "Storage Queue Data Contributor")


@dataclass
class Bound:
    """An app that is deployed with the package above, and clients of the storage that it is bound to."""

    app: Any
    account: str

    def queue(self, name: str) -> QueueClient:
        return QueueClient(
            f"https://{self.account}.queue.{cloud.SUFFIX}",
            name,
            credential=DefaultAzureCredential(),
            message_encode_policy=TextBase64EncodePolicy(),
            message_decode_policy=TextBase64DecodePolicy(),
        )

    def container(self) -> ContainerClient:
        return ContainerClient(f"https://{self.account}.blob.{cloud.SUFFIX}", "work", DefaultAzureCredential())

    def message(self, queue: str) -> Any:
        """The next message of a queue, taken out of it."""
        client = self.queue(queue)

        def take() -> Any:
            try:
                message = client.receive_message()
            except ResourceNotFoundError:
                return None
            if message is not None:
                client.delete_message(message)
            return message

        return json.loads(eventually(take).content)


def eventually(look: Callable[[], Any]) -> Any:
    """What `look` gives, once it gives something; pytest's own limit ends a wait in vain."""
    while not (found := look()):
        time.sleep(0.05)
    return found


def settings(account: str) -> dict[str, str]:
    return {
        "LAKE__blobServiceUri": f"https://{account}.blob.{cloud.SUFFIX}",
        "LAKE__queueServiceUri": f"https://{account}.queue.{cloud.SUFFIX}",
        "LAKE__credential": "managedidentity",
        "TOLD": "told",
        "SCHEDULE": "0 0 0 1 1 *",
    }


def deploy(web: Any, code: str = CODE) -> Bound:
    """The app, with the rights that its bindings need, and the tests' own."""
    web_app = web.app(granted=False, **settings(web.account))
    for role in ROLES:
        web.assign(role)
        web.assign(role, web_app.principal_id)
    bound = Bound(web_app, web.account)
    for queue in ("orders", "told", "dropped", "ticks"):
        bound.queue(queue).create_queue()
    bound.container().create_container()
    web_app.publish(code, host=HOST)
    return bound


@pytest.fixture(scope="module")
def bound(made_web_cloud: Any) -> Iterator[Bound]:
    """One such app for the tests of this module."""
    with environment(made_web_cloud.local_azure.environment):
        made = deploy(made_web_cloud)
        yield made
        made.app.remove()


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        yield


def test_blobs_and_messages_go_in_and_out_of_a_request(bound: Bound) -> None:
    bound.container().upload_blob("in/a b.txt", b"content", overwrite=True)
    assert bound.app.call("GET", "/api/copy/a b.txt").text == "copied"
    assert bound.container().download_blob("copied/a b.txt").readall() == b"CONTENT"
    assert bound.message("told") == {"name": "a b.txt"}
    assert bound.app.call("GET", "/api/copy/none").text == "nothing there"
    with pytest.raises(ResourceNotFoundError):
        bound.container().download_blob("copied/none")


def test_a_message_starts_its_function(bound: Bound) -> None:
    sent = bound.queue("orders").send_message(json.dumps({"order": {"id": 7}}))
    blob = bound.container().get_blob_client("orders/7")
    eventually(blob.exists)
    made = json.loads(blob.download_blob().readall())
    assert made == {"id": sent.id, "count": 1, "year": sent.inserted_on.year, "body": {"order": {"id": 7}}}
    eventually(lambda: bound.queue("orders").get_queue_properties().approximate_message_count == 0)


def test_a_message_that_fails_five_times_is_poison(bound: Bound) -> None:
    bound.queue("orders").send_message(json.dumps({"bad": True, "order": {"id": 8}}))
    assert bound.message("orders-poison") == {"bad": True, "order": {"id": 8}}
    tries = [line for line in bound.app.log() if line.startswith("try ")]
    assert tries == [f"try {number}" for number in range(1, 6)]
    assert "Message has reached MaxDequeueCount of 5. Moving message to queue 'orders-poison'." in bound.app.log()
    failed = [error for name, _, error in bound.app.invocations() if name == "order" and error]
    assert len(failed) == 5
    assert all(error.startswith("Result: Failure\nException: ValueError: a bad order") for error in failed)


def test_a_message_that_is_no_base64_is_poison_at_once(bound: Bound) -> None:
    plain = QueueClient(f"https://{bound.account}.queue.{cloud.SUFFIX}", "orders", credential=DefaultAzureCredential())
    plain.send_message("{not encoded}")
    client = bound.queue("orders-poison")
    message = eventually(lambda: client.receive_message() if _there(client) else None)
    assert message.content == "{not encoded}"
    client.delete_message(message)


def _there(client: QueueClient) -> bool:
    try:
        client.get_queue_properties()
    except ResourceNotFoundError:
        return False
    return True


def test_each_version_of_a_blob_starts_its_function_once(bound: Bound) -> None:
    container = bound.container()
    container.upload_blob("drop/other.csv", b"no match")
    for text in ("one", "three"):
        container.upload_blob("drop/a.txt", text.encode(), overwrite=True)
        uri = f"https://{bound.account}.blob.{cloud.SUFFIX}/work/drop/a.txt"
        expected = {"name": "work/drop/a.txt", "length": len(text), "uri": uri, "text": text}
        assert bound.message("dropped") == expected
    container.upload_blob("drop/b.txt", b"b")
    assert bound.message("dropped")["name"] == "work/drop/b.txt"  # and none of a.txt stands before it


def test_a_blob_that_fails_five_times_is_told_of(bound: Bound) -> None:
    made = bound.container().upload_blob("drop/bad.txt", b"bad")
    told = bound.message("webjobs-blobtrigger-poison")
    assert (told["FunctionId"], told["ContainerName"], told["BlobName"]) == (
        "Host.Functions.dropped",
        "work",
        "drop/bad.txt",
    )
    assert told["ETag"].strip('"') == made.get_blob_properties().etag.strip('"')
    assert len([error for name, _, error in bound.app.invocations() if name == "dropped" and error]) == 5


def test_without_its_role_the_binding_fails_with_storages_code(bound: Bound) -> None:
    bound.container().upload_blob("in/kept.txt", b"content", overwrite=True)
    bound.app.cloud.unassign("Storage Queue Data Contributor", bound.app.principal_id)
    response = bound.app.call("GET", "/api/copy/kept.txt")
    bound.app.cloud.assign("Storage Queue Data Contributor", bound.app.principal_id)
    assert response.status_code == 500
    assert "AuthorizationPermissionMismatch" in response.text
    assert bound.app.principal_id in response.text


def test_a_timer_runs_at_its_times_and_what_is_late_is_made_up_for(bound: Bound) -> None:
    bound.app.set_config("appsettings", settings(bound.account) | {"SCHEDULE": "* * * * * *"})
    bound.app.publish(CODE, host=HOST)
    assert [bound.message("ticks") for _ in range(2)] == [{"late": False, "status": {}}] * 2
    bound.app.set_config("appsettings", settings(bound.account))
    bound.app.publish(CODE, host=HOST)
    bound.queue("ticks").clear_messages()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (CODE.replace("%SCHEDULE%", "%NONE%"), "'%NONE%' does not resolve to a value"),
        (CODE.replace("%SCHEDULE%", "soon"), "The schedule expression 'soon' was not recognized"),
        (CODE.replace("work/drop/{name}.txt", "{any}/{name}"), "does not begin with the name of a container"),
        (CODE.replace('connection="LAKE"', 'connection="SEA"', 1), "Storage account connection 'SEA' does not exist"),
        (
            CODE.replace(
                "@app.queue_trigger", "@app.retry(strategy='fixed_delay', max_retry_count='2')\n@app.queue_trigger"
            ),
            "The function 'order' has a retry policy",
        ),
        (
            CODE + "\n@app.event_hub_message_trigger(arg_name='e', event_hub_name='h', connection='LAKE')\n"
            "def hub(e: func.EventHubEvent): ...\n",
            "a binding of the type 'eventHubTrigger', which local Azure does not support",
        ),
        (
            CODE + "\n@app.service_bus_queue_trigger(arg_name='e', queue_name='h', connection='LAKE')\n"
            "def bus(e: func.ServiceBusMessage): ...\n",
            "a binding of the type 'serviceBusTrigger', which local Azure does not support",
        ),
    ],
    ids=["setting", "schedule", "container", "connection", "retry", "event hub", "service bus"],
)
def test_what_can_not_be_bound_fails_its_deployment(bound: Bound, code: str, says: str) -> None:
    with pytest.raises(PublishError) as raised:
        bound.app.publish(code, host=HOST)
    assert says in str(raised.value)


def test_triggers_outlive_a_gateway_that_is_killed(
    local_azure: Any, another_web_cloud: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "local"

    def start() -> None:
        daemon.start(folder)
        for name, value in daemon.environment(folder).items():
            monkeypatch.setenv(name, value)

    start()
    try:
        cloud_here = SimpleNamespace(folder=folder, environment=os.environ, credential=DefaultAzureCredential())
        bound = deploy(another_web_cloud(cloud_here))
        running = daemon.status(folder)
        assert running.pid
        os.kill(running.pid, signal.SIGKILL)
        while daemon.status(folder).running:
            time.sleep(0.01)
        _make_late(folder)
        start()
        assert bound.message("ticks")["late"] is True  # by itself: nobody has called the app
        bound.queue("orders").send_message(json.dumps({"order": {"id": 9}}))
        eventually(bound.container().get_blob_client("orders/9").exists)
    finally:
        daemon.stop(folder)


def _make_late(folder: Path) -> None:
    """As if the timer's next time had passed while local Azure was down."""
    import sqlite3

    with sqlite3.connect(folder / "local-azure.db") as connection:
        (kept,) = connection.execute("SELECT status FROM web_timers WHERE function = 'tick'").fetchone()
        late = json.loads(kept) | {"Next": "2024-01-01T00:00:00+00:00"}
        connection.execute("UPDATE web_timers SET status = ?", (json.dumps(late).encode(),))
