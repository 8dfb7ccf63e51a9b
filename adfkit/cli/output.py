"""What the command prints: tables and progress for people, plain lines for pipes, JSON for scripts."""

from __future__ import annotations

import sys
from typing import Any

import orjson
from rich.console import Console

# A pipe gets lines of any length: wrapping a table at a width that no one has helps nobody.
out = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
err = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else 200)


def as_json(value: Any) -> str:
    """One indented JSON document, sorted by key, with the line feed at its end."""
    return orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


def print_json(value: Any) -> None:
    """The same on standard output."""
    sys.stdout.write(as_json(value))


def fail(message: str) -> None:
    """An error on standard error: `error:` and the text as it is, square brackets included."""
    err.print("[bold red]error:[/]", end=" ")
    err.print(message, markup=False, soft_wrap=True)
