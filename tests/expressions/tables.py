"""The tables of cases: an expression, and its value or the exact error, in the state of `state.json`.

A case with `"reference"` isn't compared with Microsoft's evaluator, and says why; `"state"` adds to the shared state,
where null takes a part away.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adfkit.expressions import ExpressionError, evaluate, scope_from_state

FOLDER = Path(__file__).parent
CORPUS = FOLDER.parents[2] / "shared" / "adf-corpus" / "expressions.jsonl"
"""Expressions of real factories; not part of the project."""

STATE: dict[str, Any] = json.loads((FOLDER / "state.json").read_text("utf-8"))


@dataclass(frozen=True)
class Case:
    table: str
    expression: Any
    state: dict[str, Any]
    expected: dict[str, Any]
    """Either `{"value": ...}` or `{"error": ...}`."""
    not_compared: str | None

    def __str__(self) -> str:
        return f"{self.table}: {self.expression}"


def cases() -> list[Case]:
    """Every case of every table."""
    return [_case(path.stem, row) for path in sorted(FOLDER.glob("cases/*.json")) for row in _rows(path)]


def _rows(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["cases"]
    return rows


def _case(table: str, row: dict[str, Any]) -> Case:
    state = {key: value for key, value in {**STATE, **row.get("state", {})}.items() if value is not None}
    expected = {key: row[key] for key in ("value", "error") if key in row}
    if len(expected) != 1:
        raise ValueError(f"{table}: the case {row['expression']!r} needs either a value or an error")
    return Case(table, row["expression"], state, expected, row.get("reference"))


def outcome(expression: Any, state: dict[str, Any]) -> dict[str, Any]:
    """What evaluation yields, in the shape of a case's expectation."""
    try:
        return {"value": evaluate(expression, scope_from_state(state))}
    except ExpressionError as error:
        return {"error": error.message}
