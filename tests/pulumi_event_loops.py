"""The Pulumi SDK makes an event loop in each thread that lacks one and closes none: they are kept, to be closed last.

Uncollected they would fail, as unclosed resources, whichever test runs when the garbage collector finds them.
"""

from __future__ import annotations

import asyncio
import sys


class Policy(asyncio.DefaultEventLoopPolicy):
    """Asyncio's own, which remembers the event loops that the SDK asked for."""

    def __init__(self) -> None:
        super().__init__()
        self._made_by_pulumi: list[asyncio.AbstractEventLoop] = []

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """An event loop, remembered if a function of the SDK is among the callers."""
        loop = super().new_event_loop()
        frame = sys._getframe(1)
        while frame is not None and not frame.f_globals.get("__name__", "").startswith("pulumi."):
            frame = frame.f_back  # type: ignore[assignment]
        if frame is not None:
            self._made_by_pulumi.append(loop)
        return loop

    def close(self) -> None:
        """Close those that were remembered."""
        for loop in self._made_by_pulumi:
            loop.close()
