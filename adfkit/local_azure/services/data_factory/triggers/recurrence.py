"""When a schedule trigger fires: the times of a recurrence, in its time zone.

https://learn.microsoft.com/azure/data-factory/concepts-pipeline-execution-triggers#schedule-trigger-definition
What the schedule leaves open is taken from the start time. A local time that a change of clocks skips is taken an hour
later; one that comes twice, the first time.
"""

from __future__ import annotations

import calendar
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

STEPS: Final = {"Minute": timedelta(minutes=1), "Hour": timedelta(hours=1)}
FREQUENCIES: Final = ("Minute", "Hour", "Day", "Week", "Month")
WEEK_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MOST_PERIODS: Final = 100_000
"""How many periods are looked through for one that the schedule leaves something of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """A recurrence. `start` and `end` are aware; week days count from Monday, 0; negative days from a month's end."""

    frequency: str
    interval: int
    start: datetime
    end: datetime | None = None
    zone: ZoneInfo
    minutes: tuple[int, ...] = ()
    hours: tuple[int, ...] = ()
    week_days: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    occurrences: tuple[tuple[int, int], ...] = ()
    """Week day and which of the month, -1 for the last."""


@lru_cache(maxsize=1024)
def next_time(recurrence: Recurrence, after: datetime) -> datetime | None:
    """The first time after another, in UTC; None where there is none any more."""
    candidates = _instants(recurrence, after) if recurrence.frequency in STEPS else _dates(recurrence, after)
    for times in itertools.islice(candidates, MOST_PERIODS):
        for moment in sorted(times):
            if recurrence.end is not None and moment > recurrence.end:
                return None
            if moment > after and moment >= recurrence.start:
                return moment
    return None


def _instants(recurrence: Recurrence, after: datetime) -> Iterator[list[datetime]]:
    """The times of each period of minutes or hours, from the one of `after` on."""
    step = STEPS[recurrence.frequency] * recurrence.interval
    start = recurrence.start.astimezone(UTC)
    for number in itertools.count(max(0, (after - start) // step)):
        moment = start + number * step
        local = moment.astimezone(recurrence.zone)
        within = not recurrence.hours or local.hour in recurrence.hours
        on_day = not recurrence.week_days or local.weekday() in recurrence.week_days
        if not (within and on_day):
            yield []
        elif recurrence.frequency == "Minute":
            yield [moment] if not recurrence.minutes or local.minute in recurrence.minutes else []
        else:
            minutes = recurrence.minutes or (local.minute,)
            yield [moment + timedelta(minutes=minute - local.minute) for minute in minutes]


def _dates(recurrence: Recurrence, after: datetime) -> Iterator[list[datetime]]:
    """The times of each period of days, weeks or months, from the one before that of `after` on."""
    local = recurrence.start.astimezone(recurrence.zone)
    hours, minutes = recurrence.hours or (local.hour,), recurrence.minutes or (local.minute,)
    times = [time(hour, minute, local.second, local.microsecond) for hour in hours for minute in minutes]
    for days in _days(recurrence, local.date(), after.astimezone(recurrence.zone).date()):
        yield [datetime.combine(day, each, tzinfo=recurrence.zone).astimezone(UTC) for day in days for each in times]


def _days(recurrence: Recurrence, start: date, after: date) -> Iterator[list[date]]:
    """The days of each period."""
    interval = recurrence.interval
    if recurrence.frequency == "Month":
        first = start.year * 12 + start.month - 1
        passed = after.year * 12 + after.month - 1 - first
        for number in itertools.count(max(0, passed // interval - 1)):
            year, month = divmod(first + number * interval, 12)
            if year > 9998:
                return
            yield _month_days(recurrence, start.day, year, month + 1)
        return
    weekly = recurrence.frequency == "Week"
    first_day = start - timedelta(days=start.weekday()) if weekly else start
    length = interval * (7 if weekly else 1)
    for number in itertools.count(max(0, (after - first_day).days // length - 1)):
        day = first_day + timedelta(days=number * length)
        if day.year > 9998:
            return
        if weekly:
            yield [day + timedelta(days=each) for each in recurrence.week_days or (start.weekday(),)]
        else:
            yield [day] if not recurrence.week_days or day.weekday() in recurrence.week_days else []


def _month_days(recurrence: Recurrence, start_day: int, year: int, month: int) -> list[date]:
    length = calendar.monthrange(year, month)[1]
    wanted = recurrence.month_days or (() if recurrence.occurrences else (start_day,))
    days = {day if day > 0 else length + 1 + day for day in wanted}
    for week_day, which in recurrence.occurrences:
        all_days = [day for day in range(1, length + 1) if date(year, month, day).weekday() == week_day]
        index = which - 1 if which > 0 else which
        if -len(all_days) <= index < len(all_days):
            days.add(all_days[index])
    return [date(year, month, day) for day in sorted(days) if 1 <= day <= length]
