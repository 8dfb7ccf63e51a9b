"""Every case of the tables, one runner."""

from __future__ import annotations

import pytest

from adfkit.expressions.values import same
from tests.expressions.tables import cases, outcome


@pytest.mark.parametrize("table", sorted({case.table for case in cases()}))
def test_table(table: str) -> None:
    rows = [case for case in cases() if case.table == table]
    wrong = [
        (case.expression, case.expected, got)
        for case in rows
        if not same(got := outcome(case.expression, case.state), case.expected)
    ]
    assert not wrong
    assert rows
