"""The report for terminals and for pull requests."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from adfkit.preview import markdown, terminal
from adfkit.preview.report import Report
from tests.preview.changes import REPORT, STOPS, artifact, pipeline

EMPTY = Report("prod", True, [], 0.1)


def test_markdown() -> None:
    text = markdown.render(REPORT)
    lines = text.splitlines()
    assert lines[0] == "### Preview of the stack `dev`: " + REPORT.summary()
    cares = [line for line in lines if line.startswith("> ")]
    assert cares[0].startswith("> ⚠️ **delete of `kv`** (azure-native:keyvault:Vault): what it holds is lost.")
    assert cares[2] == f"> ⏸️ {STOPS}"
    assert cares[3].startswith("> ⛔ mandatory policy `no-public-blobs`: lake allows public \\| blobs")
    assert "| `±` replace | lake | azure-native:storage:StorageAccount | isHnsEnabled cannot change in place |" in lines
    assert "  isHnsEnabled   # forces the replacement" in lines
    assert lines[lines.index("  scaleSettings.autoScale.formula") + 2 :][:3] == [" a = 1;", "-b = 2;", "+b = 3;"]
    assert "- 2" in lines
    assert "+ 4" in lines
    assert '+        "seconds": 30' in lines
    assert text.count("<details>") == text.count("</details>") == 4


def test_a_fence_is_longer_than_those_in_what_it_holds() -> None:
    change = artifact("update", "pipeline", "p", {"a": "x"}, {"a": "```\n`````"})
    body = markdown.render(Report("dev", True, [change], 0))
    assert "```diff" in body  # JSON writes the line break as \\n: the text never starts a line


@pytest.mark.parametrize("limit", [500, 1500, 2500, 100_000])
def test_markdown_stays_within_its_limit_and_says_what_is_left_out(limit: int) -> None:
    whole = markdown.render(REPORT)
    text = markdown.shorten(whole, limit)
    assert len(text) <= limit
    assert ("left out here" in text) == (len(whole) > limit)
    assert text.count("<details>") == text.count("</details>")


def test_many_changes_stay_within_the_limit() -> None:
    many = [artifact("update", "pipeline", f"p{number}", pipeline(1), pipeline(2)) for number in range(400)]
    text = markdown.shorten(markdown.render(Report("dev", True, many, 0)), 20_000)
    assert len(text) <= 20_000
    assert "details are left out" in text


def test_no_changes() -> None:
    assert markdown.render(EMPTY) == "### Preview of the stack `prod`: no changes (0 unchanged)\n"


def test_terminal() -> None:
    console = Console(file=io.StringIO(), width=160)
    terminal.render(REPORT, console, details=True)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    assert lines[0].startswith("! delete of kv (azure-native:keyvault:Vault) loses what it holds")
    assert STOPS in [line.strip() for line in lines]
    assert "! mandatory policy no-public-blobs: lake allows public | blobs" in lines
    assert '+        "seconds": 30' in lines
    assert lines[-1] == "Preview: " + REPORT.summary() + " in 1.5 s"
