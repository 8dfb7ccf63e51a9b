"""Which windows of a trigger a backfill of a time range takes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adfkit.cli.project import CliError
from adfkit.cli.window_runs import Trigger, between
from adfkit.local_azure.services.data_factory.triggers.windows import Windows

DAILY = Trigger("flights", Windows("Hour", 24, datetime(2013, 1, 10, 6, tzinfo=UTC)), 1)
MONTHLY = Trigger("flights", Windows("Month", 1, datetime(2013, 1, 31, tzinfo=UTC)), 1)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


CASES: list[tuple[Trigger, str, str, list[str]]] = [
    (DAILY, "2013-01-10T06:00", "2013-01-12T06:00", ["2013-01-10T06", "2013-01-11T06"]),
    (DAILY, "2013-01-10", "2013-01-12", ["2013-01-10T06"]),  # whole windows only
    (DAILY, "2013-01-08", "2013-01-10T06:00", ["2013-01-08T06", "2013-01-09T06"]),  # before the trigger's first
    (MONTHLY, "2013-01-31", "2013-04-01", ["2013-01-31T00", "2013-02-28T00"]),
]


@pytest.mark.parametrize(("trigger", "start", "end", "starts"), CASES)
def test_the_whole_windows_of_a_range_are_taken(trigger: Trigger, start: str, end: str, starts: list[str]) -> None:
    found = between(trigger, day(start), day(end))
    assert [window.start.strftime("%Y-%m-%dT%H") for window in found] == starts


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        ("2013-01-10T07:00", "2013-01-11T06:00", "no whole window of 'flights' lies between 2013-01-10T07:00:00Z and"),
        ("2013-01-10", "2113-01-10", "there are more than 1000 windows between 2013-01-10T00:00:00Z and"),
        ("2112-01-01", "2112-01-10", "the window from 2112-01-08T06:00:00Z has not ended yet."),
    ],
)
def test_what_cannot_be_run_is_refused(start: str, end: str, says: str) -> None:
    with pytest.raises(CliError) as raised:
        between(DAILY, day(start), day(end))
    assert str(raised.value).startswith(says)
