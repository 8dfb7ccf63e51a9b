"""One step of an orchestration: its history and new events go out, its answer becomes history and messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import orjson

from adfkit.local_azure.services.web.durable import entities
from adfkit.local_azure.services.web.durable.events import Event, EventType, event, timestamp
from adfkit.local_azure.services.web.durable.known import (
    ACTIVITY,
    ENTITY,
    ORCHESTRATOR,
    KnownFunctions,
    UnknownFunctionError,
)
from adfkit.local_azure.services.web.durable.replay import ActionType, Decision, Replay, UnsupportedActionError
from adfkit.local_azure.services.web.durable.storage import ActivityCall, HubStorage, Instance, Message, now_text

STATE_LABEL: Final = "\n\n$OutOfProcData$:"
"""Stands in the exception of an orchestrator before the state that it had reached."""
ENDS: Final = {"Completed": 1, "Failed": 3}
"""The numbers by which an `ExecutionCompleted` event gives its status."""


@dataclass(slots=True)
class Step:
    """What an orchestrator is called with."""

    instance: Instance
    past: list[Event]
    new: list[Event]
    messages: list[Message]

    def context(self) -> str:
        """The text that the function is called with."""
        return orjson.dumps(
            {
                "history": [{**each, "IsPlayed": True} for each in self.past] + self.new,
                "input": orjson.loads(self.instance.input) if self.instance.input is not None else None,
                "instanceId": self.instance.id,
                "isReplaying": bool(self.past),
                "parentInstanceId": self.instance.parent,
                "upperSchemaVersion": 1,
                "upperSchemaVersionNew": 2,
                "longRunningTimerIntervalDuration": "3.00:00:00",
                "maximumShortTimerDuration": "6.00:00:00",
                "defaultHttpAsyncRequestSleepTimeMillseconds": 30000,
            }
        ).decode()


def started(id: str, execution: str, name: str, input: str | None, now: datetime, *, version: str = "") -> Event:
    """The message that begins an execution."""
    began = event(
        EventType.EXECUTION_STARTED,
        now,
        Name=name,
        Version=version,
        Input=input,
        OrchestrationInstance={"InstanceId": id, "ExecutionId": execution},
        ParentInstance=None,
    )
    return {"execution": execution, "event": began}


def state_of(message: str) -> dict[str, Any] | None:
    """The state that an orchestrator's exception carries, with its actions and its error."""
    _, label, text = message.partition(STATE_LABEL)
    state: dict[str, Any] | None = orjson.loads(text) if label else None
    return state


def begin(storage: HubStorage, id: str) -> Step | None:
    """The next step of an instance; None where no call of the orchestrator is needed."""
    now = datetime.now(UTC)
    instance, messages = storage.instance(id), storage.waiting(id, now)
    if instance is None or instance.ended:
        storage.take(messages)
        return None
    mine = [message for message in messages if message.body.get("execution") in (None, instance.execution)]
    with storage.transaction():
        storage.take([message for message in messages if message not in mine])  # of an execution before this one
        instance = _control(storage, instance, [message for message in mine if message.control])
    mine = [message for message in mine if not message.control]
    if not mine or instance.ended or instance.status == "Suspended":
        return None
    # an execution's start stands first, also where events were sent before it was continued as new
    mine.sort(key=lambda message: message.body["event"]["EventType"] != EventType.EXECUTION_STARTED)
    new = [event(EventType.ORCHESTRATOR_STARTED, now), *(message.body["event"] for message in mine)]
    return Step(instance, storage.history(id), new, mine)


def _control(storage: HubStorage, instance: Instance, messages: list[Message]) -> Instance:
    """Suspend, resume or terminate, in the order that was asked for; returns the instance as it is then."""
    storage.take(messages)
    for message in messages:
        happened = message.body["event"]
        storage.add_history(instance.id, storage.length(instance.id), [happened])
        if happened["EventType"] == EventType.EXECUTION_TERMINATED:
            return _end(storage, instance, "Terminated", orjson.dumps(happened["Input"]).decode())
        suspended = happened["EventType"] == EventType.EXECUTION_SUSPENDED
        instance = replace(instance, status="Suspended" if suspended else "Running", updated_at=now_text())
        storage.put_instance(instance)
    return instance


def commit(storage: HubStorage, known: KnownFunctions, step: Step, answer: dict[str, Any]) -> None:
    """Write what an orchestrator answered: history, status, and what it decided, in one transaction."""
    replay = Replay([*step.past, *step.new])
    error = answer.get("error")
    try:
        replay.run(_actions(answer))
        for decision in replay.decisions:
            _check(known, step.instance, decision)
    except (UnsupportedActionError, UnknownFunctionError) as refused:
        error, replay.continued = str(refused), None
    instance = replace(step.instance, status="Running", updated_at=now_text())
    if "customStatus" in answer:
        instance = replace(instance, custom_status=orjson.dumps(answer["customStatus"]).decode())
    with storage.transaction():
        storage.take(step.messages)
        if replay.continued is not None and not error:
            _continue(storage, instance, replay.continued)
            return
        if error:
            _finish(storage, instance, step, "Failed", f"Orchestrator function '{instance.name}' failed: {error}")
            return
        events = [_decide(storage, instance, decision) for decision in replay.decisions]
        if answer.get("isDone"):
            _finish(storage, instance, step, "Completed", answer.get("output"), events)
            return
        events.append(event(EventType.ORCHESTRATOR_COMPLETED, datetime.now(UTC)))
        storage.add_history(instance.id, len(step.past), [*step.new, *events])
        storage.put_instance(instance)


