"""`adfkit lineage`: which data a version and its models come from."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from adfkit.cli.output import err, out, print_json
from adfkit.cli.project import LOCAL_STACK, CliError
from adfkit.cli.runs import Json, StackOption, connect

if TYPE_CHECKING:
    from adfkit.cli.lineage import Lineage

HEADINGS = ("dataset", "source files", "pipeline run", "activity", "location", "models")


def lineage(
    dataset: Annotated[str | None, typer.Argument(help="A dataset, or one version: DATASET[:VERSION].")] = None,
    model: Annotated[str | None, typer.Option(help="Only the data that trained this model: NAME[:VERSION].")] = None,
    stack: StackOption = LOCAL_STACK,
    json: Json = False,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Print a Mermaid flowchart.")] = False,
) -> None:
    """Show where dataset versions come from and which models were trained on them, by their tags alone."""
    from adfkit.cli import lineage as found_by

    if json and mermaid:
        raise CliError("--json and --mermaid are two outputs: ask for one.")
    found = found_by.collect(connect(stack), dataset, model)
    for each in found:
        if each.problem:
            err.print(f"warning: {each.dataset}:{each.version}: {each.problem}", markup=False, soft_wrap=True)
    if json:
        print_json([each.as_json() for each in found])
    elif mermaid:
        sys.stdout.write(found_by.mermaid(found))
    else:
        out.print(table(found))


def table(found: Sequence[Lineage]) -> Table:
    """A row a version."""
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in HEADINGS:
        shown.add_column(heading, overflow="fold")
    for each in found:
        files = [f"{file['path']} {file.get('etag', '')}".rstrip() for file in each.source_files]
        same = f"\nidentical to {each.identical_to}" if each.identical_to else ""
        cells = (
            f"{each.dataset}:{each.version}{same}",
            "\n".join([each.source, *files]),
            f"{each.pipeline}\n{each.run_id}",
            f"{each.activity}\n{each.technique}",
            each.location,
            "\n".join(f"{model.name}:{model.version}" for model in each.models),
        )
        shown.add_row(*(Text(cell) for cell in cells))
    return shown
