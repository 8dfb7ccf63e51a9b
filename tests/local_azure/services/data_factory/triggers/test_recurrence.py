"""The times at which a schedule trigger fires."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from adfkit.local_azure.services.data_factory.triggers.definitions import DefinitionError, Schedule, read
from adfkit.local_azure.services.data_factory.triggers.recurrence import next_time

CASES = json.loads((Path(__file__).parent / "cases.json").read_text("utf-8"))


def schedule(recurrence: dict[str, Any]) -> Schedule:
    found = read({"type": "ScheduleTrigger", "typeProperties": {"recurrence": recurrence}})
    assert isinstance(found, Schedule)
    return found


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_times(case: dict[str, Any]) -> None:
    recurrence = schedule(case["recurrence"]).recurrence
    after: datetime | None = datetime.fromisoformat(case["after"])
    for expected in case["times"]:
        assert after is not None
        after = next_time(recurrence, after)
        assert (after.replace(tzinfo=None).isoformat() if after else None) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frequency": "Year"}, "frequency 'Year' is not one of Minute, Hour, Day, Week, Month."),
        ({"interval": 0}, "interval must be a whole number from 1 to 1000, not 0."),
        ({"timeZone": "Nowhere"}, "recurrence.timeZone 'Nowhere' is no time zone."),
        ({"startTime": None}, "startTime is missing."),
        ({"schedule": {"hours": [24]}}, "schedule.hours must be a list of numbers from 0 to 23."),
        (
            {"schedule": {"monthDays": [1]}},
            "schedule.monthDays and schedule.monthlyOccurrences go with the frequency Month only.",
        ),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], message: str) -> None:
    valid = {"frequency": "Day", "interval": 1, "startTime": "2024-01-01T00:00:00Z"}
    with pytest.raises(DefinitionError) as raised:
        schedule(valid | change)
    assert str(raised.value) == message
