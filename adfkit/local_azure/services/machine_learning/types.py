"""The resource types of Microsoft.MachineLearningServices that local Azure has."""

from __future__ import annotations

from dataclasses import replace

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.service import ArmRequest, ArmResponse, Json, ResourceType
from adfkit.local_azure.services.machine_learning import (
    assets,
    bodies,
    codes,
    computes,
    endpoints,
    environments,
    errors,
    workspaces,
)
from adfkit.local_azure.services.machine_learning.api import API_VERSIONS, WORKSPACES, workspace_guid, workspace_of
from adfkit.local_azure.services.machine_learning.jobs import Jobs
from adfkit.local_azure.services.machine_learning.models import Run
from adfkit.local_azure.services.machine_learning.runs import Runs


def resource_types(runs: Runs, jobs: Jobs) -> tuple[ResourceType, ...]:
    """All types; jobs are those of run history."""
    containers, versions = assets.resource_types(assets.ENVIRONMENTS)
    return (
        *_workspaces(runs, jobs),
        computes.RESOURCE_TYPE,
        *assets.resource_types(assets.DATA),
        *assets.resource_types(assets.CODES, {"startPendingUpload": codes.start_pending_upload}),
        containers,
        replace(versions, put=environments.building(versions.put)),
        *assets.resource_types(assets.COMPONENTS),
        *assets.resource_types(assets.MODELS),
        *endpoints.RESOURCE_TYPES,
        _jobs(runs, jobs),
    )


def _workspaces(runs: Runs, jobs: Jobs) -> tuple[ResourceType, ...]:
    async def delete(request: ArmRequest) -> None:
        for run in runs.jobs(workspace_guid(request.require())):
            await jobs.cancel(run)
        workspaces.withdraw_storage(request.platform, request.require())

    workspace, *others = workspaces.RESOURCE_TYPES
    return (replace(workspace, delete=delete), *others)


def _jobs(runs: Runs, jobs: Jobs) -> ResourceType:
    def find(request: ArmRequest) -> Run:
        run = runs.get(workspace_guid(workspace_of(request.platform, request.id.text)), request.id.name)
        if run is None:
            raise errors.job_not_found(request.id.name)
        return run

    async def get(request: ArmRequest) -> ArmResponse:
        return ArmResponse(bodies.job(workspace_of(request.platform, request.id.text), find(request)))

    async def list_(request: ArmRequest) -> ArmResponse:
        workspace = workspace_of(request.platform, request.id.text)
        if request.query.get("listViewType") == "ArchivedOnly":
            return ArmResponse({"value": []})  # jobs can't be archived here
        return ArmResponse({"value": [bodies.job(workspace, run) for run in runs.jobs(workspace_guid(workspace))]})

    async def cancel(request: ArmRequest) -> ArmResponse:
        await jobs.cancel(find(request))
        return ArmResponse()

    async def put(_: ArmRequest) -> Json:
        raise not_implemented("jobs that a client defines; invoke a batch endpoint")

    async def delete(_: ArmRequest) -> None:
        raise not_implemented("the deletion of a job")

    return ResourceType(
        name=f"{WORKSPACES}/jobs",
        api_versions=API_VERSIONS,
        put=put,
        delete=delete,
        get=get,
        list=list_,
        actions={"cancel": cancel},
    )
