"""What starts functions other than HTTP requests: one task a function, as long as its app's package serves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from adfkit.local_azure.services.web.bindings import BindingError, Data
from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.functions import Function, TriggeredFunction, triggered_functions
from adfkit.local_azure.services.web.history import History
from adfkit.local_azure.services.web.host import FunctionHost
from adfkit.local_azure.services.web.models import App
from adfkit.local_azure.services.web.worker_process import FunctionFailedError, Metadata, Value

logger = logging.getLogger(__name__)

SHORTEST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 60.0
"""Seconds between two looks at what may start a function, while there is nothing; doubled each time."""


@dataclass(slots=True, eq=False)
class Listener:
    """What the task of one function works with; `settings` is its app's host.json."""

    host: FunctionHost
    history: History
    function: TriggeredFunction
    settings: Mapping[str, Any]
    current: Callable[[], App | None]
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def site(self) -> str:
        """The key of the app."""
        return self.host.key

    def app(self) -> App | None:
        """The app as it is declared now; None while it is stopped."""
        app = self.current()
        return app if app and app.enabled else None

    def extension(self, name: str) -> Mapping[str, Any]:
        """A section of host.json's `extensions`."""
        return (self.settings.get("extensions") or {}).get(name) or {}

    async def ready(self, app: App) -> bool:
        """Whether the app's host runs; it is started where it does not. The host notes why it can't."""
        try:
            await self.host.ready(app)
        except HostError:
            return False
        return True

    async def run(
        self, app: App, value: Value, *, metadata: Mapping[str, Metadata] | None = None, data: Data | None = None
    ) -> None:
        """Run the function on a value of its trigger.

        Raises:
            FunctionFailedError: it failed, or is not in the package that serves now.
            HostError: the host can't run.
        """
        instance = await self.host.ready(app)
        found = next((each for each in instance.functions if each.name == self.function.name), None)
        if found is None or found.kind != self.function.kind:
            raise FunctionFailedError(f"The function '{self.function.name}' is not in the package that serves now.")
        inputs = {str(found.trigger["name"]): value}
        await self.host.run(instance, found, inputs, metadata=metadata, data=data)

    async def pause(self, seconds: float) -> None:
        """Wait, at most until the listener ends."""
        try:
            await asyncio.wait_for(self.ended.wait(), seconds)
        except TimeoutError:
            return

    async def poll(self, look: Callable[[App], Awaitable[bool]], longest: float = LONGEST_PAUSE) -> None:
        """Look again and again; `look` says whether there was something. What fails is logged and tried again."""
        pause = SHORTEST_PAUSE
        while not self.ended.is_set():
            found = False
            app = self.app()
            try:
                found = app is not None and await self.ready(app) and await look(app)
            except (BindingError, HostError) as error:
                self.host.note("", "ERROR", f"The listener for function 'Functions.{self.function.name}': {error}")
                pause = max(pause, 1.0)
            except Exception:
                logger.exception("the listener for function %s of %s failed", self.function.name, self.site)
                pause = max(pause, 1.0)
            if found:
                pause = SHORTEST_PAUSE
                continue
            await self.pause(pause)
            pause = min(2 * pause, longest)


Listen = Callable[[Listener], Awaitable[None]]


class Listeners:
    """The listeners of one app."""

    def __init__(
        self, host: FunctionHost, history: History, kinds: Mapping[str, Listen], current: Callable[[], App | None]
    ) -> None:
        self._host = host
        self._history = history
        self._kinds = kinds
        self._current = current
        self._listening: list[Listener] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def replace(self, functions: Sequence[Function], settings: Mapping[str, Any]) -> None:
        """Listen for these functions from now on; what those before are at, they finish."""
        for listener in self._listening:
            listener.ended.set()
        self._listening = []
        for function in triggered_functions(functions):
            listen = self._kinds.get(function.kind)
            if listen is None:
                continue
            listener = Listener(self._host, self._history, function, settings, self._current)
            self._listening.append(listener)
            task = asyncio.create_task(self._listen(listen, listener))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """End them now."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self, listen: Listen, listener: Listener) -> None:
        try:
            await listen(listener)
        except Exception:
            logger.exception("the listener for function %s ended", listener.function.name)
