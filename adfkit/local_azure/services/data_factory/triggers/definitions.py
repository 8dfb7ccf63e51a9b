"""Triggers as they are declared, checked and typed.

https://learn.microsoft.com/rest/api/datafactory/triggers/create-or-update
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from adfkit.expressions.timezones import find as find_zone
from adfkit.local_azure.services.data_factory.triggers.recurrence import FREQUENCIES, WEEK_DAYS, Recurrence
from adfkit.local_azure.services.data_factory.triggers.windows import FREQUENCIES as WINDOW_FREQUENCIES
from adfkit.local_azure.services.data_factory.triggers.windows import Dependency, Windows

Json = Mapping[str, Any]
TIME_SPAN: Final = re.compile(r"(-)?(?:(\d+)\.)?(\d\d):([0-5]\d|60):([0-5]\d|60)")
EVENTS: Final = {"Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobDeleted"}
SHORTEST_WINDOW: Final = 5
"""Minutes."""


class DefinitionError(Exception):
    """A trigger that the service would not take; the text names the property."""


@dataclass(frozen=True, slots=True)
class Target:
    """A pipeline that a trigger starts, and the parameters that it passes, as written."""

    pipeline: str
    parameters: Json


@dataclass(frozen=True, slots=True)
class Schedule:
    """A ScheduleTrigger."""

    targets: tuple[Target, ...]
    recurrence: Recurrence


@dataclass(frozen=True, slots=True)
class TumblingWindow:
    """A TumblingWindowTrigger: a window is due `delay` after its end; a failed run is tried `retries` times again."""

    targets: tuple[Target, ...]
    windows: Windows
    delay: timedelta
    max_concurrency: int
    retries: int
    retry_interval: timedelta
    dependencies: tuple[Dependency, ...]


@dataclass(frozen=True, slots=True)
class BlobEvents:
    """A BlobEventsTrigger. `scope` is the storage account's id, in lower case."""

    targets: tuple[Target, ...]
    scope: str
    events: frozenset[str]
    begins_with: str
    ends_with: str
    ignore_empty: bool

    def matches(self, kind: str, container: str, blob: str, size: int | None) -> bool:
        """Whether an event of a blob is one of the trigger's; `size` is None where the blob is gone."""
        path = f"/{container}/blobs/{blob}".casefold()
        begins = "/" + self.begins_with.casefold().lstrip("/")
        return (
            kind in self.events
            and path.startswith(begins if self.begins_with else "")
            and path.endswith(self.ends_with.casefold())
            and not (self.ignore_empty and size == 0)
        )


Definition = Schedule | TumblingWindow | BlobEvents


def supported(properties: Json) -> bool:
    """Whether triggers of this type can be started here."""
    return properties.get("type") in _READERS


def read(properties: Json) -> Definition:
    """A trigger's `properties`, typed.

    Raises:
        DefinitionError: something is missing or wrong.
    """
    settings = properties.get("typeProperties")
    if not isinstance(settings, dict):
        raise DefinitionError("properties.typeProperties must be an object.")
    reader = _READERS.get(str(properties.get("type")))
    if reader is None:
        raise DefinitionError(f"The type of trigger '{properties.get('type')}' is not known here.")
    return reader(properties, settings)


def _schedule(properties: Json, settings: Json) -> Schedule:
    recurrence = settings.get("recurrence")
    if not isinstance(recurrence, dict):
        raise DefinitionError("typeProperties.recurrence must be an object.")
    schedule = recurrence.get("schedule") or {}
    if not isinstance(schedule, dict):
        raise DefinitionError("recurrence.schedule must be an object.")
    frequency = _one_of(recurrence, "frequency", FREQUENCIES)
    zone_name = str(recurrence.get("timeZone") or "UTC")
    zone = find_zone(zone_name)
    if zone is None:
        raise DefinitionError(f"recurrence.timeZone '{zone_name}' is no time zone.")
    monthly = schedule.get("monthlyOccurrences") or []
    if (schedule.get("monthDays") or monthly) and frequency != "Month":
        raise DefinitionError("schedule.monthDays and schedule.monthlyOccurrences go with the frequency Month only.")
    if schedule.get("weekDays") and frequency == "Month":
        raise DefinitionError("schedule.weekDays does not go with the frequency Month; use monthlyOccurrences.")
    made = Recurrence(
        frequency=frequency,
        interval=_integer(recurrence, "interval", 1, 1000, default=1),
        start=_required_time(recurrence, "startTime", zone.zone),
        end=_time(recurrence, "endTime", zone.zone),
        zone=zone.zone,
        minutes=_integers(schedule, "minutes", range(60)),
        hours=_integers(schedule, "hours", range(24)),
        week_days=tuple(_week_day(day) for day in schedule.get("weekDays") or ()),
        month_days=_integers(schedule, "monthDays", (*range(-31, 0), *range(1, 32))),
        occurrences=tuple(
            (_week_day(each.get("day")), _integer(each, "occurrence", -5, 5, default=1)) for each in monthly
        ),
    )
    return Schedule(_targets(properties), made)


