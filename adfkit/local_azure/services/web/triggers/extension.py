"""Blobs, queues and timers for the apps of one local Azure: their types of bindings, and who listens for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from adfkit.local_azure.platform import Platform
from adfkit.local_azure.services.web.bindings import BindingType
from adfkit.local_azure.services.web.bindings.connections import Connections
from adfkit.local_azure.services.web.bindings.storage import StorageBindings
from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.history import History
from adfkit.local_azure.services.web.host import FunctionHost, Instance
from adfkit.local_azure.services.web.models import SITES, App, app_of
from adfkit.local_azure.services.web.triggers import LONGEST_PAUSE, Listeners, timers
from adfkit.local_azure.services.web.triggers.blobs import BlobTrigger
from adfkit.local_azure.services.web.triggers.queues import QueueTrigger

logger = logging.getLogger(__name__)

KINDS: Final = frozenset({"blobtrigger", "queuetrigger", "timertrigger"})


class TriggerExtension:
    """Keeps the hosts of apps with such triggers running, and their listeners in step with the package that serves."""

    def __init__(self, platform: Platform, history: History, host: Callable[[str], FunctionHost]) -> None:
        self._platform = platform
        self._history = history
        self._host = host
        connections = Connections(platform)
        bindings = StorageBindings(connections, self._encodes)
        timer = BindingType(name="timerTrigger", trigger=True, check=timers.check)
        self.binding_types = (*bindings.types(), timer)
        self._kinds = {
            "blobtrigger": BlobTrigger(connections, bindings).listen,
            "queuetrigger": QueueTrigger(connections, bindings).listen,
            "timertrigger": timers.listen,
        }
        self._listeners: dict[str, Listeners] = {}
        self._settings: dict[str, Mapping[str, Any]] = {}
        self._waking: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start the hosts that something else than a request may wake."""
        for site in self._platform.resources.of_type(SITES):
            functions = self._history.functions(site.id.lower()).values()
            types = {str(binding["type"]).lower() for function in functions for binding in function["bindings"]}
            if types & KINDS:
                task = asyncio.create_task(self._wake(site.id.lower()))
                self._waking.add(task)
                task.add_done_callback(self._waking.discard)

    async def stop(self) -> None:
        """End all listeners; what they are at is taken up at the next start."""
        for task in list(self._waking):
            task.cancel()
        await asyncio.gather(*self._waking, *(each.stop() for each in self._listeners.values()), return_exceptions=True)

    def serve(self, instance: Instance) -> None:
        """Listen for the functions of an instance that begins to serve."""
        key = instance.app.key
        self._settings[key] = instance.package.settings
        if key not in self._listeners:
            self._listeners[key] = Listeners(self._host(key), self._history, self._kinds, lambda: self._app(key))
        self._listeners[key].replace(instance.functions, instance.package.settings)

    async def forget(self, key: str) -> None:
        """End the listeners of a deleted app."""
        self._settings.pop(key, None)
        if listeners := self._listeners.pop(key, None):
            await listeners.stop()

    async def _wake(self, key: str) -> None:
        """Start an app's host, trying again until it runs; its listeners begin with it."""
        pause = 1.0
        while key not in self._listeners:
            app = self._app(key)
            if app is None:
                return
            if app.enabled:
                try:
                    await self._host(key).ready(app)
                except HostError:  # the host has noted why
                    logger.info("the host of %s is tried again in %g seconds", app.name, pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _app(self, key: str) -> App | None:
        site = self._platform.resources.get(key)
        return app_of(self._platform, site) if site else None

    def _encodes(self, app: App) -> bool:
        queues = (self._settings.get(app.key, {}).get("extensions") or {}).get("queues") or {}
        return str(queues.get("messageEncoding") or "base64").lower() == "base64"
