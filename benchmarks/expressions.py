"""How many expressions a second are parsed and evaluated: those of real factories, or those of the test tables.

python benchmarks/expressions.py [file of JSON lines with "expression"]
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from adfkit.expressions import ExpressionError, Scope, evaluate, parser, scope_from_state, template

ROOT = Path(__file__).parents[1]
CORPUS = ROOT.parent / "shared" / "adf-corpus" / "expressions.jsonl"
TESTS = ROOT / "tests" / "expressions"
SECONDS = 2.0


def _expressions(path: Path | None) -> tuple[str, list[str]]:
    path = path or (CORPUS if CORPUS.exists() else None)
    if path is not None:
        return path.name, [json.loads(line)["expression"] for line in path.read_text("utf-8").splitlines()]
    tables = (json.loads(table.read_text("utf-8"))["cases"] for table in sorted(TESTS.glob("cases/*.json")))
    rows = [row["expression"] for table in tables for row in table if isinstance(row["expression"], str)]
    return "the test tables", rows


def _rate(run: Callable[[], None], count: int) -> float:
    """Expressions a second, over at least `SECONDS`."""
    rounds, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < SECONDS:
        run()
        rounds += 1
    return rounds * count / spent


def main() -> None:
    name, expressions = _expressions(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    scope = scope_from_state(json.loads((TESTS / "state.json").read_text("utf-8")))

    def parse() -> None:
        parser.parse.cache_clear()
        template.parse_template.cache_clear()
        for expression in expressions:
            try:
                template.parse_template(expression)
            except ExpressionError:
                continue

    def run(state: Scope) -> None:
        for expression in expressions:
            try:
                evaluate(expression, state)
            except ExpressionError:
                continue

    print(f"{len(expressions)} expressions of {name}")
    print(f"parsed, nothing cached: {_rate(parse, len(expressions)):>10,.0f} a second")
    print(f"evaluated, trees cached: {_rate(lambda: run(scope), len(expressions)):>9,.0f} a second")


if __name__ == "__main__":
    main()
