"""The lines of texts that services keep, with the times and levels that they tell."""

from __future__ import annotations

from datetime import UTC, datetime

from adfkit.cli.run_logs.entries import lines

END = datetime(2024, 1, 1, 12, tzinfo=UTC)
TEXT = """before any time
2024-01-01T11:00:00.250Z INFO reading

2024-01-01 11:00:01,5 WARNING: slow
  a line of the same
24/01/01 11:00:01 WARN SparkContext: no Hive
\x1b[31m2024-01-01T13:00:02+02:00 [ERROR] red\x1b[39m
"""


def test_lines_take_the_time_of_the_line_before() -> None:
    found = [
        (entry.time.astimezone(UTC).strftime("%H:%M:%S.%f")[:-3], entry.level, entry.message)
        for entry in lines(TEXT, source="batch", name="Transform stdout", level="INFO", until=END)
    ]
    assert found == [
        ("12:00:00.000", "INFO", "before any time"),
        ("11:00:00.250", "INFO", "reading"),
        ("11:00:01.500", "WARNING", "slow"),
        ("11:00:01.500", "INFO", "  a line of the same"),
        ("11:00:01.000", "WARNING", "SparkContext: no Hive"),
        ("11:00:02.000", "ERROR", "red"),
    ]
