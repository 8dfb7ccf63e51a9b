"""Queue triggers: messages are taken in batches, tried again when they fail, and put aside as poison in the end.

https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote
from xml.etree import ElementTree

import orjson

from adfkit.local_azure.services.web.bindings.connections import Connections
from adfkit.local_azure.services.web.bindings.expressions import names_in
from adfkit.local_azure.services.web.bindings.storage import NOT_FOUND, StorageBindings, queue_url
from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.models import App
from adfkit.local_azure.services.web.packages import time_span
from adfkit.local_azure.services.web.triggers import LONGEST_PAUSE, Listener
from adfkit.local_azure.services.web.worker_process import FunctionFailedError, Metadata, Value

HIDDEN_SECONDS: Final = 600
"""How long a message that is at work is hidden from others; renewed after half of it."""


@dataclass(slots=True)
class Message:
    """One message as it was taken; `text` is None where it is no Base64. Each update gives it a new pop receipt."""

    id: str
    pop_receipt: str
    text: str | None
    raw: str
    dequeue_count: int
    times: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Settings:
    """The section `queues` of host.json's `extensions`."""

    batch_size: int
    max_dequeue_count: int
    visibility_timeout: float
    longest_pause: float

    @staticmethod
    def read(section: Mapping[str, Any]) -> Settings:
        """Raises DeploymentError for a time span that is none."""
        return Settings(
            batch_size=min(int(section.get("batchSize", 16)), 32),
            max_dequeue_count=int(section.get("maxDequeueCount", 5)),
            visibility_timeout=time_span("extensions.queues.visibilityTimeout", section.get("visibilityTimeout"), 0.0),
            longest_pause=time_span(
                "extensions.queues.maxPollingInterval", section.get("maxPollingInterval"), LONGEST_PAUSE
            ),
        )


class QueueTrigger:
    """Listens for queue triggers."""

    def __init__(self, connections: Connections, bindings: StorageBindings) -> None:
        self._connections = connections
        self._bindings = bindings

    async def listen(self, listener: Listener) -> None:
        """Take messages until the listener ends."""
        settings = Settings.read(listener.extension("queues"))

        async def look(app: App) -> bool:
            url = queue_url(app, listener.function.trigger, {})
            taken = await self._take(app, url, settings)
            await asyncio.gather(*(self._handle(listener, app, url, message, settings) for message in taken))
            return bool(taken)

        await listener.poll(look, settings.longest_pause)

    async def _take(self, app: App, url: str, settings: Settings) -> list[Message]:
        query = f"numofmessages={settings.batch_size}&visibilitytimeout={HIDDEN_SECONDS}"
        response = await self._connections.send(app, "GET", f"{url}/messages?{query}", allowed=NOT_FOUND)
        if response.status_code == 404:
            return []
        encoded = self._bindings.encoded(app)
        taken = ElementTree.fromstring(response.content)  # noqa: S314  our own store's
        return [_message(each, encoded) for each in taken.iter("QueueMessage")]

    async def _handle(self, listener: Listener, app: App, url: str, message: Message, settings: Settings) -> None:
        if message.text is None or message.dequeue_count > settings.max_dequeue_count:
            await self._poison(listener, app, url, message)
            return
        hidden = asyncio.create_task(self._keep_hidden(app, url, message))
        try:
            metadata = {name: Metadata("string", value) for name, value in message.times.items()}
            metadata |= {
                "Id": Metadata("string", message.id),
                "PopReceipt": Metadata("string", message.pop_receipt),
                "DequeueCount": Metadata("int", message.dequeue_count),
            }
            await listener.run(
                app, Value("string", message.text.encode()), metadata=metadata, data=_data(message, message.text)
            )
        except (FunctionFailedError, HostError):
            await _cancelled(hidden)
            if message.dequeue_count >= settings.max_dequeue_count:
                await self._poison(listener, app, url, message)
            else:
                await self._hide(app, url, message, settings.visibility_timeout)
            return
        await _cancelled(hidden)
        await self._delete(app, url, message)

    async def _keep_hidden(self, app: App, url: str, message: Message) -> None:
        while True:
            await asyncio.sleep(HIDDEN_SECONDS / 2)
            await self._hide(app, url, message, HIDDEN_SECONDS)

    async def _hide(self, app: App, url: str, message: Message, seconds: float) -> None:
        """Let a message be seen again after so long."""
        path = f"{url}/messages/{message.id}?popreceipt={quote(message.pop_receipt, safe='')}"
        updated = await self._connections.send(app, "PUT", f"{path}&visibilitytimeout={seconds:.0f}", allowed=NOT_FOUND)
        message.pop_receipt = updated.headers.get("x-ms-popreceipt", message.pop_receipt)

    async def _delete(self, app: App, url: str, message: Message) -> None:
        path = f"{url}/messages/{message.id}?popreceipt={quote(message.pop_receipt, safe='')}"
        await self._connections.send(app, "DELETE", path, allowed=NOT_FOUND)

    async def _poison(self, listener: Listener, app: App, url: str, message: Message) -> None:
        poison = f"{url}-poison"
        why = "is no Base64" if message.text is None else f"has reached MaxDequeueCount of {message.dequeue_count}"
        listener.host.note("", "WARNING", f"Message {why}. Moving message to queue '{poison.rpartition('/')[2]}'.")
        content = message.raw if message.text is None else message.text
        await self._bindings.send(app, poison, content.encode())
        await self._delete(app, url, message)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _message(element: ElementTree.Element, encoded: bool) -> Message:
    def text(name: str) -> str:
        return element.findtext(name) or ""

    raw = text("MessageText")
    content: str | None = raw
    if encoded:
        try:
            content = base64.b64decode(raw, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            content = None
    times = {
        name: parsedate_to_datetime(text(element_name)).isoformat()
        for name, element_name in (
            ("InsertionTime", "InsertionTime"),
            ("ExpirationTime", "ExpirationTime"),
            ("NextVisibleTime", "TimeNextVisible"),
        )
    }
    return Message(text("MessageId"), text("PopReceipt"), content, raw, int(text("DequeueCount")), times)


def _data(message: Message, text: str) -> dict[str, str]:
    """What expressions may name: the text as `queueTrigger`, the metadata, and the members of a JSON object."""
    try:
        members = names_in(orjson.loads(text))
    except orjson.JSONDecodeError:
        members = {}
    own = {"queueTrigger": text, "Id": message.id, "DequeueCount": str(message.dequeue_count)}
    return {**message.times, **own, **members}
