"""Follows an orchestrator's actions along its history, and finds the tasks that are new.

An orchestrator out of process answers everything that it has ever asked for. As the official extension does, the
actions are gone through in order, each awaited before the next is begun, while the history completes what was begun;
tasks get their sequence numbers in the order in which they begin. What has a number beyond the history is a decision.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Final

import orjson

from adfkit.local_azure.services.web.durable.events import Event, EventType, to_time


class ActionType(IntEnum):
    """`actionType` of an action."""

    CALL_ACTIVITY = 0
    CALL_ACTIVITY_WITH_RETRY = 1
    CALL_SUB_ORCHESTRATOR = 2
    CALL_SUB_ORCHESTRATOR_WITH_RETRY = 3
    CONTINUE_AS_NEW = 4
    CREATE_TIMER = 5
    WAIT_FOR_EXTERNAL_EVENT = 6
    CALL_ENTITY = 7
    CALL_HTTP = 8
    SIGNAL_ENTITY = 9
    WHEN_ANY = 11
    WHEN_ALL = 12


class UnsupportedActionError(Exception):
    """An action that is not supported here; the text names it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Something new that an orchestrator asks for; `id` is its sequence number."""

    id: int
    type: ActionType
    action: dict[str, Any]
    fire_at: datetime | None = None


@dataclass(slots=True, eq=False)
class Task:
    """Something awaited: done when an event completes it, or others that it stands for are done."""

    done: bool = False
    failed: bool = False
    followers: list[Callable[[Task], None]] = field(default_factory=list)

    def end(self, *, failed: bool = False) -> None:
        """Mark as done, once."""
        if not self.done:
            self.done, self.failed = True, failed
            for follow in self.followers:
                follow(self)

    def then(self, follow: Callable[[Task], None]) -> None:
        """Call `follow` when it is done, now if it is."""
        if self.done:
            follow(self)
        else:
            self.followers.append(follow)


SCHEDULING: Final = frozenset(
    {EventType.TASK_SCHEDULED, EventType.SUB_ORCHESTRATION_CREATED, EventType.TIMER_CREATED, EventType.EVENT_SENT}
)
COMPLETING: Final = {
    EventType.TASK_COMPLETED: "TaskScheduledId",
    EventType.TASK_FAILED: "TaskScheduledId",
    EventType.SUB_ORCHESTRATION_COMPLETED: "TaskScheduledId",
    EventType.SUB_ORCHESTRATION_FAILED: "TaskScheduledId",
    EventType.TIMER_FIRED: "TimerId",
}
FAILING: Final = frozenset({EventType.TASK_FAILED, EventType.SUB_ORCHESTRATION_FAILED})


class Replay:
    """One pass of actions along a history.

    Attributes:
        decisions: the new tasks, in order.
        continued: the action ContinueAsNew, if it was reached.
    """

    def __init__(self, history: Sequence[Event]) -> None:
        self.decisions: list[Decision] = []
        self.continued: dict[str, Any] | None = None
        self._history = history
        self._scheduled = {each["EventId"] for each in history if each["EventType"] in SCHEDULING}
        sent = [each for each in history if each["EventType"] == EventType.EVENT_SENT]
        self._requests = {each["EventId"]: orjson.loads(each["Input"])["id"] for each in sent}
        self._next_id = 0
        self._now = to_time(history[0]["Timestamp"])
        self._open: dict[int, Task] = {}
        self._calls: dict[str, Task] = {}  # of entities, by the request's id
        self._waiting: dict[str, list[Task]] = defaultdict(list)
        self._raised: dict[str, deque[Event]] = defaultdict(deque)

    def run(self, actions: Sequence[dict[str, Any]]) -> None:
        """Go through the actions.

        Raises:
            UnsupportedActionError: one is not supported.
        """
        steps = self._steps(actions)
        current: Task | None = None
        for event in self._history:
            self._take(event)
            if event["EventType"] == EventType.EXECUTION_STARTED:
                current = next(steps, None)
            while current is not None and current.done:
                current = next(steps, None)

    def _steps(self, actions: Sequence[dict[str, Any]]) -> Iterator[Task]:
        for action in actions:
            yield self._begin(action)

    def _take(self, event: Event) -> None:
        type = event["EventType"]
        if type == EventType.ORCHESTRATOR_STARTED:
            self._now = max(self._now, to_time(event["Timestamp"]))
        elif type in COMPLETING:
            if task := self._open.pop(event[COMPLETING[type]], None):
                task.end(failed=type in FAILING)
        elif type == EventType.EVENT_RAISED:
            name = event["Name"]
            if called := self._calls.pop(name, None):
                called.end()
            elif waiting := self._waiting[name.lower()]:
                waiting.pop().end()  # the latest that waits, as in the framework
            else:
                self._raised[name.lower()].append(event)

    def _begin(self, action: dict[str, Any]) -> Task:
        try:
            type = ActionType(action["actionType"])
        except ValueError:
            raise UnsupportedActionError(f"local Azure does not know the action {action['actionType']}") from None
        match type:
            case ActionType.CALL_ACTIVITY | ActionType.CALL_SUB_ORCHESTRATOR:
                return self._schedule(type, action)
            case ActionType.CREATE_TIMER:
                task = self._schedule(type, action, to_time(action["fireAt"]))
                if action.get("isCanceled"):
                    task.end()  # what was scheduled stays so; nobody waits for it
                return task
            case ActionType.CALL_ACTIVITY_WITH_RETRY:
                return self._retried(ActionType.CALL_ACTIVITY, action)
            case ActionType.CALL_SUB_ORCHESTRATOR_WITH_RETRY:
                return self._retried(ActionType.CALL_SUB_ORCHESTRATOR, action)
            case ActionType.CALL_ENTITY:
                return self._called(action)
            case ActionType.SIGNAL_ENTITY:
                self._schedule(type, action)
                return Task(done=True)
            case ActionType.WAIT_FOR_EXTERNAL_EVENT:
                return self._awaited(action["externalEventName"].lower())
            case ActionType.CONTINUE_AS_NEW:
                self.continued = action
                return Task(done=True)
            case ActionType.WHEN_ALL | ActionType.WHEN_ANY:
                return self._compound(type, [self._begin(each) for each in action["compoundActions"]])
            case ActionType.CALL_HTTP:
                raise UnsupportedActionError("local Azure does not support call_http; call the URL in an activity")

    def _schedule(self, type: ActionType, action: dict[str, Any], fire_at: datetime | None = None) -> Task:
        id, self._next_id = self._next_id, self._next_id + 1
        task = self._open[id] = Task()
        if id not in self._scheduled:
            self.decisions.append(Decision(id, type, action, fire_at))
        return task

    def _called(self, action: dict[str, Any]) -> Task:
        task = self._schedule(ActionType.CALL_ENTITY, action)
        request = self._requests.get(self._next_id - 1)
        if request:
            self._calls[request] = task
        return task

    def _awaited(self, name: str) -> Task:
        if self._raised[name]:
            self._raised[name].popleft()
            return Task(done=True)
        task = Task()
        self._waiting[name].append(task)
        return task

    def _compound(self, type: ActionType, tasks: list[Task]) -> Task:
        whole = Task()

        def follow(_: Task) -> None:
            done = [task.done for task in tasks]
            if any(done) if type is ActionType.WHEN_ANY else all(done):
                whole.end()

        if not tasks:
            whole.end()
        for task in tasks:
            task.then(follow)
        return whole

    def _retried(self, type: ActionType, action: dict[str, Any]) -> Task:
        """Tries again after each failure, when a timer has fired; one more timer follows the last attempt."""
        options = action["retryOptions"]
        delay = timedelta(milliseconds=options["firstRetryIntervalInMilliseconds"])
        whole, attempts = Task(), 0

        def attempt() -> None:
            nonlocal attempts
            attempts += 1
            self._schedule(type, action).then(attempted)

        def attempted(task: Task) -> None:
            if task.failed:
                self._schedule(ActionType.CREATE_TIMER, action, self._now + delay).then(waited)
            else:
                whole.end()

        def waited(_: Task) -> None:
            if attempts < options["maxNumberOfAttempts"]:
                attempt()
            else:
                whole.end(failed=True)

        attempt()
        return whole
