"""The windows of a tumbling window trigger: an unbroken row of intervals from its start time on.

https://learn.microsoft.com/azure/data-factory/how-to-create-tumbling-window-trigger
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

SIZES: Final = {"Minute": timedelta(minutes=1), "Hour": timedelta(hours=1)}
FREQUENCIES: Final = ("Minute", "Hour", "Month")


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` to before `end`, in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Windows:
    """All windows of a trigger, numbered from 0; without `end` they have no last one."""

    frequency: str
    interval: int
    start: datetime
    end: datetime | None = None

    def window(self, number: int) -> Window | None:
        """The window of a number, or None behind the last whole one."""
        window = Window(self._boundary(number), self._boundary(number + 1))
        return None if self.end is not None and window.end > self.end else window

    def number(self, moment: datetime) -> int:
        """The number of the window that a moment lies in; negative before the first."""
        if self.frequency in SIZES:
            return (moment - self.start) // (SIZES[self.frequency] * self.interval)
        months = (moment.year - self.start.year) * 12 + moment.month - self.start.month
        number = months // self.interval
        return number if self._boundary(number) <= moment else number - 1

    def _boundary(self, number: int) -> datetime:
        if self.frequency in SIZES:
            return self.start + number * self.interval * SIZES[self.frequency]
        year, month = divmod(self.start.year * 12 + self.start.month - 1 + number * self.interval, 12)
        day = min(self.start.day, calendar.monthrange(year, month + 1)[1])
        return self.start.replace(year=year, month=month + 1, day=day)


@dataclass(frozen=True, slots=True)
class Dependency:
    """What must have succeeded before a window runs: the windows of a trigger that its interval, moved, touches.

    `trigger` is None for the trigger itself; `size` is None for the window's own.
    """

    trigger: str | None
    offset: timedelta
    size: timedelta | None

    def interval(self, window: Window) -> Window:
        """The interval that a window waits for."""
        start = window.start + self.offset
        return Window(start, start + self.size if self.size is not None else window.end + self.offset)
