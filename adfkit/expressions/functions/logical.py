"""Logical functions. `if`, `and` and `or` evaluate what they need and no more."""

from __future__ import annotations

from collections.abc import Callable

from adfkit.expressions.collation import compare
from adfkit.expressions.functions.signatures import BOOLEAN, REGISTRY, Invocation, Parameter
from adfkit.expressions.values import Value, is_number, same, type_name

logical = REGISTRY.category("logical")

Thunk = Callable[[], Value]


def _boolean(call: Invocation, value: Value) -> bool:
    if not isinstance(value, bool):
        raise call.error(
            f"expects all of its parameters to be booleans. Found invalid parameter types: '{type_name(value)}'."
        )
    return value


@logical("and", (1, None), "at least one boolean parameter", lazy=True, counted="parameters")
def and_(call: Invocation, *conditions: Thunk) -> bool:
    return all(_boolean(call, condition()) for condition in conditions)


@logical("or", (1, None), "at least one boolean parameter", lazy=True, counted="parameters")
def or_(call: Invocation, *conditions: Thunk) -> bool:
    return any(_boolean(call, condition()) for condition in conditions)


@logical(
    "not",
    1,
    "one parameter: the boolean value to negate",
    Parameter(BOOLEAN, "its parameter to be a boolean"),
    counted="parameters",
)
def not_(call: Invocation, value: bool) -> bool:
    return not value


@logical(
    "if",
    3,
    "three parameter: the condition to test as the first parameter, the value to return if the condition is true "
    "as the "
    "second parameter, and the value to return if the condition is false as the third parameter",
    lazy=True,
)
def if_(call: Invocation, condition: Thunk, when_true: Thunk, when_false: Thunk) -> Value:
    chosen = condition()
    if not isinstance(chosen, bool):
        raise call.error(
            f"expects its first parameter to be of type boolean. The provided value is of type '{type_name(chosen)}'."
        )
    return when_true() if chosen else when_false()


@logical("equals", (2, None), "two parameters: the values to test for deep equality")
def equals(call: Invocation, left: Value, right: Value, *_: Value) -> bool:
    # A third parameter is ignored, as Azure does.
    if is_number(left) and is_number(right):
        return bool(left == right)
    return same(left, right)


def _order(call: Invocation, left: Value, right: Value) -> int:
    """Negative, zero or positive, as `left` is before, at or after `right`."""
    if is_number(left) and is_number(right):
        return int(left > right) - int(left < right)
    if isinstance(left, str) and isinstance(right, str):
        return compare(left, right)
    if isinstance(left, str) or isinstance(right, str):
        raise call.error(
            "expects two parameter of matching types. The function was invoked with values of type "
            f"'{type_name(left)}' and '{type_name(right)}' that do not match."
        )
    wrong = ",".join(dict.fromkeys(type_name(value) for value in (left, right) if not is_number(value)))
    raise call.error(
        "expects all of its parameters to be either integer or decimal numbers. "
        f"Found invalid parameter types: '{wrong}'."
    )


_COMPARISON = "two parameter of matching types"


@logical("greater", 2, _COMPARISON)
def greater(call: Invocation, left: Value, right: Value) -> bool:
    return _order(call, left, right) > 0


@logical("greaterOrEquals", 2, _COMPARISON)
def greater_or_equals(call: Invocation, left: Value, right: Value) -> bool:
    return _order(call, left, right) >= 0


@logical("less", 2, _COMPARISON)
def less(call: Invocation, left: Value, right: Value) -> bool:
    return _order(call, left, right) < 0


@logical("lessOrEquals", 2, _COMPARISON)
def less_or_equals(call: Invocation, left: Value, right: Value) -> bool:
    return _order(call, left, right) <= 0
