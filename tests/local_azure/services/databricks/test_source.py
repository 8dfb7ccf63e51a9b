"""Notebooks as text: what becomes a cell, and of which kind."""

from __future__ import annotations

import json

import pytest

from adfkit.local_azure.services.databricks.driver import source, sql

HEAD = "# Databricks notebook source\n"
CELLS: dict[str, tuple[str, str, list[tuple[str, str]]]] = {
    "one cell": ("PYTHON", HEAD + "x = 1\n", [("PYTHON", "x = 1")]),
    "no header": ("PYTHON", "x = 1", [("PYTHON", "x = 1")]),
    "empty cells are left out": (
        "PYTHON",
        HEAD + "\n# COMMAND ----------\n\n\n# COMMAND ----------\ny",
        [("PYTHON", "y")],
    ),
    "Windows' line ends and a byte order mark": (
        "PYTHON",
        "\ufeff# Databricks notebook source\r\nx = 1\r\n# COMMAND ----------\r\ny = 2\r\n",
        [("PYTHON", "x = 1"), ("PYTHON", "y = 2")],
    ),
    "a title": ("PYTHON", HEAD + "# DBTITLE 1,Load, then go\nload()", [("PYTHON", "load()")]),
    "markdown": ("PYTHON", HEAD + "# MAGIC %md\n# MAGIC # Title\n# MAGIC\n# MAGIC text", [("%md", "# Title\n\ntext")]),
    "SQL in one line": ("PYTHON", HEAD + "# MAGIC %sql SELECT 1", [("SQL", "SELECT 1")]),
    "run": ("PYTHON", HEAD + '# MAGIC %run ./a $x="1 2"', [("%run", './a $x="1 2"')]),
    "Python in a SQL notebook": (
        "SQL",
        "-- Databricks notebook source\nSELECT 1\n\n-- COMMAND ----------\n"
        "-- MAGIC %python\n-- MAGIC if x:\n-- MAGIC   y()",
        [("SQL", "SELECT 1"), ("PYTHON", "if x:\n  y()")],
    ),
    "a comment that only speaks of magic": (
        "PYTHON",
        HEAD + "# MAGIC is a word\nx",
        [("PYTHON", "# MAGIC is a word\nx")],
    ),
    "a modulo at the beginning of a line": ("PYTHON", HEAD + "x = (5\n% 2)", [("PYTHON", "x = (5\n% 2)")]),
}


@pytest.mark.parametrize("case", CELLS)
def test_a_text_has_these_cells(case: str) -> None:
    language, text, expected = CELLS[case]
    assert [(cell.kind, cell.text) for cell in source.cells(text, language)] == expected


def test_a_notebook_says_that_it_is_one_in_its_first_line() -> None:
    assert source.is_notebook("-- Databricks notebook source\nSELECT 1")
    assert not source.is_notebook("import x\n# Databricks notebook source\n")


@pytest.mark.parametrize("case", [case for case, given in CELLS.items() if given[0] == "PYTHON"])
def test_cells_survive_the_way_to_jupyter_and_back(case: str) -> None:
    language, text, expected = CELLS[case]
    back, found = source.from_jupyter(source.to_jupyter(text, language))
    assert (found, [(cell.kind, cell.text) for cell in source.cells(back, found)]) == (language, expected)


IN_GO = json.dumps({"cells": [], "metadata": {"language_info": {"name": "go"}}})


@pytest.mark.parametrize("text", ["", "[]", '{"cells": [{}]}', IN_GO])
def test_what_is_no_jupyter_notebook_is_refused(text: str) -> None:
    with pytest.raises(source.NotebookFormatError):
        source.from_jupyter(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';' AS `a;b` -- not; here\n", ["SELECT ';' AS `a;b`"]),
        ('SELECT "it\'s; one"', ['SELECT "it\'s; one"']),
        (" ;; ", []),
    ],
)
def test_statements_stand_between_semicolons(text: str, expected: list[str]) -> None:
    assert [each.strip() for each in sql.statements(text)] == expected
