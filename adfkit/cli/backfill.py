"""`adfkit backfill`: an ingestion, run for every window of a time range."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from adfkit.cli.output import out, print_json
from adfkit.cli.project import LOCAL_STACK, CliError

if TYPE_CHECKING:
    from adfkit.cli.window_runs import WindowRun

StackOption = Annotated[str, typer.Option("--stack", "-s", help="The stack.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Time = "a time in ISO 8601, in UTC unless it says otherwise"


def backfill(
    ingestion: Annotated[str, typer.Argument(help="The ingestion, as the stack file names it.")],
    start: Annotated[str, typer.Option("--from", help=f"The first window's start: {Time}.")],
    end: Annotated[str, typer.Option("--to", help=f"The last window's end: {Time}.")],
    stack: StackOption = LOCAL_STACK,
    json: Json = False,
) -> None:
    """Run an ingestion for every window of its trigger between two times, and wait; exit status 1 if one fails.

    A window that the trigger has run before is run again; one that it has not is run now, whether or not the trigger is
    started.
    """
    from adfkit.cli import window_runs
    from adfkit.cli.runs import connect

    interval = _time("--from", start), _time("--to", end)
    if interval[0] >= interval[1]:
        raise CliError(f"--to {end} is not after --from {start}.")
    platform = connect(stack)
    found = platform.ingestion(ingestion)
    trigger = window_runs.trigger_of(platform, found)
    windows = window_runs.between(trigger, *interval)
    with out.status(f"Run {len(windows)} windows of {ingestion} ...") as status:
        done = window_runs.run(
            platform, found, trigger, windows, lambda left: status.update(f"{left} windows of {ingestion} to go ...")
        )
    if json:
        print_json([run.as_json() for run in done])
    else:
        _print(done)
    failed = [run for run in done if run.status != "Succeeded"]
    if failed:
        told = "\n".join(f"  {run.window_start}: {run.status}: {run.message or ''}" for run in failed)
        raise CliError(f"{len(failed)} of {len(done)} windows of '{ingestion}' did not succeed:\n{told}")


def _print(runs: list[WindowRun]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("window", "", "", "status", "rows", "dataset version", "seconds", "run"):
        table.add_column(heading, justify="right" if heading in ("rows", "seconds") else "left")
    for run in runs:
        style = {"Succeeded": "green", "Cancelled": "yellow"}.get(run.status, "red")
        table.add_row(
            run.window_start,
            run.window_end,
            run.action,
            f"[{style}]{run.status}[/]",
            str(run.rows if run.rows is not None else ""),
            run.dataset_version or "",
            f"{run.seconds:.1f}" if run.seconds is not None else "",
            run.run_id or "",
        )
    out.print(table)


def _time(option: str, text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise CliError(f"{option}: '{text}' is no time in ISO 8601, as 2026-01-31 or 2026-01-31T06:00:00Z.") from None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
