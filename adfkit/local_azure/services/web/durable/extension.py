"""Durable Functions as an extension of the Functions host: the hubs of all apps, and the two ways to call them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from adfkit.local_azure.errors import AzureError, not_implemented
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.services.web.bindings import Binding, BindingError, BindingType, Data
from adfkit.local_azure.services.web.durable import links, storage
from adfkit.local_azure.services.web.durable.hub import Hub
from adfkit.local_azure.services.web.durable.known import KnownFunctions
from adfkit.local_azure.services.web.durable.management import Management
from adfkit.local_azure.services.web.durable.rpc import RpcListener
from adfkit.local_azure.services.web.durable.settings import HubSettings
from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.functions import Function
from adfkit.local_azure.services.web.history import History
from adfkit.local_azure.services.web.host import FunctionHost, Instance
from adfkit.local_azure.services.web.models import App, host_name
from adfkit.local_azure.services.web.worker_process import Value

logger = logging.getLogger(__name__)

TRIGGERS: Final = ("orchestrationTrigger", "activityTrigger", "entityTrigger")


class DurableExtension:
    """The task hubs; `host_of` gives the host of an app's key."""

    def __init__(self, platform: Platform, history: History, host_of: Callable[[str], FunctionHost]) -> None:
        self._platform = platform
        self._history = history
        self._host_of = host_of
        self._hubs: dict[str, Hub] = {}
        self._serving: dict[str, tuple[App, Mapping[str, Any]]] = {}
        self._rpc = RpcListener(self._answer_worker)
        storage.migrate(platform.store)

    async def start(self) -> None:
        """Listen for workers, and go on with what a process before this one left."""
        await self._rpc.start()
        for key in storage.sites_at_work(self._platform.store):
            self._hub(key).start()

    async def stop(self) -> None:
        """End at once; what was under way is taken up by the next start."""
        for hub in self._hubs.values():
            await hub.stop()
        await self._rpc.stop()

    def serve(self, instance: Instance) -> None:
        """Take note of the app and the host.json of an instance that begins to serve."""
        self._serving[instance.app.key] = (instance.app, instance.package.settings)

    async def pause(self, key: str) -> None:
        """End what an app runs, before its worker is ended."""
        if key in self._hubs:
            await self._hubs[key].stop()

    def resume(self, key: str) -> None:
        """Go on with what was paused."""
        if key in self._hubs:
            self._hubs[key].start()

    async def forget(self, key: str) -> None:
        """Remove the hub of an app that is deleted."""
        await self.pause(key)
        self._hub(key).storage.forget()
        self._hubs.pop(key, None)
        self._serving.pop(key, None)

    @property
    def binding_types(self) -> tuple[BindingType, ...]:
        """The triggers of durable functions, and the client that a function gets."""
        triggers = (BindingType(name=name, trigger=True) for name in TRIGGERS)
        return (*triggers, BindingType(name="durableClient", read=self._read_client))

    async def _read_client(self, app: App, _: Binding, __: Data) -> Value:
        try:
            return Value("string", self._client(app).encode())
        except HostError as error:
            raise BindingError(str(error)) from error

    async def answer_webhook(self, app: App, functions: list[Function], request: Request) -> Response:
        """Answer a request to a site below `links.PATH`, whose key has been checked."""
        return await self._answer(app.key, functions, request.url.path.removeprefix(links.PATH), request)

    async def _answer_worker(self, key: str, path: str, request: Request) -> Response:
        try:
            instance = await self._hub(key).ready()
            return await self._answer(key, instance.functions, path, request)
        except HostError as error:
            return _failed(500, str(error))
        except AzureError as error:
            return _failed(error.status, error.message)

    async def _answer(self, key: str, functions: list[Function], path: str, request: Request) -> Response:
        known = KnownFunctions(functions)
        own = self._hub_name(key)
        hub = request.query_params.get("taskHub") or own
        if hub.lower() != own.lower():
            raise not_implemented(f"The task hub '{hub}' of another app")
        return await Management(self._hub(key), known, partial(self._urls, key), request).answer(path)

    def _client(self, app: App) -> str:
        code = self._history.key(app.key, links.SYSTEM_KEY)
        return links.client_binding(f"https://{app.host}", self._hub_name(app.key), code, self._rpc.base_url(app.key))

    def _urls(self, key: str, id: str) -> dict[str, str]:
        code = self._history.key(key, links.SYSTEM_KEY)
        return links.management_urls(f"https://{host_name(_name(key))}", self._hub_name(key), code, id)

    def _hub_name(self, key: str) -> str:
        return HubSettings.read(*self._serving[key]).name

    def _hub(self, key: str) -> Hub:
        if key not in self._hubs:
            self._hubs[key] = Hub(self._platform, self._host_of(key), key)
        return self._hubs[key]


def _name(key: str) -> str:
    return key.rpartition("/")[2]


def _failed(status: int, text: str) -> Response:
    body = {"Message": "Something went wrong while processing your request", "ExceptionMessage": text}
    return Response(orjson.dumps(body), status, media_type="application/json")
