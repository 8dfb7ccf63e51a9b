"""Time zones by their Windows names."""

from __future__ import annotations

import pytest

from adfkit.expressions import Scope, evaluate
from adfkit.expressions.timezones import WINDOWS_NAMES, find


@pytest.mark.parametrize("name", WINDOWS_NAMES)
def test_every_windows_name_has_a_zone(name: str) -> None:
    zone = find(name)
    assert zone is not None
    assert zone.name == name


def test_names_regard_no_case_and_nonsense_has_no_zone() -> None:
    assert find("pacific STANDARD time") is not None
    assert find("Europe/Berlin") is not None
    assert [find(name) for name in ("", "Nowhere Standard Time", "../etc/passwd", "/etc/passwd")] == [None] * 4


def test_a_time_goes_to_a_zone_and_back() -> None:
    there = "convertFromUtc('2024-07-02T03:04:05Z','W. Europe Standard Time')"
    assert evaluate(f"@convertToUtc({there},'W. Europe Standard Time')", Scope()) == "2024-07-02T03:04:05.0000000Z"
