"""The operations on triggers and on their runs.

https://learn.microsoft.com/rest/api/datafactory/triggers and trigger-runs
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.resource_id import ResourceId, parse
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import ArmRequest, ArmResponse, DeleteHook, Json
from adfkit.local_azure.services.data_factory import errors, queries
from adfkit.local_azure.services.data_factory.documents import NAMESPACE, Documents
from adfkit.local_azure.services.data_factory.runtime.json_values import time_text, to_json
from adfkit.local_azure.services.data_factory.triggers.definitions import (
    BlobEvents,
    Definition,
    DefinitionError,
    read,
    supported,
)
from adfkit.local_azure.services.data_factory.triggers.history import UNFINISHED, TriggerRun
from adfkit.local_azure.services.data_factory.triggers.scheduler import Scheduler

RUN_FIELDS: Final[Mapping[str, str]] = {
    "triggername": "triggerName",
    "triggerrunid": "triggerRunId",
    "triggerruntimestamp": "triggerRunTimestamp",
    "status": "status",
}
TUMBLING: Final = "TumblingWindowTrigger"


class Triggers:
    """The handlers. `delete_document` checks that nothing refers to a trigger."""

    def __init__(self, scheduler: Scheduler, delete_document: DeleteHook) -> None:
        self._scheduler = scheduler
        self._delete_document = delete_document

    async def start(self, request: ArmRequest) -> ArmResponse:
        """`start`: 200; a trigger that is started stays as it is. One of blob events is subscribed, if it is not yet.

        Raises:
            AzureError: 400 for a trigger that starts no pipeline, 501 names a type that is not supported.
        """
        trigger = request.require()
        if trigger.properties.get("runtimeState") == "Started":
            return ArmResponse()
        definition = _definition(trigger)
        if not definition.targets:
            raise errors.bad_request(f"The trigger '{trigger.name}' starts no pipeline.", trigger.id)
        key, history = request.id.key, self._scheduler.history
        with history.store.transaction():
            if isinstance(definition, BlobEvents) and not self._scheduler.events.is_subscribed(key):
                self._subscribe(request, trigger, definition)
            position = self._scheduler.first_position(definition, history.state(key))
            history.move(key, parse(request.id.parent).key, position)
            _set_state(request, trigger, "Started")
        self._scheduler.add(key, trigger.name)
        return ArmResponse()

    async def stop(self, request: ArmRequest) -> ArmResponse:
        """`stop`: 200; what the trigger started goes on."""
        trigger = request.require()
        if trigger.properties.get("runtimeState") == "Started":
            _set_state(request, trigger, "Stopped")
        self._scheduler.remove(request.id.key)
        return ArmResponse()

    async def delete(self, request: ArmRequest) -> None:
        """The trigger's life ends with it; its runs stay to be looked at."""
        await self._delete_document(request)
        self._scheduler.events.unsubscribe(request.id.key)
        self._scheduler.history.forget(request.id.key, self._scheduler.clock.now())

    async def subscribe(self, request: ArmRequest) -> ArmResponse:
        """`subscribeToEvents` of a trigger of blob events: enabled at once."""
        trigger = request.require()
        self._subscribe(request, trigger, _blob_events(trigger))
        return self._subscription(trigger)

    async def unsubscribe(self, request: ArmRequest) -> ArmResponse:
        """`unsubscribeFromEvents`: disabled at once.

        Raises:
            AzureError: 400 for a started trigger.
        """
        trigger = request.require()
        _blob_events(trigger)
        if trigger.properties.get("runtimeState") == "Started":
            raise errors.trigger_enabled(request.id)
        self._scheduler.events.unsubscribe(request.id.key)
        return self._subscription(trigger)

    async def subscription_status(self, request: ArmRequest) -> ArmResponse:
        """`getEventSubscriptionStatus`."""
        trigger = request.require()
        _blob_events(trigger)
        return self._subscription(trigger)

    async def query(self, request: ArmRequest) -> ArmResponse:
        """`querytriggers` of a factory.

        Raises:
            AzureError: 501 for the triggers that depend on another.
        """
        if request.body.get("parentTriggerName"):
            raise not_implemented("querying triggers by 'parentTriggerName'")
        triggers = request.platform.resources.children(request.id.text, f"{NAMESPACE}/triggers")
        shown = [
            {"id": trigger.id, "name": trigger.name, "type": trigger.type, **Documents.show(request.platform, trigger)}
            for trigger in triggers
        ]
        return ArmResponse({"value": shown})

    async def query_runs(self, request: ArmRequest) -> ArmResponse:
        """`queryTriggerRuns` of a factory."""
        query = queries.Query.read(request.body)
        runs = self._scheduler.history.runs(request.id.key, query.after, query.before)
        return ArmResponse(queries.answer([_shown(run) for run in runs], query, RUN_FIELDS))

    async def get_run(self, request: ArmRequest) -> ArmResponse:
        """A trigger run."""
        return ArmResponse(_shown(self._run(request.id)))

    async def rerun(self, request: ArmRequest) -> ArmResponse:
        """`rerun` of a tumbling window trigger's run that has ended: a new run of the same window.

        Raises:
            AzureError: 400 for other triggers, and for a window that waits or runs.
        """
        run = self._run(request.id)
        if run.type != TUMBLING:
            raise errors.bad_request(f"A run of a trigger of type '{run.type}' cannot be run again.", request.id.text)
        latest = self._scheduler.history.latest(run.trigger_id, run.subject)
        if latest is None or latest.status in UNFINISHED:
            raise errors.bad_request(f"The window {run.subject} of '{run.name}' has not ended.", request.id.text)
        self._scheduler.rerun(latest)
        return ArmResponse()

    async def cancel(self, request: ArmRequest) -> ArmResponse:
        """`cancel` of a trigger run that has not ended.

        Raises:
            AzureError: 400 where it has.
        """
        run = self._run(request.id)
        if run.status not in UNFINISHED:
            raise errors.bad_request(f"The trigger run '{run.id}' has ended as {run.status}.", request.id.text)
        await self._scheduler.cancel(run)
        return ArmResponse()

    def _run(self, id: ResourceId) -> TriggerRun:
        run = self._scheduler.history.run(id.name)
        if run is None or run.trigger_id != id.parent.lower():
            raise errors.trigger_run_not_found(id.name)
        return run

    def _subscribe(self, request: ArmRequest, trigger: Resource, definition: BlobEvents) -> None:
        if request.platform.resources.get(definition.scope) is None:
            raise errors.bad_request(f"The storage account '{definition.scope}' does not exist.", trigger.id)
        self._scheduler.events.subscribe(request.id.key, definition.scope)

    def _subscription(self, trigger: Resource) -> ArmResponse:
        enabled = self._scheduler.events.is_subscribed(trigger.id)
        return ArmResponse({"triggerName": trigger.name, "status": "Enabled" if enabled else "Disabled"})


