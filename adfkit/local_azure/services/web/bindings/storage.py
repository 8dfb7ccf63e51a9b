"""Blobs and queue messages as inputs and outputs of functions."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import quote
from xml.sax.saxutils import escape

import orjson

from adfkit.local_azure.services.web.bindings import Binding, BindingError, BindingType, Data
from adfkit.local_azure.services.web.bindings.connections import Connections, Service, endpoint
from adfkit.local_azure.services.web.bindings.expressions import BlobPath, resolve, with_settings
from adfkit.local_azure.services.web.models import App
from adfkit.local_azure.services.web.worker_process import Value

NOT_FOUND: Final = frozenset({404})
XML: Final = "application/xml"
Encoded = Callable[[App], bool]
"""Whether an app's queue messages go in Base64, as they do unless its host.json says otherwise."""


class StorageBindings:
    """The types of bindings for one platform."""

    def __init__(self, connections: Connections, encoded: Encoded) -> None:
        self._connections = connections
        self.encoded = encoded

    def types(self) -> tuple[BindingType, ...]:
        """blobTrigger, blob, queueTrigger, queue."""
        return (
            BindingType(name="blobTrigger", trigger=True, check=_check_blob_trigger),
            BindingType(name="blob", read=self.read_blob, write=self.write_blob, check=_check("blob", "path")),
            BindingType(name="queueTrigger", trigger=True, check=_check("queue", "queueName")),
            BindingType(name="queue", write=self.write_messages, check=_check("queue", "queueName")),
        )

    async def read_blob(self, app: App, binding: Binding, data: Data) -> Value:
        """The blob's content; a blob that is not there is no value."""
        response = await self._connections.send(app, "GET", blob_url(app, binding, data), allowed=NOT_FOUND)
        return Value("none") if response.status_code == 404 else Value("bytes", response.content)

    async def write_blob(self, app: App, binding: Binding, value: Value, data: Data) -> None:
        """Replace the blob; its container is made where there is none."""
        url, headers = blob_url(app, binding, data), {"x-ms-blob-type": "BlockBlob"}
        sent = await self._connections.send(app, "PUT", url, content=value.content, headers=headers, allowed=NOT_FOUND)
        if sent.status_code == 404:
            container = "/".join(url.split("/")[:4])
            await self._connections.send(app, "PUT", f"{container}?restype=container", allowed=frozenset({409}))
            await self._connections.send(app, "PUT", url, content=value.content, headers=headers)

    async def write_messages(self, app: App, binding: Binding, value: Value, data: Data) -> None:
        """Send a message, or each of a list."""
        url = queue_url(app, binding, data)
        for content in messages(value):
            await self.send(app, url, content)

    async def send(self, app: App, url: str, content: bytes) -> None:
        """Send one message to a queue, which is made where there is none."""
        text = base64.b64encode(content).decode() if self.encoded(app) else escape(content.decode())
        body = f"<QueueMessage><MessageText>{text}</MessageText></QueueMessage>".encode()
        post = partial(
            self._connections.send, app, "POST", f"{url}/messages", content=body, headers={"Content-Type": XML}
        )
        if (await post(allowed=NOT_FOUND)).status_code == 404:
            await self._connections.send(app, "PUT", url)
            await post()


def blob_url(app: App, binding: Binding, data: Data) -> str:
    """The address of a binding's blob; raises BindingError where its path does not name one."""
    path = resolve(app, str(binding["path"]), data).strip("/")
    if "/" not in path:
        raise BindingError(f"The path '{path}' of the binding '{binding['name']}' is not of the form container/blob.")
    return f"{endpoint(app, str(binding.get('connection') or ''), 'blob')}/{quote(path)}"


def queue_url(app: App, binding: Binding, data: Data) -> str:
    """The address of a binding's queue; a queue's name is in lower case."""
    name = resolve(app, str(binding["queueName"]), data).lower()
    return f"{endpoint(app, str(binding.get('connection') or ''), 'queue')}/{quote(name)}"


def messages(value: Value) -> Sequence[bytes]:
    """The messages of an output: a text, bytes, a JSON list of them, or what a QueueMessage holds."""
    if value.type != "json":
        return (value.content,)
    found: Any = orjson.loads(value.content)
    return [_message(each) for each in (found if isinstance(found, list) else [found])]


def _message(value: Any) -> bytes:
    if isinstance(value, Mapping) and set(value) == {"id", "body"}:
        return str(value["body"]).encode()
    return value.encode() if isinstance(value, str) else orjson.dumps(value)


def _check(service: Service, key: str) -> Callable[[App, str, Binding], None]:
    def check(app: App, _: str, binding: Binding) -> None:
        with_settings(app, str(binding[key]))
        endpoint(app, str(binding.get("connection") or ""), service)

    return check


def _check_blob_trigger(app: App, _: str, binding: Binding) -> None:
    BlobPath(with_settings(app, str(binding["path"])))
    endpoint(app, str(binding.get("connection") or ""), "blob")
