"""The HTTP API of Durable Functions: what clients and management URLs call, the same for webhooks and for workers.

https://learn.microsoft.com/azure/azure-functions/durable/durable-functions-http-api
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import orjson
from starlette.requests import Request
from starlette.responses import Response

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.services.web.durable import entities
from adfkit.local_azure.services.web.durable.events import EventType, event, to_time
from adfkit.local_azure.services.web.durable.hub import Hub, InstanceExistsError
from adfkit.local_azure.services.web.durable.known import ENTITY, ORCHESTRATOR, KnownFunctions, UnknownFunctionError
from adfkit.local_azure.services.web.durable.status import shown_history, status
from adfkit.local_azure.services.web.durable.storage import Instance

INVALID: Final = frozenset("/\\?#")
LONGEST_ID: Final = 100
Urls = Callable[[str], dict[str, str]]
Operation = Callable[["Management", Instance], Awaitable[Response]]


class RefusedError(Exception):
    """A request that can't be served; the text says why."""


class Management:
    """Answers one request; `urls` gives the management URLs of an instance."""

    def __init__(self, hub: Hub, known: KnownFunctions, urls: Urls, request: Request) -> None:
        self._hub = hub
        self._known = known
        self._urls = urls
        self._request = request
        self._query = {name.lower(): value for name, value in request.query_params.items()}

    async def answer(self, path: str) -> Response:
        """The answer to a path below `durabletask/`."""
        method, segments = self._request.method, [segment for segment in path.split("/") if segment]
        try:
            match method, segments:
                case "POST", ["orchestrators", name, *id] if len(id) < 2:
                    return await self._start(name, id[0] if id else "")
                case "GET", ["instances"]:
                    return self._list()
                case "DELETE", ["instances"]:
                    return self._purge_many()
                case "GET", ["entities", *name] if len(name) < 2:
                    return self._list_entities(name[0] if name else "")
                case "GET", ["entities", name, key]:
                    return self._entity(name, key)
                case "POST" | "DELETE", ["entities", name, key]:
                    return await self._signal(name, key)
                case _, ["instances", id, *operation]:
                    return await self._of_instance(method, id, operation)
        except UnknownFunctionError as error:
            return _error(400, "One or more of the arguments submitted is incorrect", error)
        except RefusedError as error:
            return _error(400, str(error), error)
        except InstanceExistsError as error:
            return _error(409, str(error), error)
        return Response(status_code=404)

    async def _of_instance(self, method: str, id: str, operation: list[str]) -> Response:
        instance = self._hub.storage.instance(id)
        if instance is None:
            return Response(status_code=404)
        match method, [part.lower() for part in operation]:
            case "GET", []:
                return self._status(instance)
            case "DELETE", []:
                return _json(200, {"instancesDeleted": self._purge([instance])})
            case "POST", ["restart"]:
                return self._restart(instance)
            case "POST", ["rewind"]:
                raise not_implemented("Rewinding an orchestration")
            case "POST", [("terminate" | "suspend" | "resume") as verb]:
                return Response(status_code=410) if instance.ended else self._control(instance, verb)
            case "POST", ["raiseevent", _]:
                return Response(status_code=410) if instance.ended else await self._raise(instance, operation[1])
        return Response(status_code=404)

    async def _start(self, name: str, id: str) -> Response:
        self._known.require(ORCHESTRATOR, name)
        if id.startswith("@"):
            raise RefusedError("Orchestration instance ids must not start with @.")
        if INVALID & set(id):
            raise RefusedError("Orchestration instance ids must not contain /, \\, #, ?, or control characters.")
        if len(id) > LONGEST_ID:
            raise RefusedError(f"Instance ID lengths must not exceed {LONGEST_ID} characters.")
        input = await self._body()
        id = self._hub.begin(name, input, id or None, self._query.get("version", ""))
        if "timeout" in self._query and "pollinginterval" in self._query:
            return await self._wait(id, float(self._query["timeout"]))
        return self._check_status(id)

    async def _wait(self, id: str, seconds: float) -> Response:
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            instance = self._hub.storage.instance(id)
            if instance and instance.ended:
                output = orjson.loads(instance.output or "null")
                return _json(200, output) if instance.status == "Completed" else self._status(instance)
            await asyncio.sleep(min(0.1, seconds))
        return self._check_status(id)

    def _check_status(self, id: str) -> Response:
        urls = self._urls(id)
        shown = {key: value for key, value in urls.items() if key != "rewindPostUri"}
        return _json(202, shown, {"Location": urls["statusQueryGetUri"], "Retry-After": "10"})

    def _status(self, instance: Instance) -> Response:
        show_input = self._flag("showInput", default=True)
        history = None
        if self._flag("showHistory"):
            events = self._hub.storage.history(instance.id)
            history = shown_history(events, show_input=show_input, show_output=self._flag("showHistoryOutput"))
        body = status(instance, show_input=show_input, history=history)
        if not instance.ended:
            return _json(202, body, {"Location": str(self._request.url), "Retry-After": "5"})
        failed = instance.status == "Failed" and self._flag("returnInternalServerErrorOnFailure")
        return _json(500 if failed else 200, body)

    def _list(self) -> Response:
        found = [each for each in self._hub.storage.instances() if self._wanted(each)]
        start = int(self._request.headers.get("x-ms-continuation-token") or 0)
        size = int(self._query.get("top", "100"))
        page, left = found[start : start + size], len(found) - start - size
        token = {"x-ms-continuation-token": str(start + size) if left > 0 else ""}
        shown = [status(each, show_input=self._flag("showInput", default=True)) for each in page]
        return _json(200, shown, token)

    def _purge_many(self) -> Response:
        if "createdtimefrom" not in self._query:
            return _json(400, "Please provide value for 'createdTimeFrom' parameter.")
        count = self._purge([each for each in self._hub.storage.instances() if self._wanted(each)])
        return _json(200, {"instancesDeleted": count}) if count else Response(status_code=404)

    def _purge(self, instances: list[Instance]) -> int:
        """Forget those that have ended, and return how many."""
        ended = [each for each in instances if each.ended]
        for each in ended:
            self._hub.storage.purge(each.id)
        return len(ended)

    def _wanted(self, instance: Instance) -> bool:
        created = datetime.fromisoformat(instance.created_at)
        begin, end = (self._time(name) for name in ("createdTimeFrom", "createdTimeTo"))
        statuses = self._query.get("runtimestatus", "")
        return (
            (begin is None or begin <= created)
            and (end is None or created <= end)
            and (not statuses or instance.status in statuses.split(","))
            and instance.id.startswith(self._query.get("instanceidprefix", ""))
        )

    def _time(self, name: str) -> datetime | None:
        text = self._query.get(name.lower())
        try:
            return to_time(text) if text else None
        except ValueError:
            raise RefusedError(f"'{text}' is no time for '{name}'; give it as 2026-01-31T12:00:00Z.") from None

    def _restart(self, instance: Instance) -> Response:
        new = self._flag("restartWithNewInstanceId", default=True)
        return self._check_status(self._hub.begin(instance.name, instance.input, None if new else instance.id))

    def _control(self, instance: Instance, verb: str) -> Response:
        kind = {
            "terminate": EventType.EXECUTION_TERMINATED,
            "suspend": EventType.EXECUTION_SUSPENDED,
            "resume": EventType.EXECUTION_RESUMED,
        }[verb]
        reason = self._query.get("reason", "")
        field = "Input" if kind is EventType.EXECUTION_TERMINATED else "Reason"
        asked = {**event(kind, datetime.now(UTC)), field: reason}
        self._hub.send(instance.id, {"event": asked}, control=True)
        return Response(status_code=202)

    async def _raise(self, instance: Instance, name: str) -> Response:
        if self._request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise RefusedError("Only application/json request content is supported")
        raised = event(EventType.EVENT_RAISED, datetime.now(UTC), Name=name, Input=await self._body() or "null")
        self._hub.send(instance.id, {"event": raised})
        return Response(status_code=202)

    def _list_entities(self, name: str) -> Response:
        return _json(200, [self._shown_entity(*each) for each in self._hub.storage.entities(name)])

    def _shown_entity(self, id: str, updated_at: str, state: str | None) -> dict[str, Any]:
        name, _, key = id[1:].partition("@")
        shown = {"entityId": {"name": name, "key": key}, "lastOperationTime": updated_at}
        fetch = self._flag("fetchState") and state is not None
        return {**shown, "state": orjson.loads(state)} if fetch and state else shown

    def _entity(self, name: str, key: str) -> Response:
        present, state = self._hub.storage.entity(_scheduler_id(name, key))
        return _json(200, orjson.loads(state or "null")) if present else Response(status_code=404)

    async def _signal(self, name: str, key: str) -> Response:
        self._known.require(ENTITY, name)
        deleting = self._request.method == "DELETE"
        operation = "delete" if deleting else self._query.get("op", "")
        input = None if deleting else await self._body()
        self._hub.send(_scheduler_id(name, key), entities.request(str(uuid4()), operation, input))
        return Response(status_code=202)

    async def _body(self) -> str | None:
        """The JSON text of the body, None where it is empty."""
        body = await self._request.body()
        if not body:
            return None
        try:
            return orjson.dumps(orjson.loads(body)).decode()
        except orjson.JSONDecodeError as error:
            raise RefusedError(f"Invalid JSON content: {error}") from error

    def _flag(self, name: str, *, default: bool = False) -> bool:
        return {"true": True, "false": False}.get(self._query.get(name.lower(), "").lower(), default)


def _scheduler_id(name: str, key: str) -> str:
    """An entity's id; `$` stands for the empty key."""
    return f"@{name.lower()}@{'' if key == '$' else key}"


def _json(code: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), code, headers, media_type="application/json")


def _error(code: int, message: str, error: Exception) -> Response:
    """An error as ASP.NET's HttpError shows it."""
    return _json(
        code, {"Message": message, "ExceptionMessage": str(error), "ExceptionType": "System.ArgumentException"}
    )
