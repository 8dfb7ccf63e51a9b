"""Scripts of real factories: all are parsed; most run, the others are refused by name and line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adfkit.data_flows.errors import DataFlowError
from adfkit.data_flows.parser import parse
from tests.data_flows.inputs import run_on_generated_inputs

CORPUS = Path(__file__).parents[3] / "shared" / "adf-corpus"


@pytest.fixture(scope="module")
def scripts() -> list[str]:
    if not CORPUS.is_dir():
        pytest.skip(f"the corpus of real factories isn't there: {CORPUS}")
    found = []
    for path in sorted(CORPUS.rglob("*.json")):
        try:
            document = json.loads(path.read_text("utf-8-sig"))
        except ValueError:
            continue
        found.extend(_scripts(document))
    return found


def test_every_script_parses(scripts: list[str]) -> None:
    assert len(scripts) >= 50
    for script in scripts:
        parse(script)


def test_most_scripts_run_and_others_are_refused_with_their_line(scripts: list[str]) -> None:
    outcomes: Counter[str] = Counter(parsed=len(scripts))
    for script in scripts:
        try:
            run_on_generated_inputs(script)
            outcomes["executed"] += 1
        except DataFlowError as error:
            outcomes["refused"] += 1
            assert error.line, error
            print(f"refused: {error}")
    print(dict(outcomes))
    assert outcomes["executed"] >= 45


def _scripts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        properties = value.get("typeProperties")
        if value.get("type") == "MappingDataFlow" and isinstance(properties, dict):
            lines = properties.get("scriptLines")
            yield "\n".join(lines) if lines else properties.get("script") or ""
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _scripts(item)
