"""`adfkit expr`: one expression, and a batch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LINES = [
    ('{"expression": "@add(1, 2)"}', {"value": 3}),
    ('{"expression": "@div(5.0, 2)", "state": {}}', {"value": 2.5}),
    ('{"expression": "@{pipeline().RunId}", "state": {"pipeline": {"RunId": "r1"}}}', {"value": "r1"}),
    ('{"expression": "@item().a", "state": {"item": {"a": null}}}', {"value": None}),
    (
        '{"expression": "@activity(\'A\').output", "state": {"activities": {"A": {"output": 123456789012345678901}}}}',
        {"value": 123456789012345678901},
    ),
    ('{"expression": "@foo()"}', {"error": "The template function 'foo' is not defined or not valid."}),
    ('{"expression": "@json(\'NaN\')"}', {"value": "NaN"}),
    ("[1]", {"error": "The line must be a JSON object with 'expression', and may have 'state'."}),
    (
        '{"expression": "@1", "state": {"variables": 1}}',
        {"error": "'variables' of the state must be a JSON object."},
    ),
]


def adfkit(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    code = "from adfkit.cli.main import main; main()"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def test_a_batch_answers_every_line_in_order(tmp_path: Path) -> None:
    batch = tmp_path / "cases.jsonl"
    batch.write_text("\n".join(line for line, _ in LINES))
    ran = adfkit("expr", "--batch", str(batch))
    assert ran.returncode == 0, ran.stderr
    assert [json.loads(line) for line in ran.stdout.splitlines()] == [expected for _, expected in LINES]


def test_one_expression_is_printed_as_json(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text('{"variables": {"names": ["a", "b"]}}')
    ran = adfkit("expr", "@join(variables('names'), '-')", "--state", str(state))
    assert (ran.returncode, ran.stdout) == (0, '"a-b"\n')


def test_an_error_points_at_the_place() -> None:
    ran = adfkit("expr", "@concat('a', foo())")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "'foo'" in ran.stderr
    assert "\n              ^\n" in ran.stderr
