"""Runs as the run APIs show them.

https://learn.microsoft.com/rest/api/datafactory/pipeline-runs and activity-runs
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from adfkit.local_azure.services.data_factory.runtime.json_values import narrowed, time_text, to_json
from adfkit.local_azure.services.data_factory.runtime.records import ActivityRun, Json, PipelineRun
from adfkit.local_azure.services.data_factory.runtime.sealing import MASK


def pipeline_run(run: PipelineRun, *, is_latest: bool = True) -> Json:
    """A `PipelineRun`; the latest of its group unless a rerun stands for it."""
    start = run.started or run.created
    return {
        "id": f"{run.factory}/pipelineruns/{run.run_id}",
        "runId": run.run_id,
        "debugRunId": None,
        "runGroupId": run.group,
        "isLatest": is_latest,
        "pipelineName": run.pipeline,
        "parameters": {
            name: MASK if name in run.secure_parameters else _parameter(value) for name, value in run.parameters.items()
        },
        "invokedBy": {
            name: run.invoked_by[name]
            for name in ("id", "name", "invokedByType", "pipelineName", "pipelineRunId")
            if name in run.invoked_by
        },
        "runStart": _time(start),
        "runEnd": _time(run.ended),
        "durationInMs": _milliseconds(start, run.ended),
        "status": run.status,
        "message": run.message,
        "pipelineReturnValue": narrowed(run.return_value),
        "lastUpdated": _time(run.updated),
        "annotations": run.definition.get("annotations") or [],
        "runDimension": {},
    }


def activity_run(activity: ActivityRun, run: PipelineRun) -> Json:
    """An `ActivityRun`; what its policy calls secure is stars."""
    container = activity.path.rpartition("/")[0]
    return {
        "id": f"{run.factory}/pipelineruns/{run.run_id}/activityruns/{activity.id}",
        "pipelineName": run.pipeline,
        "pipelineRunId": run.run_id,
        "activityName": activity.name,
        "activityType": activity.type,
        "activityRunId": activity.id,
        "linkedServiceName": activity.linked_service or "",
        "status": activity.status,
        "activityRunStart": _time(activity.started),
        "activityRunEnd": _time(activity.ended),
        "durationInMs": _milliseconds(activity.started, activity.ended),
        "retryAttempt": activity.attempt or None,
        "iterationHash": hashlib.sha256(container.encode()).hexdigest()[:16] if container else "",
        "input": _shown(activity.input, hidden=activity.secure_input),
        "output": _shown(activity.output, hidden=activity.secure_output),
        "error": activity.error
        or {"errorCode": "", "message": "", "failureType": "", "target": activity.name, "details": ""},
        "userProperties": activity.user_properties,
    }


def _shown(value: Any, *, hidden: bool) -> Any:
    if hidden:
        return MASK
    return {} if value is None else narrowed(value)


def _parameter(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else to_json(value).decode()


def _time(time: datetime | None) -> str | None:
    return time_text(time) if time else None


def _milliseconds(start: datetime, end: datetime | None) -> int | None:
    return int((end - start).total_seconds() * 1000) if end else None
