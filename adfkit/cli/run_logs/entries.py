"""A line of a log, and how the lines of a text without times get theirs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)[\s:|]+")
_SPARK: Final = re.compile(r"(\d\d/\d\d/\d\d \d\d:\d\d:\d\d)\s+")
"""The time that a driver's log begins with, in the cluster's time zone, which is UTC."""
_LEVEL: Final = re.compile(r"\[?(DEBUG|INFO|WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b\]?:?\s*")
_CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
"""What colours a terminal, and other characters that are no text."""
_LEVELS: Final = {"WARN": "WARNING", "FATAL": "CRITICAL"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `source` is the service, `name` what ran there: an activity, a function, a task's stream, a step."""

    time: datetime
    source: str
    name: str
    level: str
    message: str

    def as_json(self) -> dict[str, Any]:
        """For scripts; the time in ISO 8601, in UTC."""
        return {
            "time": self.time.astimezone(UTC).isoformat(timespec="microseconds"),
            "source": self.source,
            "name": self.name,
            "level": self.level,
            "message": self.message,
        }


def lines(text: str, *, source: str, name: str, level: str, until: datetime) -> Iterator[Entry]:
    """The lines of a text. One that tells no time has that of the line before, or `until`, when the work had ended."""
    time: datetime | None = None
    for line in _CONTROL.sub("", text).splitlines():
        if not line.strip():
            continue
        found, own, message = _read(line, level)
        time = found or time
        yield Entry(time or until, source, name, own, message)


def _read(line: str, level: str) -> tuple[datetime | None, str, str]:
    if match := _TIME.match(line):
        time = datetime.fromisoformat(match[1].replace(",", "."))
    elif match := _SPARK.match(line):
        time = datetime.strptime(match[1], "%y/%m/%d %H:%M:%S").replace(tzinfo=UTC)
    else:
        return None, level, line.rstrip()
    rest = line[match.end() :].rstrip()
    if found := _LEVEL.match(rest):
        level, rest = _LEVELS.get(found[1], found[1]), rest[found.end() :]
    return time if time.tzinfo else time.replace(tzinfo=UTC), level, rest
