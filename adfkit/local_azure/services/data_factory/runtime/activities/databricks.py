"""DatabricksNotebook, DatabricksSparkPython, DatabricksSparkJar: a run on a Databricks workspace, waited for.

https://learn.microsoft.com/azure/data-factory/transform-data-databricks-notebook
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from uuid import uuid4

from adfkit.local_azure.services.data_factory.runtime import errors, http
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.connections import resolve_linked_service
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.services.data_factory.runtime.databricks import FAILED, DatabricksWorkspace
from adfkit.local_azure.services.data_factory.runtime.errors import ActivityFailure
from adfkit.local_azure.services.data_factory.runtime.json_values import from_json, to_json

STATES: Final = {"TERMINATED": "Terminated", "INTERNAL_ERROR": "InternalError", "SKIPPED": "Skipped"}


class DatabricksActivity(Activity):
    """What the three have in common."""

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        reference = context.definition.get("linkedServiceName")
        if not reference:
            raise errors.required_property("linkedServiceName")
        workspace = DatabricksWorkspace(context, resolve_linked_service(context, reference))
        task = self.task(context)
        context.show_input(dict(context.evaluate(context.definition.get("typeProperties") or {})))
        if "token" not in context.state:
            context.remember(token=str(uuid4()))
        if "run" not in context.state:
            libraries = {"libraries": context.array("libraries")} if context.raw("libraries") else {}
            name = f"ADF_{context.factory.name}_{context.run.pipeline}_{context.name}_{context.record.id}"
            token = str(context.state["token"])
            context.remember(run=await workspace.submit(name, {**task, **workspace.compute(), **libraries}, token))
        run_id = int(context.state["run"])
        try:
            run = await workspace.wait(run_id)
        except asyncio.CancelledError:
            # a timeout or a cancelled run ends the run too; a process that stops leaves it to its successor
            if context.execution.cancelled or context.timed_out:
                await workspace.cancel(run_id)
            raise
        return self._result(context, run, await workspace.output(run))

    @abstractmethod
    def task(self, context: ActivityContext) -> dict[str, Any]:
        """The task as the Jobs API takes it."""

    def _result(self, context: ActivityContext, run: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        output: dict[str, Any] = {"runPageUrl": run["run_page_url"], "runId": run["run_id"]}
        text = (given.get("notebook_output") or {}).get("result")
        if text:
            output["runOutput"] = _parsed(text)
        output |= http.runtime_output(context)
        state = run["tasks"][0]["state"]
        if state.get("result_state") == "SUCCESS":
            return output
        error, message = given.get("error"), str(state.get("state_message") or "").rstrip(".")
        if error and error.rstrip(".") != message:
            output["runError"] = error
            message = f"{message}. {error}".rstrip(".")
        raise ActivityFailure(
            FAILED,
            f"Databricks execution failed with error state: {STATES[state['life_cycle_state']]}, error message: "
            f"{message}. For more details please check the run page url: {run['run_page_url']}.",
            output=output,
        )


class DatabricksNotebook(DatabricksActivity):
    """Runs a notebook; what it exits with is `runOutput`, as JSON where it is."""

    type = "DatabricksNotebook"
    required: ClassVar[tuple[str, ...]] = ("notebookPath",)
    documentation = "https://learn.microsoft.com/azure/data-factory/transform-data-databricks-notebook"

    def task(self, context: ActivityContext) -> dict[str, Any]:
        parameters = {name: _text(value) for name, value in context.object("baseParameters").items()}
        return {"notebook_task": {"notebook_path": context.text("notebookPath"), "base_parameters": parameters}}


class DatabricksSparkPython(DatabricksActivity):
    """Runs a Python file."""

    type = "DatabricksSparkPython"
    required: ClassVar[tuple[str, ...]] = ("pythonFile",)
    documentation = "https://learn.microsoft.com/azure/data-factory/transform-data-databricks-python"

    def task(self, context: ActivityContext) -> dict[str, Any]:
        return {"spark_python_task": {"python_file": context.text("pythonFile"), "parameters": _arguments(context)}}


class DatabricksSparkJar(DatabricksActivity):
    """Runs the main method of a class in a jar."""

    type = "DatabricksSparkJar"
    required: ClassVar[tuple[str, ...]] = ("mainClassName",)
    documentation = "https://learn.microsoft.com/azure/data-factory/transform-data-databricks-jar"

    def task(self, context: ActivityContext) -> dict[str, Any]:
        task = {"main_class_name": context.text("mainClassName"), "parameters": _arguments(context)}
        return {"spark_jar_task": task}


def _arguments(context: ActivityContext) -> list[str]:
    return [_text(value) for value in context.array("parameters")] if context.raw("parameters") else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value).decode()


def _parsed(text: str) -> Any:
    """A JSON object or array as such; any other text as it is, a number's too."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return from_json(text)
    except ValueError:  # it only looks like JSON: the notebook's own text
        return text
