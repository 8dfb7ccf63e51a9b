"""NCRONTAB expressions: the documentation's examples, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.triggers.schedules import parse


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("0 */5 * * * *", "2024-01-01T00:03:10", "2024-01-01T00:05:00"),
        ("0 */5 * * * *", "2024-01-01T00:05:00", "2024-01-01T00:10:00"),
        ("0 0 * * * *", "2024-01-01T23:00:00", "2024-01-02T00:00:00"),
        ("0 0 */2 * * *", "2024-01-01T22:00:01", "2024-01-02T00:00:00"),
        ("0 0 9-17 * * *", "2024-01-01T17:00:00", "2024-01-02T09:00:00"),
        ("0 30 9 * * 1-5", "2024-01-05T09:30:00", "2024-01-08T09:30:00"),
        ("0 30 9 * * Mon-Fri", "2024-01-05T09:30:00", "2024-01-08T09:30:00"),
        ("0 30 9 * Jan Mon", "2024-01-30T00:00:00", "2025-01-06T09:30:00"),
        ("15,45 * * * * *", "2024-01-01T00:00:15", "2024-01-01T00:00:45"),
        ("5/20 * * * * *", "2024-01-01T00:00:25", "2024-01-01T00:00:45"),
        ("*/10 * * * *", "2024-01-01T00:00:00", "2024-01-01T00:10:00"),
        ("0 0 0 29 2 *", "2024-03-01T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 0 31 * *", "2024-01-31T00:00:00", "2024-03-31T00:00:00"),
        ("0 0 12 13 * Friday", "2024-01-01T00:00:00", "2024-09-13T12:00:00"),
    ],
)
def test_the_next_occurrence(expression: str, after: str, expected: str) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert parse(expression).after(moment) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("0 0 24 * * *", "The hour '24' of the schedule '0 0 24 * * *' is not between 0 and 23."),
        ("0 0 0 * * 7", "The day of the week '7'"),
        ("0 0 0 * * x", "The day of the week 'x'"),
        ("0 0 0 1-", "was not recognized as a valid cron expression"),
        ("0 0 0 1- * *", "The day '1-' of the schedule"),
        ("*/0 * * * * *", "The second '*/0'"),
        ("00:05:00", "is a TimeSpan, which needs an App Service plan"),
    ],
)
def test_what_is_no_schedule_says_why(expression: str, says: str) -> None:
    with pytest.raises(HostError) as raised:
        parse(expression)
    assert says in str(raised.value)


def test_a_day_that_never_comes_is_an_error() -> None:
    with pytest.raises(HostError, match="no occurrence"):
        parse("0 0 0 30 2 *").after(datetime(2024, 1, 1, tzinfo=UTC))


def test_how_often_a_schedule_occurs() -> None:
    assert parse("*/2 * * * * *").frequent
    assert not parse("30 * * * * *").frequent