def _actions(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The actions of the schemas V2 and V3: one list of one list."""
    if not answer.get("schemaVersion"):
        raise UnsupportedActionError("local Azure needs azure-functions-durable 1.1.4 or later")
    return [action for actions in answer.get("actions", []) for action in actions]


def _check(known: KnownFunctions, instance: Instance, decision: Decision) -> None:
    name = str(decision.action.get("functionName"))
    match decision.type:
        case ActionType.CALL_ACTIVITY:
            known.require(ACTIVITY, name)
        case ActionType.CALL_SUB_ORCHESTRATOR:
            known.require(ORCHESTRATOR, name)
            if decision.action.get("instanceId") in (instance.id, instance.parent or ""):
                raise UnsupportedActionError(
                    "The instance ID of a sub-orchestration must be different than the instance ID of a parent "
                    "orchestration."
                )
        case ActionType.CALL_ENTITY | ActionType.SIGNAL_ENTITY:
            known.require(ENTITY, decision.action["instanceId"][1:].partition("@")[0])


def _finish(
    storage: HubStorage, instance: Instance, step: Step, status: str, output: Any, events: Sequence[Event] = ()
) -> None:
    """End an execution: its last events, its output, and what its parent hears of it."""
    now, text = datetime.now(UTC), orjson.dumps(output).decode()
    ended = event(EventType.EXECUTION_COMPLETED, now, id=0, OrchestrationStatus=ENDS[status], Result=text)
    last = event(EventType.ORCHESTRATOR_COMPLETED, now)
    storage.add_history(instance.id, len(step.past), [*step.new, *events, ended, last])
    _end(storage, instance, status, text)


def _end(storage: HubStorage, instance: Instance, status: str, output: str) -> Instance:
    ended = replace(instance, status=status, output=output, updated_at=now_text())
    storage.put_instance(ended)
    storage.stop(instance.id)
    if instance.parent is None or instance.parent_task is None:
        return ended
    now = datetime.now(UTC)
    task = instance.parent_task
    if status == "Completed":
        outcome = event(EventType.SUB_ORCHESTRATION_COMPLETED, now, TaskScheduledId=task, Result=output)
    else:
        reason = str(orjson.loads(output))
        outcome = event(EventType.SUB_ORCHESTRATION_FAILED, now, TaskScheduledId=task, Reason=reason, Details="")
    storage.send(instance.parent, {"execution": instance.parent_execution, "event": outcome}, now)
    return ended


def _continue(storage: HubStorage, instance: Instance, action: dict[str, Any]) -> None:
    now, execution = datetime.now(UTC), uuid4().hex
    input = orjson.dumps(action.get("input")).decode()
    storage.clear(instance.id)
    storage.put_instance(replace(instance, execution=execution, input=input))
    storage.send(instance.id, started(instance.id, execution, instance.name, input, now), now)


def _decide(storage: HubStorage, instance: Instance, decision: Decision) -> Event:
    """Store what a decision sets going, and return its event."""
    now, action, id = datetime.now(UTC), decision.action, decision.id
    match decision.type:
        case ActionType.CALL_ACTIVITY:
            name, given = action["functionName"], action.get("input")
            storage.schedule(ActivityCall(instance.id, instance.execution, id, name, given))
            return event(EventType.TASK_SCHEDULED, now, id=id, Name=name, Version="", Input=_text([given]))
        case ActionType.CREATE_TIMER:
            fire_at = decision.fire_at or now
            fired = event(EventType.TIMER_FIRED, max(fire_at, now), TimerId=id, FireAt=timestamp(fire_at))
            storage.send(instance.id, {"execution": instance.execution, "event": fired}, fire_at)
            return event(EventType.TIMER_CREATED, now, id=id, FireAt=timestamp(fire_at))
        case ActionType.CALL_SUB_ORCHESTRATOR:
            return _begin_child(storage, instance, decision, now)
    parent = instance.id if decision.type is ActionType.CALL_ENTITY else None
    request = entities.request(
        str(uuid4()), action["operation"], _text(action.get("input")), parent, instance.execution
    )
    storage.send(action["instanceId"], request, now)
    return event(EventType.EVENT_SENT, now, id=id, InstanceId=action["instanceId"], Name="op", Input=_text(request))


def _begin_child(storage: HubStorage, instance: Instance, decision: Decision, now: datetime) -> Event:
    action, id, execution = decision.action, decision.id, uuid4().hex
    child, name, input = (
        action.get("instanceId") or f"{instance.execution}:{id:X}",
        action["functionName"],
        _text(action.get("input")),
    )
    storage.purge(child)
    storage.put_instance(
        Instance(
            child,
            execution,
            name,
            input,
            None,
            None,
            "Pending",
            now_text(),
            now_text(),
            parent=instance.id,
            parent_execution=instance.execution,
            parent_task=id,
        )
    )
    storage.send(child, started(child, execution, name, input, now, version=action.get("version") or ""), now)
    return event(EventType.SUB_ORCHESTRATION_CREATED, now, id=id, InstanceId=child, Name=name, Input=input)


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()