def _definition(trigger: Resource) -> Definition:
    if not supported(trigger.properties):
        raise not_implemented(f"starting triggers of type '{trigger.properties.get('type')}'")
    try:
        return read(trigger.properties)
    except DefinitionError as error:
        raise errors.bad_request(str(error), trigger.id) from error


def _blob_events(trigger: Resource) -> BlobEvents:
    definition = _definition(trigger)
    if not isinstance(definition, BlobEvents):
        raise errors.bad_request(f"The trigger '{trigger.name}' has no events to subscribe to.", trigger.id)
    return definition


def _set_state(request: ArmRequest, trigger: Resource, state: str) -> None:
    body = {**trigger.body, "properties": {**trigger.properties, "runtimeState": state}}
    request.platform.resources.put(trigger.id, body)


def _shown(run: TriggerRun) -> Json:
    """A `TriggerRun`."""
    time = time_text(run.time)
    body = run.outputs.get("body") or {}
    properties = {"TriggerTime": time, **({"ScheduleTime": run.outputs.get("scheduledTime") or time})}
    texts = {key: value for key, value in {**run.outputs, **body}.items() if isinstance(value, str)}
    return {
        "triggerRunId": run.id,
        "triggerName": run.name,
        "triggerType": run.type,
        "triggerRunTimestamp": time,
        "status": run.status,
        "message": run.message or None,
        "properties": properties | texts | {"triggerObject": to_json(run.outputs).decode()},
        "triggeredPipelines": run.pipelines,
        "runDimension": {},
        "dependencyStatus": {},
    }
