"""`adfkit prune`: what failed and forgotten runs left in the lake, removed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from adfkit.cli.output import out, print_json
from adfkit.cli.project import LOCAL_STACK, CliError
from adfkit.cli.runs import Json, StackOption, connect

if TYPE_CHECKING:
    from adfkit.cli.platform import Platform
    from adfkit.cli.run_folders import RunFolder


def prune(
    ingestion: Annotated[str | None, typer.Argument(help="Only the folders of this ingestion.")] = None,
    stack: StackOption = LOCAL_STACK,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; with --json, nothing else removes.")] = False,
    json: Json = False,
) -> None:
    """Remove the run folders that no dataset version refers to, once they are older than adfkit:retention_days.

    Shows them first. A folder stays while its run has not ended, or any version of a data asset, archived ones
    included, points into it.
    """
    from adfkit.cli import run_folders

    platform = connect(stack)
    shown = _find(platform, ingestion)
    if not json:
        out.print(table(shown) if shown else "No run folder is to be removed.")
    if not shown or (json and not yes):
        removed: list[RunFolder] = []
    else:
        if not yes:
            typer.confirm(f"Remove these {len(shown)} folders?", abort=True)
        still = {folder.location for folder in _find(platform, ingestion)}  # a version may have come meanwhile
        removed = [folder for folder in shown if folder.location in still]
        for folder in removed:
            run_folders.remove(platform, folder)
    if json:
        gone = {folder.location for folder in removed}
        print_json([{**folder.as_json(), "removed": folder.location in gone} for folder in shown])
    elif removed:
        out.print(f"Removed {len(removed)} folders, {_size(sum(folder.bytes for folder in removed))}.")


def table(folders: list[RunFolder]) -> Table:
    """A row a folder."""
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("ingestion", "location", "last written", "blobs", "size"):
        shown.add_column(heading, overflow="fold")
    for folder in folders:
        written = f"{folder.last_modified:%Y-%m-%d %H:%M}"
        cells = (folder.ingestion, folder.location, written, str(folder.blobs), _size(folder.bytes))
        shown.add_row(*(Text(cell) for cell in cells))
    return shown


def retention_days(platform: Platform) -> int:
    """The stack's retention.

    Raises:
        CliError: the stack has none.
    """
    days = platform.outputs.get("retention_days")
    if days is None:
        raise CliError(
            f"stack '{platform.stack}' has no retention: set adfkit:retention_days in "
            f"stacks/Pulumi.{platform.stack}.yaml and run `adfkit up --stack {platform.stack}`."
        )
    return int(days)


def _find(platform: Platform, ingestion: str | None) -> list[RunFolder]:
    from adfkit.cli import pipeline_runs, run_folders

    days = retention_days(platform)
    ingestions = list(platform.ingestions.values()) if ingestion is None else [platform.ingestion(ingestion)]
    running = {run.run_id for run in pipeline_runs.list_runs(platform) if run.status not in pipeline_runs.FINAL}
    return run_folders.find(platform, ingestions, retention_days=days, running=running, now=datetime.now(UTC))


def _size(size: int) -> str:
    return f"{size / 2**20:,.1f} MiB"
