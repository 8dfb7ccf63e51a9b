"""Every expression of real factories parses, and is printed and parsed to the same again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adfkit.expressions import ExpressionError, Scope, check, evaluate, parse, parse_template, scope_from_state, to_text
from adfkit.expressions.checks import Context
from adfkit.expressions.syntax import expressions
from tests.expressions.states import state_for
from tests.expressions.tables import CORPUS


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


def test_nearly_all_have_a_value_where_all_that_they_name_is_there(corpus: list[dict[str, Any]]) -> None:
    failed: list[str] = []
    for row in corpus:
        try:
            evaluate(row["expression"], scope_from_state(state_for(row["expression"])))
        except ExpressionError as error:
            failed.append(error.render())
    assert len(failed) < len(corpus) / 20, failed


def test_without_any_state_there_is_a_value_or_an_error_in_words(corpus: list[dict[str, Any]]) -> None:
    for row in corpus:
        try:
            evaluate(row["expression"], Scope())
        except ExpressionError as error:
            assert "'" in error.message
