"""What an entity function gets and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from adfkit.local_azure.services.web.durable.events import Event, EventType, event
from adfkit.local_azure.services.web.durable.storage import Message


def request(
    id: str, operation: str, input: str | None, parent: str | None = None, execution: str | None = None
) -> dict[str, Any]:
    """One operation; `input` is a JSON text. Without `parent` it is a signal, which nobody waits for."""
    asked = {"op": operation, "id": id, **({"input": input} if input is not None else {})}
    return {**asked, "parent": parent, "parentExecution": execution} if parent else {**asked, "signal": True}


def context(name: str, key: str, exists: bool, state: str | None, messages: Sequence[Message]) -> str:
    """The text that the function is called with."""
    batch = [
        {"name": each.body["op"], "input": each.body.get("input"), "isSignal": "signal" in each.body}
        for each in messages
    ]
    return orjson.dumps({"self": {"name": name, "key": key}, "exists": exists, "state": state, "batch": batch}).decode()


def failed(exists: bool, state: str | None, reason: str, count: int) -> dict[str, Any]:
    """The answer where the function could not be called: every operation failed, the state is as it was."""
    result = {"isError": True, "result": orjson.dumps(reason).decode()}
    return {"entityExists": exists, "entityState": state, "results": [result] * count}


def reply(id: str, result: Mapping[str, Any]) -> Event:
    """The event by which an orchestration hears of the operation that it called."""
    message = {"result": result["result"], **({"exceptionType": "Error"} if result["isError"] else {})}
    return event(EventType.EVENT_RAISED, datetime.now(UTC), Name=id, Input=orjson.dumps(message).decode())
