"""What the steps of a machine learning job wrote, by run history, as azure-ai-ml streams it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from adfkit.cli.platform import Platform
from adfkit.cli.run_logs.entries import Entry, lines

if TYPE_CHECKING:
    from azure.mgmt.datafactory.models import ActivityRun, PipelineRun

SOURCE: Final = "machine_learning"
_JOB: Final = re.compile(r".*/batchEndpoints/[^/]+/(?:deployments/[^/]+/)?jobs/([^/]+)", re.IGNORECASE)
USER_LOGS: Final = "user_logs/"


def entries(platform: Platform, _: PipelineRun, activities: Sequence[ActivityRun]) -> Iterator[Entry]:
    """The lines of all steps of the jobs that the run's activities invoked at batch endpoints."""
    for job in dict.fromkeys(filter(None, map(_job, activities))):
        history = _History(platform)
        for run in (job, *history.children(job)):
            yield from history.entries(run)


def _job(activity: ActivityRun) -> str | None:
    output = activity.output if isinstance(activity.output, dict) else {}
    match = _JOB.fullmatch(str(output.get("id") or ""))
    return match[1] if match else None


class _History:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        workspace = platform.machine_learning_workspace()
        service = urlsplit(str(workspace["properties"]["discoveryUrl"])).netloc
        self._url = f"https://{service}/history/v1.0{workspace['id']}/runs"

    def children(self, run: str) -> list[str]:
        """The steps of a job."""
        return [str(child["runId"]) for child in self._get(f"{run}/children")["value"]]

    def entries(self, run: str) -> Iterator[Entry]:
        details = self._get(f"{run}/details")
        name = str((self._get(run)).get("displayName") or run)
        until = datetime.now(UTC)
        if details.get("endTimeUtc"):
            until = datetime.fromisoformat(details["endTimeUtc"])
        for file, url in (details.get("logFiles") or {}).items():
            if file.startswith(USER_LOGS):
                text = self._platform.download(url)
                yield from lines(text, source=SOURCE, name=name, level="INFO", until=until)
        error = (details.get("error") or {}).get("error") or {}
        if error:
            yield Entry(until, SOURCE, name, "ERROR", f"{error.get('code', '')}: {error.get('message', '')}")

    def _get(self, path: str) -> dict[str, Any]:
        return self._platform.get(f"{self._url}/{path}", scope=self._platform.resource_manager_scope)
