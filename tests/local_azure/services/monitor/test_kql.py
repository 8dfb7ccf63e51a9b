"""Queries of one table, and what is said of those that are not supported."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from adfkit.local_azure.services.monitor import kql

TIMES = [datetime(2024, 1, day, tzinfo=UTC) for day in (3, 1, 2)]
TABLE = kql.Table(
    (kql.Column("Time", "datetime"), kql.Column("Text", "string"), kql.Column("Level", "int")),
    [
        {"Time": time, "Text": text, "Level": level}
        for time, text, level in zip(TIMES, ["run ab-1", "Run AB-2", "other"], [1, 3, None], strict=True)
    ],
)


@pytest.mark.parametrize(
    ("query", "column", "values"),
    [
        ("T", "Text", ["run ab-1", "Run AB-2", "other"]),
        ("T | order by Time asc", "Text", ["Run AB-2", "other", "run ab-1"]),
        ("T | sort by Time", "Text", ["run ab-1", "other", "Run AB-2"]),
        ("T | where Text == 'other'", "Text", ["other"]),
        ('T | where Text =~ "RUN ab-1"', "Text", ["run ab-1"]),
        ("T | where Text has 'ab' and Level >= 2", "Text", ["Run AB-2"]),
        ("T | where Text has 'b'", "Text", []),
        ("T | where Text contains 'THE' or Level in (1, 7)", "Text", ["run ab-1", "other"]),
        ("T | where (Text startswith 'run') and (Level != 1)", "Text", ["Run AB-2"]),
        ("T | where Time > datetime(2024-01-02)", "Text", ["run ab-1"]),
        ("T | where Level > 0", "Level", [1, 3]),
        ("T // all\n| project Said = Text | take 1;", "Said", ["run ab-1"]),
        ("T | where Level >= 1 | count", "Count", [2]),
        ("T | distinct Level | order by Level asc", "Level", [None, 1, 3]),
    ],
)
def test_queries(query: str, column: str, values: list[Any]) -> None:
    assert [row[column] for row in kql.run(query, {"T": TABLE}).rows] == values


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "the name of a table is missing at 'the end of the query'"),
        ("Missing", "'Missing' names no table; there are: T"),
        ("T | where Nope == 1", "'Nope' names no column; there are: Time, Text, Level"),
        ("T | summarize count() by Text", "local Azure does not support the operator 'summarize'"),
        ("T | where Text matches 'x'", "local Azure does not support the comparison 'matches 'x''"),
        ("T | where Text == ago", "local Azure does not support the value 'ago'"),
        ("T | where Text == 'x", "the query cannot be read at ' 'x'"),
        ("T | where (Level == 1", "')' is missing at 'the end of the query'"),
        ("T | take 'x'", "a number is missing at 'x'"),
        ("T | where Time > datetime('x')", "'x' is no time"),
    ],
)
def test_what_is_refused(query: str, message: str) -> None:
    with pytest.raises(kql.KqlError) as caught:
        kql.run(query, {"T": TABLE})
    assert str(caught.value) == message
