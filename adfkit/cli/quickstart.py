"""`adfkit quickstart`: everything once, from an empty machine to a registered dataset version and a trained model."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from adfkit.cli.output import err, out, print_json
from adfkit.cli.project import LOCAL_STACK, CliError, find_project

if TYPE_CHECKING:
    from adfkit.cli.comparison import Made
    from adfkit.cli.platform import Ingestion, Platform


class Phases:
    """Times the phases of the way and tells which one goes on."""

    def __init__(self, *, quiet: bool) -> None:
        self.seconds: dict[str, float] = {}
        self._quiet = quiet

    @contextmanager
    def phase(self, title: str) -> Iterator[None]:
        """Announce a phase and note how long it took."""
        if not self._quiet:
            out.print(Text(f"▸ {title}", style="bold"))
        began = time.monotonic()
        yield
        self.seconds[title] = round(time.monotonic() - began, 2)


def quickstart(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Start local Azure, deploy the stack `local`, upload the sample, run its ingestions, and show what came of it."""
    from adfkit.cli.deploy import apply_stack
    from adfkit.cli.local import enter_local_azure
    from adfkit.cli.platform import load_platform
    from adfkit.cli.sample import upload_samples
    from adfkit.preview.terminal import render

    phases = Phases(quiet=json)
    with phases.phase("Start local Azure"):
        enter_local_azure(find_project())
    with phases.phase("Deploy the stack local"):
        report = apply_stack(LOCAL_STACK, "up", quiet=json)
        if not json:
            render(report, out, details=False)
    platform = load_platform(LOCAL_STACK)
    with phases.phase("Upload the sample"):
        for blob in upload_samples(platform, find_project().folder, refresh=True):
            if not json:
                out.print(f"  {blob}")
    results = []
    for ingestion in platform.ingestions.values():
        with phases.phase(f"Run the ingestion {ingestion.name}"):
            results.append(_run(platform, ingestion, quiet=json))
    if json:
        made = [result.as_json() for result in results]
        print_json({"deployment": report.as_json(), "ingestions": made, "seconds": phases.seconds})
        return
    _print_results(results)
    _print_times(phases.seconds)
    _print_next(platform)


def _run(platform: Platform, ingestion: Ingestion, *, quiet: bool) -> Made:
    from adfkit.cli import comparison
    from adfkit.cli.runs import follow_run

    finished = follow_run(platform, ingestion, quiet=quiet)
    if finished.status != "Succeeded":
        raise CliError(f"run {finished.run_id} of ingestion '{ingestion.name}' {finished.status}: {finished.message}")
    return comparison.collect(platform, ingestion, finished)


def _print_results(results: list[Made]) -> None:
    from adfkit.cli import comparison

    out.print()
    out.print(comparison.table(results))
    for made in results:
        out.print(f"  {made.run['location']}", style="dim", soft_wrap=True)


def _print_times(seconds: dict[str, float]) -> None:
    total = sum(seconds.values())
    err.print()
    err.print(", ".join(f"{title.lower()} {value:.1f} s" for title, value in seconds.items()), style="dim")
    err.print(f"{total:.1f} s in all", style="dim")


def _print_next(platform: Platform) -> None:
    ingestion = next(iter(platform.ingestions))
    out.print("\nWhat to try next:", style="bold")
    for command, what in (
        ("make up", "once more: no changes, and the next dataset version"),
        (". .venv/bin/activate", "put `adfkit` on the PATH"),
        ("adfkit runs", "every run, with its location and dataset version"),
        (f"adfkit run {ingestion}", "one more run of the ingestion"),
        ('eval "$(adfkit local env)"', "point the official clients at local Azure"),
        ("make down", "stop local Azure"),
    ):
        out.print(f"  {command:<28} {what}", markup=False)
