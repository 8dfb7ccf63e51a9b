"""The run APIs: create, get, query and cancel runs, and query the runs of their activities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from adfkit.local_azure.resource_id import ResourceId, parse
from adfkit.local_azure.service import ArmRequest, ArmResponse
from adfkit.local_azure.services.data_factory import errors, queries, rendering
from adfkit.local_azure.services.data_factory.runtime import Factory, PipelineRun, PipelineRuntime, Recovery, RunError

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
            AzureError: 400 for a missing or wrong parameter, or a run that cannot be recovered.
        """
        pipeline = request.require()
        invoked_by = {"id": request.principal.object_id, "name": "Manual", "invokedByType": "Manual"}
        reference = self._reference(request)
        parameters = request.body if reference is None else reference.parameters | request.body
        try:
            run = self._runtime.create_run(
                self._factory(request.id.parent),
                pipeline.name,
                parameters,
                invoked_by,
                recovery=self._recovery(request, reference),
            )
        except RunError as error:
            raise errors.bad_request(str(error), f"Pipeline/{pipeline.name}") from error
        return ArmResponse({"runId": run.run_id})

    def _reference(self, request: ArmRequest) -> PipelineRun | None:
        """The run whose parameters are taken, and that a recovery run recovers."""
        reference = request.query.get("referencePipelineRunId")
        if reference is None:
            return None
        run = self._runtime.history.run(reference)
        if run is None or run.factory != _factory_key(request.id):
            raise errors.referenced_run_not_valid(reference, request.id.name)
        return run

    def _recovery(self, request: ArmRequest, reference: PipelineRun | None) -> Recovery | None:
        start, from_failure = request.query.get("startActivityName"), _flag(request, "startFromFailure")
        if not _flag(request, "isRecovery"):
            if start is not None or from_failure:
                raise errors.bad_request("startActivityName and startFromFailure are for recovery runs (isRecovery).")
            return None
        pipeline = request.require().name
        if reference is None or reference.pipeline != pipeline or not reference.has_ended:
            raise errors.referenced_run_not_valid(str(request.query.get("referencePipelineRunId")), pipeline)
        return Recovery(reference, self._runtime.history.activities(reference.run_id), start, from_failure)

    async def get(self, request: ArmRequest) -> ArmResponse:
        """A pipeline run."""
        run = self._run(request)
        superseded = self._runtime.history.superseded(run.factory)
        return ArmResponse(rendering.pipeline_run(run, is_latest=run.run_id not in superseded))

    async def cancel(self, request: ArmRequest) -> ArmResponse:
        """`cancel`: 200 once the run has ended as Cancelled."""
        run = self._run(request)
        if run.has_ended:
            raise errors.run_has_ended(run.run_id, run.status)
        await self._runtime.cancel(run.run_id, recursive=_flag(request, "isRecursive"))
        return ArmResponse()

    async def query(self, request: ArmRequest) -> ArmResponse:
        """`queryPipelineRuns` of a factory."""
        query = queries.Query.read(request.body)
        runs = self._runtime.history.runs(_factory_key(request.id), query.after, query.before)
        superseded = self._runtime.history.superseded(_factory_key(request.id))
        shown = [rendering.pipeline_run(run, is_latest=run.run_id not in superseded) for run in runs]
        return ArmResponse(queries.answer(shown, query, PIPELINE_FIELDS))

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


def _flag(request: ArmRequest, name: str) -> bool:
    return str(request.query.get(name, "false")).lower() == "true"


def _factory_key(id: ResourceId) -> str:
    """A factory's id as history has it, from its own id or one below it."""
    return id.key if len(id.names) == 1 else parse(id.parent).key
