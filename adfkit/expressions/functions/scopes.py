"""The functions that read the scope: `pipeline()`, `activity()`, `variables()`, `item()`, `trigger()` and others."""

from __future__ import annotations

from collections.abc import Mapping

from adfkit.expressions.errors import EvaluationError
from adfkit.expressions.functions.signatures import REGISTRY, Invocation
from adfkit.expressions.values import Value, find_key

scopes = REGISTRY.category("scope")

_NO_PARAMETERS = "The function '{name}' must not have any parameters."
_ONE_PARAMETER = "The function '{name}' must have only one parameter."


def _not_here(call: Invocation) -> EvaluationError:
    return EvaluationError(f"The template function '{call.name}' is not expected at this location.")


def _not_defined(call: Invocation) -> EvaluationError:
    return EvaluationError(f"The template function '{call.name}' is not defined or not valid.")


@scopes("pipeline", 0, "", arity_message=_NO_PARAMETERS)
def pipeline(call: Invocation) -> Value:
    scope = call.scope
    return {"parameters": scope.parameters, "globalParameters": scope.global_parameters, **scope.pipeline}


@scopes("item", 0, "", arity_message=_NO_PARAMETERS)
def item(call: Invocation) -> Value:
    if not call.scope.items:
        raise _not_here(call)
    return call.scope.items[-1]


def _named(call: Invocation, values: Mapping[str, Value], name: Value, missing: str) -> Value:
    if not isinstance(name, str):
        raise EvaluationError(f"The provided parameters for function '{call.name}' are not valid.")
    key = find_key(values, name)
    if key is None:
        raise EvaluationError(missing.format(name=name))
    return values[key]


@scopes("variables", 1, "", arity_message=_ONE_PARAMETER)
def variables(call: Invocation, name: Value) -> Value:
    missing = "Template language expression cannot be evaluated: the template variable '{name}' cannot be found."
    return _named(call, call.scope.variables, name, missing)


@scopes("activity", 1, "", arity_message=_ONE_PARAMETER)
def activity(call: Invocation, name: Value) -> Value:
    missing = (
        "Template language expression cannot be evaluated: the template action '{name}' is not defined at current "
        "scope."
    )
    return _named(call, call.scope.activities, name, missing)


@scopes("trigger", 0, "", arity_message=_NO_PARAMETERS)
def trigger(call: Invocation) -> Value:
    if call.scope.trigger is None:
        raise _not_here(call)
    return call.scope.trigger


def _trigger_outputs(call: Invocation) -> Value:
    source = trigger(call)
    key = find_key(source, "outputs")
    return None if key is None else source[key]


@scopes("triggerOutputs", 0, "", arity_message=_NO_PARAMETERS)
def trigger_outputs(call: Invocation) -> Value:
    return _trigger_outputs(call)


@scopes("triggerBody", 0, "", arity_message=_NO_PARAMETERS)
def trigger_body(call: Invocation) -> Value:
    outputs = _trigger_outputs(call)
    key = find_key(outputs, "body") if isinstance(outputs, Mapping) else None
    return None if key is None else outputs[key]


@scopes("dataset", 0, "", arity_message=_NO_PARAMETERS)
def dataset(call: Invocation) -> Value:
    if call.scope.dataset is None:
        raise _not_defined(call)
    return call.scope.dataset


@scopes("linkedService", 0, "", arity_message=_NO_PARAMETERS)
def linked_service(call: Invocation) -> Value:
    if call.scope.linked_service is None:
        raise _not_defined(call)
    return call.scope.linked_service
