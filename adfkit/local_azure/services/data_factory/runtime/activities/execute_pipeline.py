"""ExecutePipeline: a run of another pipeline of the factory."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import uuid4

from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.services.data_factory.runtime.parameters import secure_names
from adfkit.local_azure.services.data_factory.runtime.sealing import MASK


class ExecutePipeline(Activity):
    type = "ExecutePipeline"
    required: ClassVar[tuple[str, ...]] = ("pipeline",)
    has_policy = False
    documentation = "https://learn.microsoft.com/azure/data-factory/control-flow-execute-pipeline-activity"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        run_id = self._child(context)
        name = context.raw("pipeline")["referenceName"]
        output: dict[str, Any] = {"pipelineName": name, "pipelineRunId": run_id}
        if not context.boolean("waitOnCompletion", False):
            return output
        child = await context.execution.runtime.wait(run_id)
        if child is None or child.status != "Succeeded":
            message = child.message if child else "The run was removed."
            status = child.status if child else "Cancelled"
            raise errors.ActivityFailure("ActionFailed", message or f"The run of '{name}' was {status}.", output=output)
        return output | {"pipelineReturnValue": child.return_value} if child.return_value else output

    def _child(self, context: ActivityContext) -> str:
        """The id of the child's run, which is started unless a process that ended had done so."""
        if "run_id" not in context.state:  # kept before it is used, so that a restart never starts a second child
            context.remember(run_id=str(uuid4()), parameters=context.object("parameters"))
        run_id: str = context.state["run_id"]
        if context.execution.history.run(run_id) is not None:
            return run_id
        invoked_by = {
            "name": context.name,
            "id": context.run.run_id,
            "invokedByType": "PipelineActivity",
            "pipelineName": context.run.pipeline,
            "pipelineRunId": context.run.run_id,
        }
        name = context.raw("pipeline")["referenceName"]
        context.record.input = {"pipeline": context.raw("pipeline"), "parameters": _shown(context, name)}
        try:
            context.execution.runtime.create_run(
                context.factory, name, context.state["parameters"], invoked_by, run_id=run_id
            )
        except errors.RunError as error:
            raise errors.ActivityFailure("BadRequest", str(error)) from error
        return run_id


def _shown(context: ActivityContext, pipeline: str) -> dict[str, Any]:
    """The parameters for monitoring: those that the child declares secure are stars."""
    found = context.factory.artifacts.find("pipelines", pipeline)
    secure = {name.lower() for name in secure_names(found[1].get("parameters") or {})} if found else set()
    return {name: MASK if name.lower() in secure else value for name, value in context.state["parameters"].items()}
