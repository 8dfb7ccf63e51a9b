"""Points in time as .NET's `DateTime`: ticks of 100 ns and a kind; reads what `DateTime.Parse` takes in en-US."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum

TICKS_PER_SECOND = 10_000_000
TICKS_PER_DAY = 86_400 * TICKS_PER_SECOND
MAXIMUM_TICKS = 3_155_378_975_999_999_999
_EPOCH = datetime(1, 1, 1)  # noqa: DTZ001 - the calendar's first day has no zone
_LARGEST_OFFSET = 14 * 3600
_LATEST_SHORT_YEAR = 2049
"""A year of two digits is the last one with these digits up to this year."""


class Kind(Enum):
    """What the time refers to. `LOCAL` is the zone of the service, which is UTC too, but is written as `+00:00`."""

    UNSPECIFIED = ""
    UTC = "Z"
    LOCAL = "+00:00"


@dataclass(frozen=True, slots=True)
class Timestamp:
    """`ticks` counts 100 ns since 0001-01-01; raises OverflowError beyond the years 1 to 9999."""

    ticks: int
    kind: Kind

    def __post_init__(self) -> None:
        if not 0 <= self.ticks <= MAXIMUM_TICKS:
            raise OverflowError("the time is out of the years 1 to 9999")

    @classmethod
    def of(cls, moment: datetime, kind: Kind = Kind.UNSPECIFIED, extra_ticks: int = 0) -> Timestamp:
        """From a naive datetime, with the ticks below a microsecond."""
        return cls((moment - _EPOCH) // timedelta(microseconds=1) * 10 + extra_ticks, kind)

    @classmethod
    def utc(cls, moment: datetime) -> Timestamp:
        """From an aware datetime."""
        return cls.of(moment.astimezone(UTC).replace(tzinfo=None), Kind.UTC)

    @property
    def moment(self) -> datetime:
        """The naive datetime, cut to microseconds."""
        return _EPOCH + timedelta(microseconds=self.ticks // 10)

    def plus(self, ticks: int) -> Timestamp:
        return Timestamp(self.ticks + ticks, self.kind)

    def plus_months(self, months: int) -> Timestamp:
        """The same day of another month, or its last day where the month is shorter."""
        moment = self.moment
        month = moment.year * 12 + moment.month - 1 + months
        year, month = month // 12, month % 12 + 1
        if not 1 <= year <= 9999:
            raise OverflowError("the time is out of the years 1 to 9999")
        days = (date(year + month // 12, month % 12 + 1, 1) - date(year, month, 1)).days if year < 9999 else 31
        start = Timestamp.of(datetime(year, month, min(moment.day, days)), self.kind)  # noqa: DTZ001
        return start.plus(self.ticks % TICKS_PER_DAY)


_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH = r"(?P<name>[A-Za-z]{3,9})\.?"
_DATES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?P<year>\d{4})(?P<separator>[-/.])(?P<month>\d{1,2})(?:(?P=separator)(?P<day>\d{1,2}))?",
        r"(?P<month>\d{1,2})(?P<separator>[-/.])(?P<day>\d{1,2})(?P=separator)(?P<year>\d{4}|\d{2})",
        r"(?P<month>\d{1,2})/(?P<day>\d{1,2})",
        rf"{_MONTH}[\s/-]*(?P<day>\d{{1,2}})(?:\s*,\s*|[\s/-]+)(?P<year>\d{{4}})",
        rf"(?P<day>\d{{1,2}})[\s/-]*{_MONTH}[\s,/-]*(?P<year>\d{{4}}|\d{{2}})",
        rf"(?P<year>\d{{4}})[\s,/-]*{_MONTH}[\s/-]*(?P<day>\d{{1,2}})",
        rf"{_MONTH}[\s,/-]*(?P<year>\d{{4}})",
        rf"{_MONTH}[\s/-]*(?P<day>\d{{1,2}})",
        rf"(?P<day>\d{{1,2}})[\s/-]*{_MONTH}",
    )
)
_WEEKDAY = re.compile(r"(?P<name>mon|tue|wed|thu|fri|sat|sun)(?:s|nes|rs|ur)?(?:day)?\b[,\s]*", re.IGNORECASE)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:[.,](?P<fraction>\d+))?)?\s*(?P<half>[AaPp][Mm])?"
    r"|(?P<only_hour>\d{1,2})\s*(?P<only_half>[AaPp][Mm])"
)
_ZONE = re.compile(r"[Zz]|(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?")


def parse(text: str, today: date) -> Timestamp | None:
    """The time that a text stands for; None if it stands for none. `today` completes a date that isn't whole.

    A time with a zone is converted to UTC.
    """
    rest = text.strip()
    weekday = _WEEKDAY.match(rest)
    rest = rest[weekday.end() :] if weekday else rest
    if weekday and rest.endswith(" GMT"):
        # Only the form of RFC 1123 has a zone by name.
        rest = f"{rest.removesuffix(' GMT')}Z"
    for pattern in _DATES:
        match = pattern.match(rest)
        if match and (result := _complete(match, rest[match.end() :], today)):
            day = _day(match, today)
            is_weekday = weekday and day and _WEEKDAYS[day.weekday()] == weekday["name"].lower()
            return result if is_weekday or not weekday else None
    return None if weekday else _with_time(datetime(today.year, today.month, today.day), rest)  # noqa: DTZ001


def _complete(match: re.Match[str], rest: str, today: date) -> Timestamp | None:
    day = _day(match, today)
    if day is None:
        return None
    if not rest:
        return Timestamp.of(day)
    zone = _ZONE.fullmatch(rest.strip())
    if zone and not rest.strip().startswith(("+", "-")):
        return _in_zone(Timestamp.of(day), zone)
    separated = re.match(r"[Tt](?=\d\d)|\s+|,\s*", rest)
    return _with_time(day, rest[separated.end() :]) if separated else None


def _day(match: re.Match[str], today: date) -> datetime | None:
    parts = match.groupdict()
    month = _month(parts["name"]) if parts.get("name") else int(parts["month"])
    try:
        return datetime(_year(parts.get("year"), today), month, int(parts.get("day") or 1))  # noqa: DTZ001
    except ValueError:
        return None


def _month(name: str) -> int:
    folded = name.lower()
    for number, month in enumerate(_MONTHS, 1):
        if folded in (month, month[:3]) or (month == "september" and folded == "sept"):
            return number
    return 0


def _year(text: str | None, today: date) -> int:
    if text is None:
        return today.year
    if len(text) > 2:
        return int(text)
    year = _LATEST_SHORT_YEAR // 100 * 100 + int(text)
    return year if year <= _LATEST_SHORT_YEAR else year - 100


def _with_time(day: datetime, text: str) -> Timestamp | None:
    time = _TIME.match(text)
    if time is None:
        return None
    zone_text = text[time.end() :].strip()
    zone = _ZONE.fullmatch(zone_text)
    if zone_text and zone is None:
        return None
    hour = _hour(int(time["hour"] or time["only_hour"]), time["half"] or time["only_half"])
    minute, second = int(time["minute"] or 0), int(time["second"] or 0)
    if hour is None or minute > 59 or second > 59:
        return None
    # Digits beyond a tick are rounded.
    fraction = round(float(f"0.{time['fraction'] or 0}") * TICKS_PER_SECOND)
    try:
        moment = Timestamp.of(day).plus(((hour * 60 + minute) * 60 + second) * TICKS_PER_SECOND + fraction)
        return _in_zone(moment, zone) if zone else moment
    except OverflowError:
        return None


def _hour(hour: int, half: str | None) -> int | None:
    if half is None:
        return hour if hour < 24 else None
    if half.lower() == "pm":
        return hour % 12 + 12 if hour < 24 else None
    return hour % 12 if hour <= 12 else None


def _in_zone(moment: Timestamp, zone: re.Match[str]) -> Timestamp | None:
    if zone["sign"] is None:
        return Timestamp(moment.ticks, Kind.UTC)
    seconds = (int(zone["hours"]) * 60 + int(zone["minutes"] or 0)) * 60
    if seconds > _LARGEST_OFFSET:
        return None
    ticks = seconds * TICKS_PER_SECOND * (1 if zone["sign"] == "-" else -1)
    return Timestamp(moment.ticks + ticks, Kind.LOCAL)
