"""What functions logged for a run: the traces of Application Insights, asked of its Log Analytics workspace.

A run's activities call functions with the run's id as the id of the trace (the header `traceparent`), which is the
`OperationId` of all that they log.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from adfkit.cli.platform import Platform
from adfkit.cli.run_logs.entries import Entry

if TYPE_CHECKING:
    from azure.mgmt.datafactory.models import ActivityRun, PipelineRun

SOURCE: Final = "function"
CALLERS: Final = frozenset({"AzureFunctionActivity"})
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def entries(platform: Platform, run: PipelineRun, activities: Sequence[ActivityRun]) -> Iterator[Entry]:
    """The lines of all functions that the run called."""
    if not any(activity.activity_type in CALLERS for activity in activities):
        return
    operation = str(run.run_id).replace("-", "")
    for row in _rows(platform, "AppRequests", operation):
        yield Entry(_time(row), SOURCE, row["Name"], "INFO", "invocation began")
        if row["DurationMs"] is not None:
            end = _time(row) + timedelta(milliseconds=row["DurationMs"])
            level = "INFO" if row["Success"] else "ERROR"
            yield Entry(
                end, SOURCE, row["Name"], level, f"invocation ended with status {row['ResultCode'] or 'unknown'}"
            )
    for row in _rows(platform, "AppTraces", operation):
        yield Entry(_time(row), SOURCE, row["OperationName"], LEVELS[int(row["SeverityLevel"])], row["Message"])
    for row in _rows(platform, "AppExceptions", operation):
        yield Entry(_time(row), SOURCE, row["OperationName"], "ERROR", row["OuterMessage"])


def _rows(platform: Platform, table: str, operation: str) -> Iterator[dict[str, Any]]:
    endpoint, workspace = platform.output("log_analytics_endpoint"), platform.output("log_analytics_workspace")
    found = platform.post(
        f"{endpoint}/v1/workspaces/{workspace}/query",
        {"query": f"{table} | where OperationId == '{operation}' | order by TimeGenerated asc"},
        scope=f"{endpoint}/.default",
    )
    for answer in found["tables"]:
        names = [column["name"] for column in answer["columns"]]
        for row in answer["rows"]:
            yield dict(zip(names, row, strict=True))


def _time(row: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(row["TimeGenerated"])
