"""NCRONTAB expressions: six fields `second minute hour day month day-of-week`, or five without seconds; UTC.

https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from adfkit.local_azure.services.web.errors import HostError

MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS: Final = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("day of the week", 0, 6, DAYS),
)
LONGEST: Final = 366 * 9
"""Days to look ahead: 29 February comes after eight years at the latest."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The sets of values of the six fields; a moment must be in all of them."""

    fields: tuple[frozenset[int], ...]

    def after(self, moment: datetime) -> datetime:
        """The next occurrence after a moment.

        Raises:
            HostError: there is none, as for 30 February.
        """
        start = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        seconds, minutes, hours, days, months, weekdays = self.fields
        for offset in range(LONGEST):
            day = (start + timedelta(days=offset)).date()
            if day.day not in days or day.month not in months or day.isoweekday() % 7 not in weekdays:
                continue
            earliest = (start.hour, start.minute, start.second) if offset == 0 else (0, 0, 0)
            for hour in sorted(hours):
                for minute in sorted(minutes) if hour >= earliest[0] else ():
                    for second in sorted(seconds) if (hour, minute) >= earliest[:2] else ():
                        if (hour, minute, second) >= earliest:
                            return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=UTC)
        raise HostError("The schedule has no occurrence.")

    @property
    def frequent(self) -> bool:
        """Whether it occurs more than once a minute."""
        return len(self.fields[0]) > 1


def parse(text: str) -> Schedule:
    """Read an expression.

    Raises:
        HostError: it is none; the text names the field.
    """
    parts = text.split()
    if re.fullmatch(r"(\d+\.)?\d+:\d+:\d+", text.strip()):
        raise HostError(
            f"The schedule '{text}' is a TimeSpan, which needs an App Service plan; this app is on Flex Consumption."
        )
    if len(parts) not in (5, 6):
        raise HostError(f"The schedule expression '{text}' was not recognized as a valid cron expression or timespan.")
    parts = ["0", *parts] if len(parts) == 5 else parts
    return Schedule(tuple(_field(part, *field, text) for part, field in zip(parts, FIELDS, strict=True)))


def _field(part: str, name: str, low: int, high: int, names: Sequence[str], text: str) -> frozenset[int]:
    values: set[int] = set()
    for item in part.lower().split(","):
        found = re.fullmatch(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?", item)
        if not found:
            raise HostError(f"The {name} '{item}' of the schedule '{text}' can't be read.")
        first = low if found[1] == "*" else _value(found[1], low, names)
        last = _value(found[2], low, names) if found[2] else high if found[1] == "*" or found[3] else first
        step = int(found[3] or 1)
        if first is None or last is None or not low <= first <= last <= high or step < 1:
            raise HostError(f"The {name} '{item}' of the schedule '{text}' is not between {low} and {high}.")
        values.update(range(first, last + 1, step))
    return frozenset(values)


def _value(text: str, low: int, names: Sequence[str]) -> int | None:
    if text.isdigit():
        return int(text)
    return next((low + index for index, name in enumerate(names) if text.startswith(name)), None)
