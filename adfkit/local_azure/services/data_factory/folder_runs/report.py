"""How a run of a folder's pipeline ended, as `adfkit factory run --json` prints it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from adfkit.local_azure.services.data_factory import rendering
from adfkit.local_azure.services.data_factory.runtime import ActivityRun, PipelineRun


@dataclass(frozen=True, slots=True)
class Report:
    """One run. `error` is `{"errorCode", "message", "failureType", "target", "details"}`, None where there is none."""

    status: str
    error: dict[str, Any] | None = None
    return_value: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    activities: Sequence[dict[str, Any]] = ()
    warnings: Sequence[str] = ()
    """What a reader should know that is no part of the result, such as stubs that stand for no activity."""

    @property
    def succeeded(self) -> bool:
        return self.status == "Succeeded"

    def to_json(self) -> dict[str, Any]:
        """The report as the command prints it."""
        return {
            "status": self.status,
            "error": self.error,
            "returnValue": self.return_value,
            "variables": self.variables,
            "activities": list(self.activities),
        }


def refused(message: str, target: str) -> Report:
    """The report of a pipeline that could not be run at all."""
    error = {"errorCode": "BadRequest", "message": message, "failureType": "UserError", "target": target, "details": []}
    return Report("Failed", error)


def report(run: PipelineRun, activities: Sequence[ActivityRun]) -> Report:
    """The report of a run that has ended."""
    shown = [rendering.activity_run(activity, run) for activity in activities]
    entries = [
        {
            "activityName": entry["activityName"],
            "activityType": entry["activityType"],
            "status": entry["status"],
            "input": entry["input"],
            "output": entry["output"],
            "error": activity.error,
            "retryAttempt": activity.attempt,
        }
        for activity, entry in zip(activities, shown, strict=True)
    ]
    return Report(run.status, _error(run, activities), run.return_value, run.variables, entries)


def _error(run: PipelineRun, activities: Sequence[ActivityRun]) -> dict[str, Any] | None:
    if run.status == "Succeeded":
        return None
    failed = {
        f"Operation on target {each.name} failed: ": each for each in activities if each.error and "/" not in each.path
    }
    cause = next((each for prefix, each in failed.items() if run.message.startswith(prefix)), None)
    error = cause.error if cause is not None and cause.error is not None else {}
    return {
        "errorCode": error.get("errorCode", "PipelineFailed"),
        "message": run.message,
        "failureType": error.get("failureType", "UserError"),
        "target": cause.name if cause is not None else run.pipeline,
        "details": error.get("details", []),
    }
