"""Time as the runtime sees it: real in production, virtual where waits are to be skipped."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    """Where the runtime takes the time from, and what it waits with."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return once that many seconds have passed; at once where they are not positive."""
        ...


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        if seconds > 0:
            await asyncio.sleep(seconds)


class VirtualClock:
    """A time that stands still while there is work and jumps to the next sleeper once there is none.

    "No work" means that for `grace` real seconds the loop had nothing to run, so what runs beside it should not wait on
    a network or a thread.
    """

    def __init__(self, start: datetime = datetime(2024, 1, 1, tzinfo=UTC), grace: float = 0.002) -> None:
        self._now = start
        self._grace = grace
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._sleepers, (self._now + timedelta(seconds=seconds), next(self._order), future))
        self._arm(loop)
        await future

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_later(self._grace, self._advance, loop)

    def _advance(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        # asyncio has no public way to ask whether callbacks wait to be run
        idle = not getattr(loop, "_ready", ())
        while idle and self._sleepers:
            due, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                self._now = max(self._now, due)
                future.set_result(None)
                break
        if self._sleepers:
            self._arm(loop)


class TimeIsUp(Exception):
    """Work has not ended in its time. Not the built-in TimeoutError, which the work itself may raise."""


async def within(clock: Clock, seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Await `work`, for at most that many seconds of the clock.

    Raises:
        TimeIsUp: the time is up; `work` has been cancelled and has ended.
    """
    task = asyncio.ensure_future(work)
    timer = asyncio.ensure_future(clock.sleep(max(seconds, 0.001)))
    try:
        await asyncio.wait((task, timer), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise TimeIsUp
    finally:
        for each in (task, timer):
            each.cancel()
        await asyncio.gather(task, timer, return_exceptions=True)
