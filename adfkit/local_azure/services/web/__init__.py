"""Azure Functions on Flex Consumption: the ARM types, the deployment sites, and the hosts that run the apps."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from adfkit.local_azure.cloud import AUDIENCE_ARM
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.service import DataPlane, RequestContext, Service
from adfkit.local_azure.services.web import scm, site
from adfkit.local_azure.services.web.bindings import HTTP, BindingTypes
from adfkit.local_azure.services.web.durable import DurableExtension
from adfkit.local_azure.services.web.history import History
from adfkit.local_azure.services.web.host import FunctionHost, Instance
from adfkit.local_azure.services.web.models import App, find_app
from adfkit.local_azure.services.web.publishing import Publisher
from adfkit.local_azure.services.web.triggers.extension import TriggerExtension
from adfkit.local_azure.services.web.types import resource_types


class WebService(Service):
    """Microsoft.Web. Each app has a host of its own, started by its first request, or at once for other triggers."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(platform)
        self.history = History(platform.store)
        self._publisher = Publisher(platform, self.history)
        self._hosts: dict[str, FunctionHost] = {}
        self._durable = DurableExtension(platform, self.history, self._host)
        self._triggers = TriggerExtension(platform, self.history, self._host)
        self._types = BindingTypes((*HTTP, *self._triggers.binding_types, *self._durable.binding_types))
        self.resource_types = resource_types(self.history, self._restart, self._deleted)
        self.data_planes = (
            # a site checks its callers itself, by its own authentication settings and keys
            DataPlane(
                host="{app}.azurewebsites",
                audiences=frozenset(),
                handle=self._handle_site,
                render_error=site.render_error,
            ),
            DataPlane(host="{app}.scm.azurewebsites", audiences=AUDIENCE_ARM, handle=self._handle_scm),
        )

    async def start(self) -> None:
        """End what a killed process left running, but for orchestrations, which go on."""
        self.history.fail_interrupted("Local Azure ended meanwhile.")
        await self._durable.start()
        self._triggers.start()

    async def stop(self) -> None:
        """End deployments and workers."""
        await self._publisher.stop()
        await self._triggers.stop()
        await self._durable.stop()
        await asyncio.gather(*(host.stop() for host in self._hosts.values()))

    async def _handle_site(self, context: RequestContext) -> Response:
        app = self._app(context)
        return await site.handle(context, app, self._host(app.key), self.history, self._durable)

    async def _handle_scm(self, context: RequestContext) -> Response:
        app = self._app(context)
        return await scm.handle(context, app, self._host(app.key), self.history, self._publisher)

    def _app(self, context: RequestContext) -> App:
        app = find_app(self.platform, context.host["app"])
        if app is None:
            raise AzureError(404, "SiteNotFound", f"There is no function app '{context.host['app']}'.")
        return app

    def _host(self, key: str) -> FunctionHost:
        if key not in self._hosts:
            self._hosts[key] = FunctionHost(self.platform, self.history, key, self._types, on_serving=self._serving)
        return self._hosts[key]

    def _serving(self, instance: Instance) -> None:
        self._durable.serve(instance)
        self._triggers.serve(instance)

    async def _restart(self, id: str) -> None:
        key = id.lower()
        if host := self._hosts.get(key):
            await self._durable.pause(key)
            await host.stop()
            self._durable.resume(key)

    async def _deleted(self, id: str) -> None:
        key = id.lower()
        await self._triggers.forget(key)
        await self._durable.forget(key)
        await self._host(key).forget()
        self._hosts.pop(key, None)
