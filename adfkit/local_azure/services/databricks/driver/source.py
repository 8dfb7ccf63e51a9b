"""Notebooks as text: Databricks' source form and Jupyter's, read into cells and written from them.

https://docs.databricks.com/aws/en/notebooks/notebook-export-import
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from typing import Any

COMMENTS = {"PYTHON": "#", "R": "#", "SCALA": "//", "SQL": "--"}
EXTENSIONS = {".py": "PYTHON", ".r": "R", ".scala": "SCALA", ".sql": "SQL"}
MAGICS = {"%python": "PYTHON", "%sql": "SQL", "%scala": "SCALA", "%r": "R"}
_HEADER = "Databricks notebook source"
_SEPARATOR = "COMMAND ----------"
_TITLE = re.compile(r"(#|//|--) DBTITLE [01],.*\n?")


class NotebookFormatError(ValueError):
    """A text that is no notebook of the form that it should be."""


@dataclass(frozen=True)
class Cell:
    """One cell: what runs it (`PYTHON`, `SQL`, ... or a magic such as `%md`), and its text without that magic."""

    kind: str
    text: str


def is_notebook(text: str) -> bool:
    """Whether a file in source form says that it is a notebook."""
    first = text.lstrip("\ufeff").partition("\n")[0].rstrip()
    return any(first == f"{comment} {_HEADER}" for comment in COMMENTS.values())


def cells(text: str, language: str) -> list[Cell]:
    """The cells of a notebook in source form whose default language is this."""
    comment = COMMENTS[language]
    lines = text.lstrip("\ufeff").replace("\r\n", "\n").split("\n")
    if lines and lines[0].rstrip() == f"{comment} {_HEADER}":
        lines = lines[1:]
    found = []
    for part in _split(lines, f"{comment} {_SEPARATOR}"):
        body = _TITLE.sub("", "\n".join(part), count=1).strip("\n")
        if body.strip():
            found.append(_cell(body, comment, language))
    return found


def _split(lines: list[str], separator: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in lines:
        if line.rstrip() == separator:
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def _cell(body: str, comment: str, language: str) -> Cell:
    magic = f"{comment} MAGIC"
    lines = body.split("\n")
    if all(line.rstrip() == magic or line.startswith(f"{magic} ") for line in lines if line.strip()):
        body = "\n".join(line[len(magic) + 1 :] for line in lines)
    return of_text(body, language)


def of_text(body: str, language: str) -> Cell:
    """A cell as a person types it: a first word with `%` says what runs it."""
    word = body.lstrip().split(maxsplit=1)[0] if body.strip() else ""
    if not word.startswith("%") or word.startswith("%%"):
        return Cell(language, body)
    rest = body.lstrip()[len(word) :].lstrip(" ").removeprefix("\n")
    return Cell(MAGICS.get(word.lower(), word.lower()), rest)


def from_jupyter(text: str) -> tuple[str, str]:
    """A Jupyter notebook as its source form and language.

    Raises:
        NotebookFormatError: it is none, or in a language that notebooks here don't have.
    """
    try:
        document: Any = json.loads(text)
        given = document["cells"]
        metadata = document.get("metadata") or {}
        own = (metadata.get("application/vnd.databricks.v1+notebook") or {}).get("language")
        spec = (metadata.get("kernelspec") or {}).get("language") or (metadata.get("language_info") or {}).get("name")
        language = str(own or spec or "python").upper()
        comment = COMMENTS[language]
        parts = [_jupyter_cell(cell, comment) for cell in given]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise NotebookFormatError(f"The content is no Jupyter notebook that can be imported: {error!r}") from error
    body = f"\n\n{comment} {_SEPARATOR}\n\n".join(part for part in parts if part.strip())
    return f"{comment} {_HEADER}\n{body}\n", language


def _jupyter_cell(cell: dict[str, Any], comment: str) -> str:
    source = cell["source"]
    text = "".join(source) if isinstance(source, list) else str(source)
    if cell.get("cell_type") == "markdown":
        text = f"%md\n{text}"
    elif cell.get("cell_type") == "raw":
        return ""
    if not text.lstrip().startswith("%"):
        return text
    return "\n".join(f"{comment} MAGIC {line}".rstrip() for line in text.split("\n"))


def to_jupyter(text: str, language: str) -> str:
    """A notebook in source form as a Jupyter notebook."""
    shown: list[dict[str, Any]] = []
    for cell in cells(text, language):
        body = cell.text if cell.kind == language else f"{_magic(cell.kind)}\n{cell.text}"
        if cell.kind == "%md":
            shown.append({"cell_type": "markdown", "metadata": {}, "source": cell.text})
        else:
            code: dict[str, Any] = {
                "cell_type": "code",
                "execution_count": None,
                "metadata": {},
                "outputs": [],
                "source": body,
            }
            shown.append(code)
    document = {
        "cells": shown,
        "metadata": {
            "application/vnd.databricks.v1+notebook": {"language": language.lower()},
            "language_info": {"name": language.lower()},
        },
        "nbformat": 4,
        "nbformat_minor": 0,
    }
    return json.dumps(document, indent=1)


def _magic(kind: str) -> str:
    return next((magic for magic, language in MAGICS.items() if language == kind), kind)


def to_html(text: str) -> str:
    """A notebook in source form as a page."""
    return f"<!DOCTYPE html>\n<html><body><pre>{html.escape(text)}</pre></body></html>\n"
