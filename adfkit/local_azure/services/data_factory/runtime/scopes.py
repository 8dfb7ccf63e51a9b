"""What expressions see: a run's system variables, parameters and variables, and the results of activities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adfkit.expressions import ExpressionError, Scope
from adfkit.expressions import evaluate as evaluate_json
from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.clock import Clock
from adfkit.local_azure.services.data_factory.runtime.factory import Factory
from adfkit.local_azure.services.data_factory.runtime.frames import Frame
from adfkit.local_azure.services.data_factory.runtime.json_values import time_text
from adfkit.local_azure.services.data_factory.runtime.records import PipelineRun


def evaluate(value: Any, scope: Scope) -> Any:
    """A JSON value with all its expressions evaluated.

    Raises:
        ActivityFailure: InvalidTemplate, with the sentence that the service gives.
    """
    try:
        return evaluate_json(value, scope)
    except ExpressionError as error:
        raise errors.invalid_expression(str(error)) from error


def run_scope(run: PipelineRun, factory: Factory, frame: Frame, clock: Clock) -> Scope:
    """What an expression in a block of a run sees."""
    return Scope(
        pipeline=system_variables(run, factory.name),
        parameters=run.parameters,
        global_parameters=factory.artifacts.global_parameters(),
        variables=run.variables,
        activities=frame.visible,
        items=frame.items,
        clock=clock.now,
    )


def dataset_scope(scope: Scope, parameters: Mapping[str, Any]) -> Scope:
    """The scope inside a dataset whose parameters have these values; run state is not visible there."""
    return Scope(
        pipeline=scope.pipeline, global_parameters=scope.global_parameters, dataset=parameters, clock=scope.clock
    )


def linked_service_scope(scope: Scope, parameters: Mapping[str, Any]) -> Scope:
    """The scope inside a linked service."""
    return replace(dataset_scope(scope, {}), dataset=None, linked_service=parameters)


def system_variables(run: PipelineRun, factory: str) -> dict[str, Any]:
    """https://learn.microsoft.com/azure/data-factory/control-flow-system-variables"""
    invoked_by = run.invoked_by
    return {
        "DataFactory": factory,
        "Pipeline": run.pipeline,
        "RunId": run.run_id,
        "GroupId": run.group,
        "TriggerId": invoked_by.get("id"),
        "TriggerName": invoked_by.get("name"),
        "TriggerTime": time_text(run.created),
        "TriggerType": invoked_by.get("invokedByType"),
        "TriggeredByPipelineName": invoked_by.get("pipelineName"),
        "TriggeredByPipelineRunId": invoked_by.get("pipelineRunId"),
    }
