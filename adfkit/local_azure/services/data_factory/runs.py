"""The run APIs: create, get, query and cancel runs, and query the runs of their activities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.resource_id import ResourceId, parse
from adfkit.local_azure.service import ArmRequest, ArmResponse
from adfkit.local_azure.services.data_factory import errors, queries, rendering
from adfkit.local_azure.services.data_factory.runtime import Factory, PipelineRun, PipelineRuntime, RunError

PIPELINE_FIELDS: Final[Mapping[str, str]] = {
    "pipelinename": "pipelineName",
    "status": "status",
    "runstart": "runStart",
    "runend": "runEnd",
    "rungroupid": "runGroupId",
}
ACTIVITY_FIELDS: Final[Mapping[str, str]] = {
    "activityname": "activityName",
    "activitytype": "activityType",
    "status": "status",
    "activityrunstart": "activityRunStart",
    "activityrunend": "activityRunEnd",
}


class Runs:
    """The handlers. `factory` makes what the runtime needs of a factory from its id."""

    def __init__(self, runtime: PipelineRuntime, factory: Callable[[str], Factory]) -> None:
        self._runtime = runtime
        self._factory = factory

    async def create(self, request: ArmRequest) -> ArmResponse:
        """`createRun` of a pipeline: 200 with the run's id.

        Raises:
            AzureError: 400 for a missing or wrong parameter, 501 for a recovery run.
        """
        pipeline = request.require()
        if str(request.query.get("isRecovery", "false")).lower() == "true":
            raise not_implemented("recovery runs (isRecovery) of Data Factory")
        invoked_by = {"id": request.principal.object_id, "name": "Manual", "invokedByType": "Manual"}
        try:
            run = self._runtime.create_run(
                self._factory(request.id.parent), pipeline.name, self._parameters(request), invoked_by
            )
        except RunError as error:
            raise errors.bad_request(str(error), f"Pipeline/{pipeline.name}") from error
        return ArmResponse({"runId": run.run_id})

    def _parameters(self, request: ArmRequest) -> Mapping[str, object]:
        reference = request.query.get("referencePipelineRunId")
        if reference is None:
            return request.body
        run = self._runtime.history.run(reference)
        if run is None or run.factory != _factory_key(request.id):
            raise errors.referenced_run_not_valid(reference, request.id.name)
        return run.parameters | request.body

    async def get(self, request: ArmRequest) -> ArmResponse:
        """A pipeline run."""
        return ArmResponse(rendering.pipeline_run(self._run(request)))

    async def cancel(self, request: ArmRequest) -> ArmResponse:
        """`cancel`: 200 once the run has ended as Cancelled."""
        run = self._run(request)
        if run.has_ended:
            raise errors.run_has_ended(run.run_id, run.status)
        recursive = str(request.query.get("isRecursive", "false")).lower() == "true"
        await self._runtime.cancel(run.run_id, recursive=recursive)
        return ArmResponse()

    async def query(self, request: ArmRequest) -> ArmResponse:
        """`queryPipelineRuns` of a factory."""
        query = queries.Query.read(request.body)
        runs = self._runtime.history.runs(_factory_key(request.id), query.after, query.before)
        return ArmResponse(queries.answer([rendering.pipeline_run(run) for run in runs], query, PIPELINE_FIELDS))

    async def query_activities(self, request: ArmRequest) -> ArmResponse:
        """`queryActivityruns` of a pipeline run."""
        query = queries.Query.read(request.body)
        run = self._run(request)
        activities = [
            rendering.activity_run(activity, run)
            for activity in self._runtime.history.activities(run.run_id)
            if query.after <= (activity.ended or activity.started) <= query.before
        ]
        return ArmResponse(queries.answer(activities, query, ACTIVITY_FIELDS))

    def _run(self, request: ArmRequest) -> PipelineRun:
        run = self._runtime.history.run(request.id.name)
        if run is None or run.factory != _factory_key(request.id):
            raise errors.run_not_found(request.id.name)
        return run


def _factory_key(id: ResourceId) -> str:
    """A factory's id as history has it, from its own id or one below it."""
    return id.key if len(id.names) == 1 else parse(id.parent).key
