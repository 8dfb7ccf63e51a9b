"""Every case of the tables, one runner."""

from __future__ import annotations

from typing import Any

import pytest

from adfkit.expressions import ExpressionError, evaluate, scope_from_state
from adfkit.expressions.values import same
from tests.expressions.tables import Case, cases


def outcome(case: Case) -> dict[str, Any]:
    try:
        return {"value": evaluate(case.expression, scope_from_state(case.state))}
    except ExpressionError as error:
        return {"error": error.message}


@pytest.mark.parametrize("table", sorted({case.table for case in cases()}))
def test_table(table: str) -> None:
    rows = [case for case in cases() if case.table == table]
    wrong = [(case.expression, case.expected, got) for case in rows if not same(got := outcome(case), case.expected)]
    assert not wrong
    assert rows
