"""`adfkit logs`: what every service logged for one run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from adfkit.cli.output import err, out, print_json
from adfkit.cli.project import LOCAL_STACK
from adfkit.cli.runs import Json, StackOption, connect

if TYPE_CHECKING:
    from adfkit.cli.run_logs import Entry

LEVEL_STYLE = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red", "DEBUG": "dim"}


def logs(
    run: Annotated[str, typer.Argument(help="The pipeline run, by its id; `adfkit runs` lists them.")],
    stack: StackOption = LOCAL_STACK,
    every: Annotated[bool, typer.Option("--all", help="Show each turn of a loop, too.")] = False,
    json: Json = False,
) -> None:
    """Show the logs of one run: Data Factory, functions, Batch, Spark and machine learning, in the order of time.

    In Azure, Application Insights shows what functions logged some minutes later. With --json, all is shown.
    """
    from adfkit.cli.run_logs import collect

    found = collect(connect(stack), run)
    for problem in found.problems:
        err.print(f"warning: {problem}", markup=False, soft_wrap=True)
    if json:
        print_json([entry.as_json() for entry in found.entries])
        return
    for entry in found.entries if every else _without_repetitions(found.entries):
        style = LEVEL_STYLE.get(entry.level, "default")
        time = f"{entry.time:%H:%M:%S.%f}"[:-3]
        out.print(f"[dim]{time}[/] [cyan]{entry.source:<16}[/]", end=" ", soft_wrap=True)
        out.print(f"{entry.name:<24} ", end="", markup=False, soft_wrap=True)
        out.print(f"[{style}]{entry.level:<8}[/]", end=" ", soft_wrap=True)
        out.print(entry.message, markup=False, soft_wrap=True)


def _without_repetitions(entries: Sequence[Entry]) -> Iterator[Entry]:
    """The lines, those of Data Factory that say the same again left out: loops poll in many turns."""
    told: set[tuple[str, str]] = set()
    for entry in entries:
        key = (entry.name, entry.message)
        if entry.source != "data_factory" or key not in told:
            yield entry
        told.add(key)
