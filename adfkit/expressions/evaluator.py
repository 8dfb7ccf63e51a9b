"""From the syntax tree and a scope to a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adfkit.expressions.errors import EvaluationError
from adfkit.expressions.functions import find
from adfkit.expressions.functions.signatures import Invocation
from adfkit.expressions.scope import Scope
from adfkit.expressions.syntax import Call, Expression, Literal, Node, Parsed, Property, Template, Text
from adfkit.expressions.template import parse_template
from adfkit.expressions.values import Value, find_key, to_text, type_name


def evaluate(value: Any, scope: Scope) -> Any:
    """The value of a tree of JSON, every live part of it resolved.

    Live are strings (`@...`, `@{...}`) and the value of an `{"value": ..., "type": "Expression"}` object, which is
    replaced by its result. What an expression yields isn't evaluated again, nor is it copied: a result may be part of
    the scope, so it is to be read only. Raises ExpressionError.
    """
    match value:
        case str():
            return evaluate_parsed(parse_template(value), scope)
        case Mapping():
            if is_expression(value):
                return evaluate(value["value"], scope)
            return {key: evaluate(element, scope) for key, element in value.items()}
        case list() | tuple():
            return [evaluate(element, scope) for element in value]
    return value


def is_expression(value: Any) -> bool:
    """Whether a piece of JSON is a typed expression object."""
    return isinstance(value, Mapping) and len(value) == 2 and value.get("type") == "Expression" and "value" in value


def evaluate_parsed(parsed: Parsed, scope: Scope) -> Value:
    """The value of a parsed string; that of a template is a string."""
    match parsed:
        case Text(value=value):
            return value
        case Expression():
            return evaluate_expression(parsed, scope)
        case Template(parts=parts):
            return "".join(to_text(evaluate_parsed(part, scope)) for part in parts)


def evaluate_expression(expression: Expression, scope: Scope) -> Value:
    """The value of one expression; an error carries its text and the place."""
    return _Evaluation(expression.text, scope).value(expression.root)


class _Evaluation:
    def __init__(self, text: str, scope: Scope) -> None:
        self._text = text
        self._scope = scope

    def value(self, node: Node) -> Value:
        match node:
            case Literal(value=value):
                return value
            case Call():
                return self._call(node)
            case Property():
                return self._property(node)

    def _call(self, node: Call) -> Value:
        function = find(node.name)
        if function is None:
            message = f"The template function '{node.name}' is not defined or not valid."
            raise EvaluationError(message, self._text, node.position)
        arguments: tuple[Any, ...]
        # As in Azure, an error of an argument goes before a wrong number of them.
        if function.lazy:
            arguments = tuple(lambda argument=argument: self.value(argument) for argument in node.arguments)
        else:
            arguments = tuple(self.value(argument) for argument in node.arguments)
        if not function.accepts(len(arguments)):
            raise EvaluationError(function.arity_error(node.name, len(arguments)), self._text, node.position)
        try:
            return function.call(Invocation(node.name, self._scope), arguments)
        except EvaluationError as error:
            if error.text is not None:
                raise
            raise EvaluationError(error.message, self._text, node.position) from None

    def _property(self, node: Property) -> Value:
        target = self.value(node.target)
        key = self.value(node.key)
        if target is None and node.safe:
            return None
        match target:
            case Mapping() if isinstance(key, str):
                return self._member(node, target, key)
            case list() | tuple() if isinstance(key, int) and not isinstance(key, bool):
                return self._element(node, target, key)
        raise self._error(node, f"property '{to_text(key)}' cannot be selected.{_why_not(target, key)}")

    def _member(self, node: Property, target: Mapping[str, Value], name: str) -> Value:
        key = find_key(target, name)
        if key is not None:
            return target[key]
        if node.safe:
            return None
        available = ", ".join(target)
        raise self._error(node, f"property '{name}' doesn't exist, available properties are '{available}'.")

    def _element(self, node: Property, target: list[Value] | tuple[Value, ...], index: int) -> Value:
        if 0 <= index < len(target):
            return target[index]
        if node.safe:
            return None
        raise self._error(node, f"array index '{index}' is outside bounds (0, {len(target) - 1}) of array.")

    def _error(self, node: Property, problem: str) -> EvaluationError:
        message = f"The expression '{self._text}' cannot be evaluated because {problem}"
        return EvaluationError(message, self._text, node.position)


def _why_not(target: Value, key: Value) -> str:
    if target is None or not isinstance(key, str | int) or isinstance(key, bool):
        return ""
    if isinstance(target, Mapping):
        return " Object properties can only be selected by names."
    if isinstance(target, list | tuple):
        return " Array elements can only be selected using an integer index."
    return f" Property selection is not supported on values of type '{type_name(target)}'."
