"""How runs look: as jobs of ARM, as jobs of a batch endpoint, and as runs and run details of run history."""

from __future__ import annotations

from typing import Any

from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import Json
from adfkit.local_azure.services.machine_learning.api import WORKSPACES, services_url
from adfkit.local_azure.services.machine_learning.models import Run


def job(workspace: Resource, run: Run) -> Json:
    """A job as ARM shows it; a step has no properties there, by which clients know to look into run history."""
    body: Json = {"id": f"{workspace.id}/jobs/{run.id}", "name": run.id, "type": f"{WORKSPACES}/jobs"}
    if run.parent is not None:
        return {**body, "properties": None}
    services = services_url(str(workspace.body["location"]))
    properties = {
        "jobType": "Pipeline",
        "displayName": run.display_name,
        "experimentName": run.experiment,
        "status": run.status,
        "isArchived": False,
        "tags": {},
        "properties": {"azureml.pipelineComponent": "pipelinecomponent", **_error_property(run)},
        "inputs": {name: _input(value) for name, value in run.definition["inputs"].items()},
        "outputs": {},
        "jobs": {},
        "settings": {"default_compute": run.definition["compute"]},
        "services": {
            "Tracking": {"jobServiceType": "Tracking", "endpoint": f"azureml://{services.removeprefix('https://')}"},
            "Studio": {"jobServiceType": "Studio", "endpoint": _studio(workspace, run)},
        },
    }
    times = {"createdAt": run.created_at, "lastModifiedAt": run.ended_at or run.started_at or run.created_at}
    return {**body, "properties": properties, "systemData": times}


def batch_job(endpoint: Resource, run: Run) -> Json:
    """A job as its batch endpoint shows it; `error` says why a failed one failed."""
    properties: Json = {
        "name": run.id,
        "status": run.status,
        "inputData": {name: _input(value) for name, value in run.definition["inputs"].items()},
        "outputData": {},
        "deploymentName": run.definition["deployment"],
        "startTime": run.started_at,
        "endTime": run.ended_at,
    }
    if run.error is not None:
        properties["error"] = run.error.as_json()
    return {
        "id": f"{endpoint.id}/jobs/{run.id}",
        "name": run.id,
        "type": "Microsoft.MachineLearningServices/workspaces/batchEndpoints/jobs",
        "properties": properties,
    }


def history(run: Run) -> Json:
    """A run as run history shows it."""
    return {
        **_common(run),
        "createdUtc": run.created_at,
        "experimentId": run.experiment,
        "displayName": run.display_name,
        "name": run.display_name,
        "runType": "azureml.StepRun" if run.parent else "azureml.PipelineRun",
        "hidden": False,
    }


def details(run: Run, logs: Json) -> Json:
    """A run's details: history with where its logs are read."""
    return {**_common(run), "createdTimeUtc": run.created_at, "logFiles": logs}


def _common(run: Run) -> Json:
    compute = run.definition["compute"]
    body: dict[str, Any] = {
        "runId": run.id,
        "runUuid": run.id.removeprefix("batchjob-"),
        "parentRunId": run.parent,
        "rootRunId": run.parent or run.id,
        "status": run.status,
        "startTimeUtc": run.started_at,
        "endTimeUtc": run.ended_at,
        "target": compute,
        "compute": {"target": compute, "targetType": "AmlCompute"},
        "properties": {},
        "tags": {},
    }
    if run.error is not None:
        body["error"] = {"error": run.error.as_json()}
    return body


def _input(value: str) -> Json:
    if "://" in value or value.startswith("azureml:"):
        return {"jobInputType": "uri_folder", "uri": value, "mode": "ReadOnlyMount"}
    return {"jobInputType": "literal", "value": value}


def _error_property(run: Run) -> Json:
    return {"azureml.error": run.error.message} if run.error else {}


def _studio(workspace: Resource, run: Run) -> str:
    return f"{services_url(str(workspace.body['location']))}/studio/runs/{run.id}?wsid={workspace.id}"
