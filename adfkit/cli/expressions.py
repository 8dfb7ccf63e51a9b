"""`adfkit expr`: what an expression of Data Factory yields in a state, one or many at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from adfkit.cli.project import CliError


def expr(
    expression: Annotated[
        str | None, typer.Argument(help="The expression, as an artifact holds it: '@add(1, 2)'.")
    ] = None,
    state: Annotated[Path | None, typer.Option(help="A JSON file with what the expression sees.")] = None,
    batch: Annotated[
        Path | None, typer.Option(help='A file with {"expression", "state"} a line; - for standard input.')
    ] = None,
) -> None:
    """Print the value of an expression as JSON; with --batch, a {"value"} or {"error"} for every line of a file."""
    if expression is not None and batch is None:
        _one(expression, state)
    elif batch is None or expression is not None:
        raise CliError("give an expression, or --batch FILE with one a line")
    elif state is not None:
        raise CliError("--state goes with one expression; the lines of a batch have a 'state' each")
    else:
        _many(batch)


def _one(expression: str, path: Path | None) -> None:
    from adfkit.expressions import ExpressionError, StateError, evaluate, scope_from_state
    from adfkit.expressions.batch import dump_json

    try:
        value = evaluate(expression, scope_from_state({} if path is None else _read_state(path)))
    except ExpressionError as error:
        raise CliError(error.render()) from error
    except StateError as error:
        raise CliError(f"{path}: {error}") from error
    sys.stdout.buffer.write(dump_json(value) + b"\n")


def _many(path: Path) -> None:
    from adfkit.expressions.batch import dump_json, outcome

    for line in _lines(path):
        if line.strip():
            sys.stdout.buffer.write(dump_json(outcome(line)) + b"\n")


def _lines(path: Path) -> Iterator[str]:
    if str(path) == "-":
        yield from sys.stdin
        return
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from file
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"{path} cannot be read: {error}") from error


def _read_state(path: Path) -> Any:
    from adfkit.expressions.batch import load_json

    try:
        return load_json(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise CliError(f"{path} cannot be read as JSON: {error}") from error
