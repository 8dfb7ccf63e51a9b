"""Finds what is wrong with the expressions of an artifact without running it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from adfkit.expressions.errors import ExpressionError, ExpressionSyntaxError
from adfkit.expressions.functions import find
from adfkit.expressions.references import Reference, ReferenceKind, live_strings, references_of
from adfkit.expressions.suggestions import did_you_mean, unknown_function
from adfkit.expressions.syntax import Call, Expression, expressions, walk
from adfkit.expressions.template import parse_template

SYSTEM_VARIABLES = (
    "DataFactory",
    "Pipeline",
    "RunId",
    "TriggerType",
    "TriggerId",
    "TriggerName",
    "TriggerTime",
    "GroupId",
    "TriggeredByPipelineName",
    "TriggeredByPipelineRunId",
)
"""https://learn.microsoft.com/azure/data-factory/control-flow-system-variables#pipeline-scope"""


@dataclass(frozen=True)
class Context:
    """The names that expressions may use at a place; None where they aren't known, and so not checked.

    `iterating` tells whether `item()` has a meaning there; `unavailable` names functions that have none, for instance
    `dataset` in a pipeline.
    """

    parameters: Collection[str] | None = None
    global_parameters: Collection[str] | None = None
    variables: Collection[str] | None = None
    activities: Collection[str] | None = None
    dataset_parameters: Collection[str] | None = None
    linked_service_parameters: Collection[str] | None = None
    system_variables: Collection[str] | None = SYSTEM_VARIABLES
    iterating: bool | None = None
    unavailable: Collection[str] = ()

    def names(self, kind: ReferenceKind) -> Collection[str] | None:
        """The names known of a kind."""
        match kind:
            case ReferenceKind.PARAMETER:
                return self.parameters
            case ReferenceKind.GLOBAL_PARAMETER:
                return self.global_parameters
            case ReferenceKind.VARIABLE:
                return self.variables
            case ReferenceKind.ACTIVITY:
                return self.activities
            case ReferenceKind.DATASET_PARAMETER:
                return self.dataset_parameters
            case ReferenceKind.LINKED_SERVICE_PARAMETER:
                return self.linked_service_parameters
            case ReferenceKind.SYSTEM_VARIABLE:
                return self.system_variables
            case ReferenceKind.FUNCTION:
                return None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in an expression: the JSON path of its string, and what it is."""

    path: str
    error: ExpressionError

    def __str__(self) -> str:
        return f"{self.path}: {self.error.render()}" if self.path else self.error.render()


def check(tree: Any, context: Context, path: str = "") -> list[Problem]:
    """Every problem of the live strings of a tree of JSON, in its order. `path` is where the tree stands."""
    return list(_check(tree, context, path))


def _check(tree: Any, context: Context, path: str) -> Iterator[Problem]:
    for place, text in live_strings(tree, path):
        try:
            parsed = parse_template(text)
        except ExpressionSyntaxError as error:
            yield Problem(place, error)
            continue
        for expression in expressions(parsed):
            for message, position in _problems(expression, context):
                yield Problem(place, ExpressionError(message, expression.text, position))


def _problems(expression: Expression, context: Context) -> Iterator[tuple[str, int]]:
    for node in walk(expression.root):
        if isinstance(node, Call) and (message := _call_problem(node, context)):
            yield message, node.position
    for reference in references_of(expression):
        if message := _reference_problem(reference, context):
            yield message, reference.position


def _call_problem(node: Call, context: Context) -> str | None:
    function = find(node.name)
    if function is None:
        return unknown_function(node.name)
    if function.name in context.unavailable or (function.name == "item" and context.iterating is False):
        return f"The template function '{node.name}' is not expected at this location."
    if not function.accepts(len(node.arguments)):
        return function.arity_error(node.name, len(node.arguments))
    return None


def _reference_problem(reference: Reference, context: Context) -> str | None:
    known = context.names(reference.kind)
    if known is None or reference.safe:
        return None
    if reference.name.casefold() in {name.casefold() for name in known}:
        return None
    available = f" There are: {', '.join(known)}." if known else " There are none."
    return f"There is no {reference.kind.value} '{reference.name}'.{did_you_mean(reference.name, known) or available}"
