"""What Databricks runs gave: results and errors of notebooks, the driver's log of what keeps one."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from adfkit.cli.platform import Platform
from adfkit.cli.run_logs.entries import Entry, lines

if TYPE_CHECKING:
    from azure.mgmt.datafactory.models import ActivityRun, PipelineRun

SOURCE: Final = "databricks"
SCOPE: Final = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"
"""The Databricks service, the same in every cloud."""
ACTIVITIES: Final = frozenset({"DatabricksNotebook", "DatabricksSparkPython", "DatabricksSparkJar"})
CHUNK: Final = 1 << 20


def entries(platform: Platform, _: PipelineRun, activities: Sequence[ActivityRun]) -> Iterator[Entry]:
    """The lines of all runs of the pipeline run's Databricks activities that have ended."""
    for activity in activities:
        output = activity.output if isinstance(activity.output, dict) else {}
        page = urlsplit(str(output.get("runPageUrl") or ""))
        if activity.activity_type in ACTIVITIES and page.netloc and output.get("runId"):
            yield from _Run(platform, f"https://{page.netloc}", str(activity.activity_name)).entries(output["runId"])


class _Run:
    def __init__(self, platform: Platform, workspace: str, name: str) -> None:
        self._platform = platform
        self._workspace = workspace
        self._name = name

    def entries(self, run_id: Any) -> Iterator[Entry]:
        run = self._get(f"/api/2.1/jobs/runs/get?run_id={run_id}")
        if not run.get("end_time"):
            return
        until = datetime.fromtimestamp(run["end_time"] / 1000, UTC)
        for task in run.get("tasks") or [run]:
            yield from self._driver(task, until)
            yield from self._output(task, until)

    def _output(self, task: dict[str, Any], until: datetime) -> Iterator[Entry]:
        output = self._get(f"/api/2.1/jobs/runs/get-output?run_id={task['run_id']}")
        yield from self._lines(output.get("logs") or "", "output", "INFO", until)
        result = (output.get("notebook_output") or {}).get("result")
        if result:
            yield Entry(until, SOURCE, self._name, "INFO", f"exit value: {result}")
        if output.get("error"):
            yield from self._lines(f"{output['error']}\n{output.get('error_trace') or ''}", "error", "ERROR", until)

    def _driver(self, task: dict[str, Any], until: datetime) -> Iterator[Entry]:
        """The streams of the driver, where the cluster keeps its log in DBFS."""
        cluster = (task.get("new_cluster") or (task.get("cluster_spec") or {}).get("new_cluster")) or {}
        folder = ((cluster.get("cluster_log_conf") or {}).get("dbfs") or {}).get("destination")
        id = (task.get("cluster_instance") or {}).get("cluster_id")
        if not folder or not id:
            return
        for stream in ("stdout", "stderr"):
            path = f"{str(folder).removeprefix('dbfs:').rstrip('/')}/{id}/driver/{stream}"
            yield from self._lines(self._read(path), stream, "INFO", until)

    def _read(self, path: str) -> str:
        from azure.core.exceptions import ResourceNotFoundError

        content = b""
        while True:
            try:
                part = self._get(f"/api/2.0/dbfs/read?path={quote(path)}&offset={len(content)}&length={CHUNK}")
            except ResourceNotFoundError:  # nothing was delivered
                return ""
            if not part.get("bytes_read"):
                return content.decode(errors="replace")
            content += base64.b64decode(part["data"])

    def _lines(self, text: str, stream: str, level: str, until: datetime) -> Iterator[Entry]:
        return lines(text, source=SOURCE, name=f"{self._name} {stream}", level=level, until=until)

    def _get(self, path: str) -> dict[str, Any]:
        return self._platform.get(f"{self._workspace}{path}", scope=SCOPE)
