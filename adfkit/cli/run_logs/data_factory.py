"""What Data Factory tells of a run: when it and its activities began and ended, and how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from adfkit.cli.platform import Platform
from adfkit.cli.run_logs.entries import Entry

if TYPE_CHECKING:
    from azure.mgmt.datafactory.models import ActivityRun, PipelineRun

SOURCE: Final = "data_factory"


def entries(_: Platform, run: PipelineRun, activities: Sequence[ActivityRun]) -> Iterator[Entry]:
    """The lines of a run."""
    name = str(run.pipeline_name)
    if run.run_start:
        yield Entry(run.run_start, SOURCE, name, "INFO", f"run {run.run_id} started")
    for activity in activities:
        yield from _of_activity(activity)
    if run.run_end:
        level = "INFO" if run.status == "Succeeded" else "ERROR"
        yield Entry(run.run_end, SOURCE, name, level, f"run {run.status}" + (f": {run.message}" if run.message else ""))


def _of_activity(activity: ActivityRun) -> Iterator[Entry]:
    name, kind = str(activity.activity_name), str(activity.activity_type)
    if activity.activity_run_start:
        yield Entry(activity.activity_run_start, SOURCE, name, "INFO", f"{kind} started")
    if activity.activity_run_end:
        failed = activity.status not in ("Succeeded", "Skipped")
        error = activity.error or {}
        why = f": {error.get('errorCode', '')}: {error.get('message', '')}" if failed else ""
        level = "ERROR" if failed else "INFO"
        yield Entry(activity.activity_run_end, SOURCE, name, level, f"{kind} {activity.status}{why}")
        for sink, rows in _written(activity):
            yield Entry(activity.activity_run_end, SOURCE, name, "INFO", f"{rows} rows written to {sink}")


def _written(activity: ActivityRun) -> Iterator[tuple[str, int]]:
    """How many rows a data flow wrote to each sink, or a copy to its one."""
    output = activity.output if isinstance(activity.output, dict) else {}
    if activity.activity_type == "ExecuteDataFlow":
        metrics = (output.get("runStatus") or {}).get("metrics") or {}
        yield from ((f"the sink '{sink}'", one["rowsWritten"]) for sink, one in metrics.items() if "rowsWritten" in one)
    elif activity.activity_type == "Copy" and "rowsCopied" in output:
        yield "the sink", output["rowsCopied"]
