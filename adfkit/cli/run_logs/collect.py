"""Asks each service that a run used for its part of the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError

from adfkit.cli import pipeline_runs
from adfkit.cli.platform import Platform
from adfkit.cli.project import CliError
from adfkit.cli.run_logs import batch, data_factory, databricks, functions, machine_learning
from adfkit.cli.run_logs.entries import Entry

if TYPE_CHECKING:
    from azure.mgmt.datafactory.models import ActivityRun, PipelineRun

Source = Callable[[Platform, "PipelineRun", "Sequence[ActivityRun]"], Iterator[Entry]]
SOURCES: dict[str, Source] = {
    data_factory.SOURCE: data_factory.entries,
    functions.SOURCE: functions.entries,
    batch.SOURCE: batch.entries,
    databricks.SOURCE: databricks.entries,
    machine_learning.SOURCE: machine_learning.entries,
}


@dataclass(frozen=True, slots=True)
class Logs:
    """The lines in the order of time, and which services could not be asked, each with the reason."""

    entries: Sequence[Entry]
    problems: Sequence[str]


def collect(platform: Platform, run_id: str) -> Logs:
    """The logs of a run, and of the runs that it started.

    Raises:
        CliError: there is no such run.
    """
    entries: list[Entry] = []
    problems: list[str] = []
    for run in _with_children(platform, run_id):
        activities = pipeline_runs.activity_runs(platform, str(run.run_id))
        for name, source in SOURCES.items():
            try:
                entries.extend(source(platform, run, activities))
            except AzureError as error:
                problems.append(f"the logs of {name} cannot be read: {str(error).partition(chr(10))[0]}")
    return Logs(sorted(entries, key=lambda entry: entry.time), problems)


def _with_children(platform: Platform, run_id: str) -> list[PipelineRun]:
    """A run and those that its ExecutePipeline activities started."""
    from azure.core.exceptions import ResourceNotFoundError

    group, factory = platform.output("resource_group"), platform.output("factory")
    found: list[PipelineRun] = []
    remaining = [run_id]
    while remaining:
        id = remaining.pop()
        try:
            found.append(platform.data_factory.pipeline_runs.get(group, factory, id))
        except ResourceNotFoundError:
            raise CliError(
                f"there is no pipeline run '{id}' in stack '{platform.stack}'; `adfkit runs` lists them."
            ) from None
        for activity in pipeline_runs.activity_runs(platform, id):
            output = activity.output if isinstance(activity.output, dict) else {}
            if activity.activity_type == "ExecutePipeline" and output.get("pipelineRunId"):
                remaining.append(str(output["pipelineRunId"]))
    return found
