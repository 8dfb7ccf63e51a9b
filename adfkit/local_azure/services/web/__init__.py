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
from adfkit.local_azure.services.web.history import History
from adfkit.local_azure.services.web.host import FunctionHost
from adfkit.local_azure.services.web.models import App, find_app
from adfkit.local_azure.services.web.publishing import Publisher
from adfkit.local_azure.services.web.types import resource_types


class WebService(Service):
    """Microsoft.Web. Each app has a host of its own, started by its first request."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(platform)
        self.history = History(platform.store)
        self._publisher = Publisher(platform, self.history)
        self._hosts: dict[str, FunctionHost] = {}
        self._types = BindingTypes(HTTP)
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
        """End what a killed process left running."""
        self.history.fail_interrupted("Local Azure ended meanwhile.")

    async def stop(self) -> None:
        """End deployments and workers."""
        await self._publisher.stop()
        await asyncio.gather(*(host.stop() for host in self._hosts.values()))

    async def _handle_site(self, context: RequestContext) -> Response:
        app = self._app(context)
        return await site.handle(context, app, self._host(app.key), self.history)

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
            self._hosts[key] = FunctionHost(self.platform, self.history, key, self._types)
        return self._hosts[key]

    async def _restart(self, id: str) -> None:
        if host := self._hosts.get(id.lower()):
            await host.stop()

    async def _deleted(self, id: str) -> None:
        await self._host(id.lower()).forget()
        self._hosts.pop(id.lower(), None)
