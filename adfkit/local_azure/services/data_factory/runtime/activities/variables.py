"""SetVariable and AppendVariable: the run's variables, and the values that a pipeline returns."""

from __future__ import annotations

from typing import Any, ClassVar

from adfkit.expressions.values import type_name
from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext

RETURN_VALUE = "pipelineReturnValue"


class SetVariable(Activity):
    type = "SetVariable"
    required: ClassVar[tuple[str, ...]] = ("variableName",)
    has_policy = False
    documentation = "https://learn.microsoft.com/azure/data-factory/control-flow-set-variable-activity"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        if context.raw("setSystemVariable") and context.raw("variableName") == RETURN_VALUE:
            values = return_values(context, context.raw("value") or [], "value")
            context.run.return_value.update(values)
            return {"name": RETURN_VALUE, "value": values}
        name, declared = declared_variable(context)
        value = context.evaluate(context.raw("value"))
        _check_type(name, declared, value)
        context.run.variables[name] = value
        return {"name": name, "value": value}


class AppendVariable(Activity):
    type = "AppendVariable"
    required: ClassVar[tuple[str, ...]] = ("variableName",)
    has_policy = False
    documentation = "https://learn.microsoft.com/azure/data-factory/control-flow-append-variable-activity"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        name, declared = declared_variable(context)
        if declared != "array":
            raise errors.ActivityFailure(
                "InvalidVariableType", f"The variable '{name}' is of type {declared}; only an Array can be appended to."
            )
        value = context.evaluate(context.raw("value"))
        context.run.variables[name] = [*(context.run.variables[name] or []), value]
        return {"name": name, "value": value}


def declared_variable(context: ActivityContext) -> tuple[str, str]:
    """The variable's own spelling and its type in lower case.

    Raises:
        ActivityFailure: the pipeline declares no such variable.
    """
    wanted = context.text("variableName")
    for name, spec in (context.run.definition.get("variables") or {}).items():
        if name.lower() == wanted.lower():
            return name, str(spec.get("type", "String")).lower()
    raise errors.ActivityFailure("VariableNotFound", f"The pipeline declares no variable '{wanted}'.")


_TYPES: dict[str, tuple[type, ...]] = {"string": (str,), "boolean": (bool,), "array": (list,), "integer": (int,)}


def _check_type(name: str, declared: str, value: Any) -> None:
    wanted = _TYPES.get(declared, (object,))
    is_boolean_number = isinstance(value, bool) and declared == "integer"
    if value is not None and (not isinstance(value, wanted) or is_boolean_number):
        raise errors.ActivityFailure(
            "InvalidVariableType",
            f"The variable '{name}' is of type {declared.capitalize()} and cannot take a value of type "
            f"{type_name(value)}.",
        )


def return_values(context: ActivityContext, pairs: Any, name: str) -> dict[str, Any]:
    """`[{"key", "value": {"type", "content"}}]` as an object, expressions evaluated.

    Raises:
        ActivityFailure: 2104 where it is of another shape; `name` says which property it is.
    """
    if not isinstance(pairs, list) or not all(isinstance(pair, dict) and "key" in pair for pair in pairs):
        raise errors.ActivityFailure("2104", f"The property '{name}' must be an array of keys and typed values.")
    return {str(pair["key"]): _return_value(context, pair.get("value"), name) for pair in pairs}


def _return_value(context: ActivityContext, typed: Any, name: str) -> Any:
    if not isinstance(typed, dict):
        raise errors.ActivityFailure("2104", f"A value of the property '{name}' has no type and content.")
    kind, content = str(typed.get("type", "String")).lower(), typed.get("content")
    if kind == "null":
        return None
    if kind == "expression":
        return context.evaluate({"type": "Expression", "value": content})
    if kind == "array":
        if not isinstance(content, list | None):
            raise errors.wrong_type(name, "Array", content)
        return [_return_value(context, item, name) for item in content or []]
    if kind == "object":
        return return_values(context, content or [], name)
    return content
