"""Whether a schedule's time zone is one that the service knows: it takes names as Windows has them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from adfkit.artifacts.errors import Problem
from adfkit.artifacts.model import Artifact, Kind
from adfkit.expressions.timezones import WINDOWS_NAMES

PATH = "$.typeProperties.recurrence.timeZone"


def check_time_zone(artifact: Artifact) -> Iterator[Problem]:
    """The time zone of a schedule trigger, with the name to use where another is meant.

    https://learn.microsoft.com/azure/data-factory/how-to-create-schedule-trigger#time-zone-option
    """
    settings = artifact.properties.get("typeProperties")
    recurrence = settings.get("recurrence") if isinstance(settings, dict) else None
    zone = recurrence.get("timeZone") if isinstance(recurrence, dict) else None
    if artifact.kind is not Kind.TRIGGER or not isinstance(zone, str):
        return
    known = {name.casefold() for name in ("UTC", *WINDOWS_NAMES)}
    if zone.casefold() not in known:
        meant = [name for name, other in WINDOWS_NAMES.items() if other.casefold() == zone.casefold()]
        meant = meant or difflib.get_close_matches(zone, WINDOWS_NAMES, 1)
        hint = f"; did you mean '{meant[0]}'?" if meant else ": use the name that Windows has for it"
        yield Problem(artifact.source, str(artifact), PATH, f"'{zone}' is no time zone{hint}")
