"""How many expressions a second are parsed and evaluated: those of real factories, or those of the test tables.

python -m benchmarks.expressions [file of JSON lines with "expression"]
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from adfkit.expressions import ExpressionError, evaluate, parser, scope_from_state, template
from tests.expressions.states import state_for

ROOT = Path(__file__).parents[1]
CORPUS = ROOT.parent / "shared" / "adf-corpus" / "expressions.jsonl"
TESTS = ROOT / "tests" / "expressions"
TABLES = "the test tables"
SECONDS = 2.0


def made_up(expression: str) -> dict[str, Any]:
    """A state with all that an expression names."""
    try:
        return state_for(expression)
    except ExpressionError:
        return {}


def _expressions(path: Path | None) -> tuple[str, list[str]]:
    path = path or (CORPUS if CORPUS.exists() else None)
    if path is not None:
        return path.name, [json.loads(line)["expression"] for line in path.read_text("utf-8").splitlines()]
    tables = (json.loads(table.read_text("utf-8"))["cases"] for table in sorted(TESTS.glob("cases/*.json")))
    rows = [row["expression"] for table in tables for row in table if isinstance(row["expression"], str)]
    return TABLES, rows


def _rate(run: Callable[[], None], count: int) -> float:
    """Expressions a second, over at least `SECONDS`."""
    rounds, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < SECONDS:
        run()
        rounds += 1
    return rounds * count / spent


def main() -> None:
    name, expressions = _expressions(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    shared = json.loads((TESTS / "state.json").read_text("utf-8"))
    scopes = [scope_from_state(shared if name == TABLES else made_up(expression)) for expression in expressions]

    def parse() -> None:
        parser.parse.cache_clear()
        template.parse_template.cache_clear()
        for expression in expressions:
            try:
                template.parse_template(expression)
            except ExpressionError:
                continue

    def run() -> None:
        for expression, scope in zip(expressions, scopes, strict=True):
            try:
                evaluate(expression, scope)
            except ExpressionError:
                continue

    print(f"{len(expressions)} expressions of {name}")
    print(f"parsed, nothing cached: {_rate(parse, len(expressions)):>10,.0f} a second")
    print(f"evaluated, trees cached: {_rate(run, len(expressions)):>9,.0f} a second")


if __name__ == "__main__":
    main()
