"""`adfkit run` and `adfkit runs`: ingestions, run and looked at."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from adfkit.cli.output import out, print_json
from adfkit.cli.project import LOCAL_STACK, CliError, find_project

if TYPE_CHECKING:
    from azure.mgmt.datafactory.models import ActivityRun, PipelineRun

    from adfkit.cli.platform import Ingestion, Platform

StackOption = Annotated[str, typer.Option("--stack", "-s", help="The stack.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
STATUS_STYLE = {"Succeeded": "green", "Failed": "red", "Cancelled": "yellow", "InProgress": "cyan", "Skipped": "dim"}


def run(
    ingestion: Annotated[str, typer.Argument(help="The ingestion, as the stack file names it.")],
    stack: StackOption = LOCAL_STACK,
    json: Json = False,
) -> None:
    """Run an ingestion and wait for it; exit status 1 if it fails."""
    from adfkit.cli import pipeline_runs

    platform = connect(stack)
    found = platform.ingestion(ingestion)
    finished = follow_run(platform, found, quiet=json)
    version = pipeline_runs.dataset_versions(platform.asset_versions("data", found.dataset)).get(str(finished.run_id))
    described = pipeline_runs.describe(platform, found, finished, version)
    if json:
        print_json(described.as_json())
    elif described.dataset_version is not None:
        out.print(f"Dataset [bold]{found.dataset}[/] version {described.dataset_version}: {described.location}")
    if described.status != "Succeeded":
        raise CliError(f"run {described.run_id} of ingestion '{ingestion}' {described.status}: {described.message}")


def runs(stack: StackOption = LOCAL_STACK, json: Json = False) -> None:
    """List the pipeline runs: status, ingestion, technique, location, dataset version and times."""
    from adfkit.cli import pipeline_runs

    found = pipeline_runs.list_runs(connect(stack))
    if json:
        print_json([run.as_json() for run in found])
        return
    table = Table(box=None, pad_edge=False)
    for heading in (
        "run",
        "status",
        "ingestion",
        "technique",
        "window",
        "dataset version",
        "start",
        "seconds",
        "location",
    ):
        table.add_column(heading, overflow="fold")
    for item in found:
        style = STATUS_STYLE.get(item.status, "")
        started = (item.start or "")[:19].replace("T", " ")
        seconds = f"{item.seconds:.1f}" if item.seconds is not None else ""
        table.add_row(
            item.run_id, f"[{style}]{item.status}[/]" if style else item.status, item.ingestion, item.technique,
            (item.window or "").replace("T00:00:00Z", ""), item.dataset_version or "", started, seconds, item.location,
        )  # fmt: skip
    out.print(table)


def connect(stack: str) -> Platform:
    """The deployed platform of a stack, with local Azure running and entered where the stack is local."""
    from adfkit.cli.local import enter_local_azure
    from adfkit.cli.platform import load_platform

    project = find_project()
    project.stack_file(stack)
    if stack == LOCAL_STACK:
        enter_local_azure(project)
    return load_platform(stack)


def follow_run(platform: Platform, ingestion: Ingestion, *, quiet: bool = False) -> PipelineRun:
    """Start a run, show its activities as they end, and return it once it has ended."""
    from adfkit.cli import pipeline_runs

    run_id = pipeline_runs.start_run(platform, ingestion)
    told: set[tuple[str, ...]] = set()

    def tell(activities: list[ActivityRun]) -> None:
        for activity in activities:
            # a loop runs its activities many times: the first success of each stands for all, every failure is told
            succeeded = activity.status == "Succeeded"
            key = (str(activity.activity_name),) if succeeded else (str(activity.activity_name), *_identity(activity))
            if activity.activity_run_end is None or key in told:
                continue
            told.add(key)
            if not quiet:
                _print_activity(activity)
        running = [str(activity.activity_name) for activity in activities if activity.activity_run_end is None]
        status.update(f"Run {run_id}: {', '.join(running) or 'starting'} ...")

    status = out.status(f"Run {run_id} ...")
    with nullcontext() if quiet else status:
        return pipeline_runs.follow(platform, run_id, tell)


def _identity(activity: ActivityRun) -> tuple[str, str]:
    # each retry is a run of its own, under the same id where the service says so
    return str(activity.activity_run_id), str(activity.activity_run_start)


def _print_activity(activity: ActivityRun) -> None:
    style = STATUS_STYLE.get(str(activity.status), "")
    seconds = (activity.duration_in_ms or 0) / 1000
    name = f"{activity.activity_name}"
    out.print(
        f"  [{style or 'default'}]{activity.status:<10}[/] {name:<24} {activity.activity_type:<22} {seconds:6.1f} s"
    )
    if activity.status == "Failed" and activity.error:
        out.print(f"    {activity.error.get('errorCode', '')}: {activity.error.get('message', '')}", markup=False)
