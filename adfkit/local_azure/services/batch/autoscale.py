"""Autoscale formulas of pools: the part of the language that pools are commonly scaled with.

https://learn.microsoft.com/azure/batch/batch-automatic-scaling
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

SAMPLE_SECONDS: Final = 30
TOKEN: Final = re.compile(r"\s*(?:(\d+\.?\d*)|(\$?[A-Za-z_]\w*)|(<=|>=|==|!=|&&|\|\||[-+*/<>=!?:;().,]))")
COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
INTERVALS: Final = {
    "TimeInterval_Zero": 0.0,
    "TimeInterval_Second": 1.0,
    "TimeInterval_Minute": 60.0,
    "TimeInterval_Hour": 3600.0,
    "TimeInterval_Day": 86400.0,
    "TimeInterval_Week": 604800.0,
}
DEALLOCATION: Final = frozenset({"requeue", "terminate", "taskcompletion", "retaineddata"})
OPERATORS: Final = ({"||"}, {"&&"}, {"==", "!="}, {"<", "<=", ">", ">="}, {"+", "-"}, {"*", "/"})
"""Binary operators, the loosest first."""

Value = float | str | list[float]


class FormulaError(Exception):
    """A formula that is wrong, or that uses what local Azure does not have."""


@dataclass(frozen=True, slots=True)
class Samples:
    """What was sampled of one variable: pairs of seconds before now, and the value; the latest first."""

    values: Sequence[tuple[float, float]]

    def latest(self, count: int) -> list[float]:
        """The latest values."""
        return [value for _, value in self.values[:count]]

    def within(self, seconds: float) -> list[float]:
        """The values of the last seconds."""
        return [value for age, value in self.values if age <= seconds]


def evaluate(formula: str, samples: Mapping[str, Samples], variables: Mapping[str, float]) -> dict[str, Value]:
    """The variables that the formula assigns, by name.

    Raises:
        FormulaError: the formula is wrong, or uses what is not supported here; the text names it.
    """
    return _Evaluator(_tokens(formula), samples, variables).run()


def _tokens(formula: str) -> list[str]:
    text, tokens, position = COMMENT.sub(" ", formula).strip(), [], 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            raise FormulaError(f"'{text[position : position + 10].strip()}' is not understood.")
        tokens.append(match[0].strip())
        position = match.end()
    return tokens


class _Evaluator:
    """Reads statements `name = expression` by recursive descent, and computes as it reads."""

    def __init__(self, tokens: list[str], samples: Mapping[str, Samples], variables: Mapping[str, float]) -> None:
        self._tokens = tokens
        self._at = 0
        self._samples = samples
        self._values: dict[str, Value] = {**INTERVALS, **variables}
        self._assigned: dict[str, Value] = {}

    def run(self) -> dict[str, Value]:
        while self._peek():
            if self._take_if(";"):
                continue
            name = self._take()
            self._expect("=")
            value = self._ternary()
            self._values[name] = self._assigned[name] = value
            if self._peek():
                self._expect(";")
        return self._assigned

    def _ternary(self) -> Value:
        condition = self._binary(0)
        if not self._take_if("?"):
            return condition
        first = self._ternary()
        self._expect(":")
        second = self._ternary()
        return first if _number(condition) else second

    def _binary(self, level: int) -> Value:
        if level == len(OPERATORS):
            return self._unary()
        left = self._binary(level + 1)
        while self._peek() in OPERATORS[level]:
            operator = self._take()
            left = _compute(operator, left, self._binary(level + 1))
        return left

    def _unary(self) -> Value:
        if self._take_if("-"):
            return -_number(self._unary())
        if self._take_if("!"):
            return float(not _number(self._unary()))
        return self._primary()

    def _primary(self) -> Value:
        token = self._take()
        if token == "(":  # noqa: S105 - a parenthesis
            value = self._ternary()
            self._expect(")")
            return value
        if token[0].isdigit():
            return float(token)
        if self._peek() == "(":
            return self._function(token)
        if self._peek() == "." and token in self._samples:
            return self._method(token)
        if token in self._values:
            return self._values[token]
        if token in DEALLOCATION:
            return token
        raise FormulaError(f"'{token}' is not supported in local Azure, or is not assigned before it is used.")

    def _function(self, name: str) -> Value:
        function = FUNCTIONS.get(name)
        if function is None:
            raise FormulaError(f"The function '{name}' is not supported in local Azure.")
        numbers: list[float] = []
        for argument in self._arguments():
            numbers.extend(argument if isinstance(argument, list) else [_number(argument)])
        if not numbers and name != "len":
            raise FormulaError(f"'{name}' has nothing to compute with.")
        return function(numbers)

    def _method(self, name: str) -> Value:
        self._expect(".")
        method, samples = self._take(), self._samples[name]
        arguments = [_number(argument) for argument in self._arguments()]
        seconds = arguments[0] if arguments else 0.0
        match method:
            case "GetSample" if arguments:
                found = samples.latest(int(seconds)) if seconds < SAMPLE_SECONDS else samples.within(seconds)
                if not found:
                    raise FormulaError(f"There is no sample of '{name}' yet.")
                return found
            case "GetSamplePercent" if arguments:
                return min(100.0, 100.0 * len(samples.within(seconds)) * SAMPLE_SECONDS / max(seconds, 1.0))
            case "Count":
                return float(len(samples.values))
            case "GetSamplePeriod":
                return float(SAMPLE_SECONDS)
        raise FormulaError(f"'{name}.{method}' is not supported in local Azure.")

    def _arguments(self) -> list[Value]:
        self._expect("(")
        arguments: list[Value] = []
        while not self._take_if(")"):
            arguments.append(self._ternary())
            if self._peek() != ")":
                self._expect(",")
        return arguments

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        if not token:
            raise FormulaError("The formula ends too early.")
        self._at += 1
        return token

    def _take_if(self, token: str) -> bool:
        found = self._peek() == token
        self._at += found
        return found

    def _expect(self, token: str) -> None:
        found = self._take()
        if found != token:
            raise FormulaError(f"'{token}' is wanted, not '{found}'.")


FUNCTIONS: Final[Mapping[str, Callable[[list[float]], float]]] = {
    "min": min,
    "max": max,
    "sum": sum,
    "avg": lambda numbers: sum(numbers) / len(numbers),
    "len": lambda numbers: float(len(numbers)),
    "ceil": lambda numbers: float(math.ceil(numbers[0])),
    "floor": lambda numbers: float(math.floor(numbers[0])),
}


def _compute(operator: str, left: Value, right: Value) -> Value:
    first, second = _number(left), _number(right)
    match operator:
        case "+":
            return first + second
        case "-":
            return first - second
        case "*":
            return first * second
        case "/":
            if second == 0:
                raise FormulaError("The formula divides by zero.")
            return first / second
    return float(_compare(operator, first, second))


def _compare(operator: str, first: float, second: float) -> bool:
    outcomes = {
        "<": first < second,
        "<=": first <= second,
        ">": first > second,
        ">=": first >= second,
        "==": first == second,
        "!=": first != second,
        "&&": bool(first) and bool(second),
        "||": bool(first) or bool(second),
    }
    return outcomes[operator]


def _number(value: Value) -> float:
    if isinstance(value, list):
        return sum(value) / len(value)  # a vector counts as its average where one number is wanted
    if isinstance(value, str):
        raise FormulaError(f"'{value}' is not a number.")
    return value
