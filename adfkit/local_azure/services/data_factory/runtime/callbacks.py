"""Who is waited for: activities that end when somebody outside calls them back."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext


@dataclass(frozen=True, slots=True)
class _Waiting:
    token: str
    context: ActivityContext
    called: asyncio.Event


class Callbacks:
    """All that wait, by the id of their activity run; a token says who may call."""

    def __init__(self) -> None:
        self._waiting: dict[str, _Waiting] = {}

    @contextmanager
    def expected(self, context: ActivityContext, token: str) -> Iterator[asyncio.Event]:
        """Take a call for an activity; the event is set once it came, and `state` has its body as `callback`."""
        waiting = _Waiting(token, context, asyncio.Event())
        if "callback" in context.state:  # it came before a restart
            waiting.called.set()
        self._waiting[context.record.id] = waiting
        try:
            yield waiting.called
        finally:
            del self._waiting[context.record.id]

    def call(self, id: str, token: str, body: Any) -> bool:
        """Hand an activity what its caller sent; False where none waits by that id with that token.

        The body is in history before this returns, so that a caller who was answered need not call again.
        """
        waiting = self._waiting.get(id)
        if waiting is None or not hmac.compare_digest(waiting.token.encode(), token.encode()):
            return False
        waiting.context.remember(callback=body)
        waiting.called.set()
        return True
