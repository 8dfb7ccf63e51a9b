"""Every expression of real factories parses, and is printed and parsed to the same again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adfkit.expressions import ExpressionError, Scope, check, evaluate, parse, parse_template, to_text
from adfkit.expressions.checks import Context
from adfkit.expressions.syntax import expressions

CORPUS = Path(__file__).parents[3] / "shared" / "adf-corpus" / "expressions.jsonl"


@pytest.fixture(scope="module")
def corpus() -> list[dict[str, Any]]:
    if not CORPUS.exists():
        pytest.skip(f"the corpus of real factories isn't there: {CORPUS}")
    return [json.loads(line) for line in CORPUS.read_text("utf-8").splitlines()]


def test_every_expression_parses(corpus: list[dict[str, Any]]) -> None:
    live = [expression for row in corpus for expression in expressions(parse_template(row["expression"]))]
    assert len(live) >= len(corpus) / 2
    for expression in live:
        printed = to_text(expression.root)
        assert to_text(parse(printed).root) == printed


def test_every_function_is_known(corpus: list[dict[str, Any]]) -> None:
    problems = check([row["expression"] for row in corpus], Context(system_variables=None))
    assert [str(problem) for problem in problems] == []


def test_evaluation_ends_with_a_value_or_an_error_in_words(corpus: list[dict[str, Any]]) -> None:
    for row in corpus:
        try:
            evaluate(row["expression"], Scope())
        except ExpressionError as error:
            assert "'" in error.message
