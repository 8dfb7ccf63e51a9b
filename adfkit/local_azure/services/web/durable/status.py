"""An instance and its history as the HTTP API shows them."""

from __future__ import annotations

from typing import Any, Final

import orjson

from adfkit.local_azure.services.web.durable.events import TITLES, Event, EventType
from adfkit.local_azure.services.web.durable.storage import Instance

STATUSES: Final = {1: "Completed", 3: "Failed"}
HIDDEN: Final = (
    "EventId",
    "IsPlayed",
    "Version",
    "OrchestrationInstance",
    "ParentInstance",
    "TaskScheduledId",
    "TimerId",
)
SCHEDULED: Final = (EventType.TASK_SCHEDULED, EventType.SUB_ORCHESTRATION_CREATED)
ENDED: Final = (
    EventType.TASK_COMPLETED,
    EventType.TASK_FAILED,
    EventType.SUB_ORCHESTRATION_COMPLETED,
    EventType.SUB_ORCHESTRATION_FAILED,
)
FRAMES: Final = (EventType.ORCHESTRATOR_STARTED, EventType.ORCHESTRATOR_COMPLETED)


def status(instance: Instance, *, show_input: bool, history: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """The status of an instance."""
    shown = {
        "name": instance.name,
        "instanceId": instance.id,
        "runtimeStatus": instance.status,
        "input": _value(instance.input) if show_input else None,
        "customStatus": _value(instance.custom_status),
        "output": _value(instance.output),
        "createdTime": _seconds(instance.created_at),
        "lastUpdatedTime": _seconds(instance.updated_at),
    }
    return shown if history is None else {**shown, "historyEvents": history}


def shown_history(events: list[Event], *, show_input: bool, show_output: bool) -> list[dict[str, Any]]:
    """A history with names for numbers, and what was scheduled told with how it ended."""
    scheduled = {each["EventId"]: each for each in events if each["EventType"] in SCHEDULED}
    ended = {each["TaskScheduledId"] for each in events if each["EventType"] in ENDED}
    return [
        _shown(each, scheduled, show_input=show_input, show_output=show_output)
        for each in events
        if each["EventType"] not in FRAMES and not (each["EventType"] in SCHEDULED and each["EventId"] in ended)
    ]


def _shown(event: Event, scheduled: dict[int, Event], *, show_input: bool, show_output: bool) -> dict[str, Any]:
    kind = event["EventType"]
    shown = {key: value for key, value in event.items() if key not in HIDDEN}
    shown["EventType"] = TITLES[kind]
    if kind in ENDED:
        began = scheduled[event["TaskScheduledId"]]
        shown |= {"ScheduledTime": began["Timestamp"], "FunctionName": began["Name"], "Input": began["Input"]}
    if kind == EventType.EXECUTION_STARTED:
        shown["FunctionName"] = shown.pop("Name")
    if kind == EventType.EXECUTION_COMPLETED:
        shown["OrchestrationStatus"] = STATUSES[event["OrchestrationStatus"]]
    if "Result" in shown:
        shown["Result"] = _value(shown["Result"])
    if not show_output:
        shown.pop("Result", None)
    if not show_input:
        shown.pop("Input", None)
    return shown


def _value(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


def _seconds(time: str) -> str:
    return time[:19] + "Z"