def _tumbling(properties: Json, settings: Json) -> TumblingWindow:
    retry = settings.get("retryPolicy") or {}
    frequency = _one_of(settings, "frequency", WINDOW_FREQUENCIES)
    least = SHORTEST_WINDOW if frequency == "Minute" else 1
    pipeline = properties.get("pipeline")
    return TumblingWindow(
        targets=(_target(pipeline),) if pipeline else (),
        windows=Windows(
            frequency,
            _integer(settings, "interval", least, 1_000_000),
            _required_time(settings, "startTime", UTC),
            _time(settings, "endTime", UTC),
        ),
        delay=_span(settings, "delay") or timedelta(),
        max_concurrency=_integer(settings, "maxConcurrency", 1, 50),
        retries=_integer(retry, "count", 0, 1000, default=0),
        retry_interval=timedelta(seconds=_integer(retry, "intervalInSeconds", 30, 86400, default=30)),
        dependencies=tuple(_dependency(each) for each in settings.get("dependsOn") or ()),
    )


def _dependency(value: Any) -> Dependency:
    kind = value.get("type") if isinstance(value, dict) else None
    size = _span(value, "size") if kind else None
    if kind == "SelfDependencyTumblingWindowTriggerReference":
        offset = _span(value, "offset")
        if offset is None or offset >= timedelta():
            raise DefinitionError("The offset of a dependency of a trigger on itself must be negative.")
        return Dependency(None, offset, size)
    if kind == "TumblingWindowTriggerDependencyReference":
        name = (value.get("referenceTrigger") or {}).get("referenceName")
        if not isinstance(name, str) or not name:
            raise DefinitionError("dependsOn.referenceTrigger.referenceName must be a text that is not empty.")
        return Dependency(name, _span(value, "offset") or timedelta(), size)
    raise DefinitionError(f"The type of dependency '{kind}' is not known.")


def _blob_events(properties: Json, settings: Json) -> BlobEvents:
    begins, ends = str(settings.get("blobPathBeginsWith") or ""), str(settings.get("blobPathEndsWith") or "")
    if not begins and not ends:
        raise DefinitionError("One of typeProperties.blobPathBeginsWith and typeProperties.blobPathEndsWith is needed.")
    events = settings.get("events")
    if not isinstance(events, list) or not events or not EVENTS.issuperset(map(str, events)):
        raise DefinitionError(f"typeProperties.events must be a list of {' and '.join(sorted(EVENTS))}.")
    scope = settings.get("scope")
    if not isinstance(scope, str) or "/microsoft.storage/storageaccounts/" not in scope.lower():
        raise DefinitionError("typeProperties.scope must be the id of a storage account.")
    return BlobEvents(
        _targets(properties), scope.lower(), frozenset(events), begins, ends, bool(settings.get("ignoreEmptyBlobs"))
    )


_READERS: Final[Mapping[str, Callable[[Json, Json], Definition]]] = {
    "ScheduleTrigger": _schedule,
    "TumblingWindowTrigger": _tumbling,
    "BlobEventsTrigger": _blob_events,
}


def _targets(properties: Json) -> tuple[Target, ...]:
    return tuple(_target(each) for each in properties.get("pipelines") or ())


def _target(value: Any) -> Target:
    reference = value.get("pipelineReference") if isinstance(value, dict) else None
    name = reference.get("referenceName") if isinstance(reference, dict) else None
    if not isinstance(name, str) or not name:
        raise DefinitionError("A trigger's pipelineReference.referenceName must be a text that is not empty.")
    parameters = value.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise DefinitionError("The parameters that a trigger passes must be an object.")
    return Target(name, parameters)


def _one_of(values: Json, name: str, allowed: Sequence[str]) -> str:
    for each in allowed:
        if str(values.get(name)).lower() == each.lower():
            return each
    raise DefinitionError(f"{name} '{values.get(name)}' is not one of {', '.join(allowed)}.")


def _integer(values: Json, name: str, least: int, most: int, default: int | None = None) -> int:
    value = values.get(name, default)
    value = default if value is None else value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise DefinitionError(f"{name} must be a whole number from {least} to {most}, not {value!r}.")
    return value


def _integers(values: Json, name: str, allowed: Sequence[int]) -> tuple[int, ...]:
    found = values.get(name) or []
    if not isinstance(found, list) or any(each not in allowed for each in found):
        raise DefinitionError(f"schedule.{name} must be a list of numbers from {min(allowed)} to {max(allowed)}.")
    return tuple(int(each) for each in found)


def _week_day(name: Any) -> int:
    for number, day in enumerate(WEEK_DAYS):
        if day.lower() == str(name).lower():
            return number
    raise DefinitionError(f"'{name}' is no day of the week.")


def _required_time(values: Json, name: str, zone: Any) -> datetime:
    found = _time(values, name, zone)
    if found is None:
        raise DefinitionError(f"{name} is missing.")
    return found


def _time(values: Json, name: str, zone: Any) -> datetime | None:
    """A time in UTC; without an offset it is on the clocks of the zone."""
    value = values.get(name)
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise DefinitionError(f"{name} '{value}' is no time in ISO 8601.") from None
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def _span(values: Json, name: str) -> timedelta | None:
    value = values.get(name)
    if value is None:
        return None
    match = TIME_SPAN.fullmatch(str(value))
    if match is None:
        raise DefinitionError(f"{name} '{value}' is no time span of the form d.hh:mm:ss.")
    sign, days, hours, minutes, seconds = match.groups()
    span = timedelta(days=int(days or 0), hours=int(hours), minutes=int(minutes), seconds=int(seconds))
    return -span if sign else span
