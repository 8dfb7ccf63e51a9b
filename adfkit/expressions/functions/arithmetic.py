"""Math functions: whole numbers are 64 bit and overflow with an error, others are doubles."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from adfkit.expressions.errors import EvaluationError
from adfkit.expressions.functions.signatures import INTEGER, NUMBER, REGISTRY, Invocation, Parameter
from adfkit.expressions.values import INT64, Value, is_number, to_double, type_name

math_functions = REGISTRY.category("math")

Number = int | float

_FIRST = Parameter(NUMBER, "its first parameter to be an integer or a decimal number")
_SECOND = Parameter(NUMBER, "its second parameter to be an integer or a decimal number")


def _alike(first: Number, second: Number) -> tuple[Number, Number]:
    """Both as whole numbers, or both as doubles."""
    if isinstance(first, int) and isinstance(second, int):
        return first, second
    return to_double(first), to_double(second)


def _in_range(call: Invocation, result: Number) -> Number:
    if isinstance(result, int) and result not in INT64:
        raise EvaluationError(f"The provided parameters for function '{call.name}' caused arithmetic overflow.")
    return result


@math_functions(
    "add",
    2,
    "two numeric parameters: the first summand as the first parameter and the seccond summand as the second parameter",
    Parameter(NUMBER, "its first parameter to be an integer, a float or a decimal number"),
    _SECOND,
)
def add(call: Invocation, first: Number, second: Number) -> Number:
    return _in_range(call, operator.add(*_alike(first, second)))


@math_functions(
    "sub",
    2,
    "two numeric parameters: the minuend as the first parameter and the subtrahend as the second parameter",
    _FIRST,
    _SECOND,
)
def sub(call: Invocation, first: Number, second: Number) -> Number:
    return _in_range(call, operator.sub(*_alike(first, second)))


@math_functions(
    "mul",
    2,
    "two numeric parameters: the first multiplicand as the first parameter and the second multiplicand as the second "
    "parameter",
    _FIRST,
    _SECOND,
)
def mul(call: Invocation, first: Number, second: Number) -> Number:
    return _in_range(call, operator.mul(*_alike(first, second)))


_DIVISION = "two numeric parameters: the dividend as the first parameter and the divisor as the second parameter"


def _check_divisor(call: Invocation, divisor: Number) -> None:
    if divisor == 0:
        raise EvaluationError(f"Attempt to divide an integral or decimal value by zero in function '{call.name}'.")


@math_functions("div", 2, _DIVISION, _FIRST, _SECOND)
def div(call: Invocation, dividend: Number, divisor: Number) -> Number:
    _check_divisor(call, divisor)
    if isinstance(dividend, int) and isinstance(divisor, int):
        return _in_range(call, _truncated(dividend, divisor))
    return to_double(dividend) / to_double(divisor)


@math_functions("mod", 2, _DIVISION, _FIRST, _SECOND)
def mod(call: Invocation, dividend: Number, divisor: Number) -> Number:
    _check_divisor(call, divisor)
    if isinstance(dividend, int) and isinstance(divisor, int):
        quotient = _truncated(dividend, divisor)
        _in_range(call, quotient)
        return dividend - quotient * divisor
    numerator, denominator = to_double(dividend), to_double(divisor)
    return math.fmod(numerator, denominator) if math.isfinite(numerator) else math.nan


def _truncated(dividend: int, divisor: int) -> int:
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


_EXTREME = "either an array of numbers or a comma separated list of numbers as its parameters"


def _extreme(call: Invocation, values: tuple[Value, ...], choose: Callable[[list[Number]], Number]) -> Number:
    numbers = values[0] if len(values) == 1 and isinstance(values[0], list) else list(values)
    if not numbers:
        raise call.error(f"expects {_EXTREME}. The function was invoked with no parameters.")
    wrong = dict.fromkeys(type_name(number) for number in numbers if not is_number(number))
    if wrong:
        raise call.error(
            "expects all of its parameters to be either integer or decimal numbers. "
            f"Found invalid parameter types: '{','.join(wrong)}'."
        )
    result = choose(numbers)
    # One double among them makes the result a double.
    return to_double(result) if any(isinstance(number, float) for number in numbers) else result


@math_functions("max", (1, None), _EXTREME, counted="no parameters")
def maximum(call: Invocation, *values: Value) -> Number:
    return _extreme(call, values, max)


@math_functions("min", (1, None), _EXTREME, counted="no parameters")
def minimum(call: Invocation, *values: Value) -> Number:
    return _extreme(call, values, min)


@math_functions(
    "rand",
    2,
    "two integer parameters: an inclisive minimum of the range as the first parameter and an inclusive maximum of the "
    "range as the second parameter",
    Parameter(INTEGER, "its first parameter 'minimum' to be an integer"),
    Parameter(INTEGER, "its second parameter 'maximum' to be an integer"),
)
def rand(call: Invocation, low: int, high: int) -> int:
    """From `low` up to, and without, `high`: the maximum that Azure's message calls inclusive never comes."""
    if low > high:
        raise call.error(
            f"parameters are out of range: the value '{low}' provided for 'minimum' cannot be greater than the value "
            f"'{high}' provided for 'maximum'."
        )
    return low if low == high else call.scope.random.randrange(low, high)


_LARGEST_RANGE = 100_000


@math_functions(
    "range",
    2,
    "two integer parameters: an inclisive start index of the range as the first parameter and a count of integers to "
    "return as the second parameter",
    Parameter(INTEGER, "its first parameter 'start index' to be an integer"),
    Parameter(INTEGER, "its second parameter 'count' to be an integer"),
)
def range_(call: Invocation, start: int, count: int) -> list[int]:
    if not 0 <= count <= _LARGEST_RANGE or start + count - 1 > 2**31 - 1:
        raise call.error(
            f"parameters are out of range: 'count' must be a positive integer no larger than '{_LARGEST_RANGE}' "
            "and the "
            "sum of 'start index' and 'count' must be no larger than 2147483647."
        )
    return list(range(start, start + count))
