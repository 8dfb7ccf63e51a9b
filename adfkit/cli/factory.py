"""`adfkit factory`: any factory's Git folder, looked at and run without Azure."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adfkit.cli.output import err, out
from adfkit.cli.project import CliError

if TYPE_CHECKING:
    from adfkit.local_azure.services.data_factory.folder_runs import Report

app = typer.Typer(help="Pipelines of any factory's Git folder.")
STATUS_STYLE = {"Succeeded": "green", "Failed": "red", "TimedOut": "red", "Cancelled": "yellow"}


@app.callback()
def _group() -> None:
    """Pipelines of any factory's Git folder."""


@app.command()
def run(
    pipeline: Annotated[str, typer.Argument(help="The pipeline, by its name.")],
    folder: Annotated[Path, typer.Option(help="The factory's Git folder: pipeline/, dataset/, ... lie in it.")],
    params: Annotated[Path | None, typer.Option(help="A JSON file with the pipeline's parameters by name.")] = None,
    stubs: Annotated[Path | None, typer.Option(help="A JSON file with stubs by activity name.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run a pipeline with stubs for what reaches outside, waits skipped; exit status 1 unless it succeeds."""
    from adfkit.local_azure.services.data_factory.folder_runs import FolderRunError
    from adfkit.local_azure.services.data_factory.folder_runs.report import refused

    try:
        found = _run(pipeline, folder, _read(params), _read(stubs))
    except (FolderRunError, CliError) as error:
        if not json:
            raise
        found = refused(str(error), pipeline)
    for warning in found.warnings:
        err.print(f"warning: {warning}", markup=False, soft_wrap=True)
    if json:
        typer.echo(json_module.dumps(found.to_json(), indent=2))
    else:
        _print(found)
    if not found.succeeded:
        raise typer.Exit(1)


def _run(pipeline: str, folder: Path, parameters: Any, stubs: Any) -> Report:
    from adfkit.local_azure.services.data_factory.folder_runs import (
        FolderArtifacts,
        FolderRunError,
        Stubs,
        run_pipeline,
    )

    if not isinstance(parameters, dict):
        raise FolderRunError("the parameters must be a JSON object with values by name")
    return run_pipeline(FolderArtifacts(folder), pipeline, parameters, Stubs(stubs))


def _read(path: Path | None) -> Any:
    if path is None:
        return {}
    try:
        return json_module.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise CliError(f"{path} cannot be read as JSON: {error}") from error


def _print(report: Report) -> None:
    for entry in report.activities:
        style = STATUS_STYLE.get(entry["status"], "default")
        attempt = f"retry {entry['retryAttempt']}" if entry["retryAttempt"] else ""
        out.print(f"  [{style}]{entry['status']:<10}[/]", end=" ")
        out.print(f"{entry['activityName']:<32} {entry['activityType']:<22} {attempt}".rstrip(), markup=False)
    style = STATUS_STYLE.get(report.status, "default")
    out.print(f"[{style}]{report.status}[/]")
    for label, values in (("variables", report.variables), ("returns", report.return_value)):
        if values:
            out.print(f"{label}: {json_module.dumps(values, ensure_ascii=False)}", markup=False, soft_wrap=True)
    if report.error is not None:
        err.print(f"{report.error['errorCode']}: {report.error['message']}", markup=False, soft_wrap=True)
