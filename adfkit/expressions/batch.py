"""Expressions by the line: a JSON object with `expression` and `state` in, one with `value` or `error` out."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from adfkit.expressions.errors import ExpressionError
from adfkit.expressions.evaluator import evaluate
from adfkit.expressions.state import StateError, scope_from_state

_LONG_NUMBER = re.compile(r"\d{19}")
"""A whole number that may be beyond 64 bits, which orjson does not keep."""


def outcome(line: str) -> dict[str, Any]:
    """`{"value"}` or `{"error"}` for one line of a batch."""
    try:
        case = load_json(line)
    except ValueError as error:
        return {"error": f"The line is no valid JSON: {error}"}
    if not isinstance(case, dict) or "expression" not in case:
        return {"error": "The line must be a JSON object with 'expression', and may have 'state'."}
    try:
        return {"value": evaluate(case["expression"], scope_from_state(case.get("state") or {}))}
    except (ExpressionError, StateError) as error:
        return {"error": str(error)}
    except RecursionError:
        return {"error": "The expression is nested too deeply."}


def load_json(text: str) -> Any:
    """A JSON text as expressions have it: whole numbers of any size."""
    if _LONG_NUMBER.search(text):
        return json.loads(text)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # it refuses half of a surrogate pair, which JSON's grammar allows
        return json.loads(text)


def dump_json(value: Any) -> bytes:
    """Compact JSON; floats that are not finite become texts, as .NET writes them."""
    if not _has_special_float(value):
        try:
            return orjson.dumps(value)
        except TypeError:  # a whole number beyond 64 bits, or half of a surrogate pair
            pass
    return json.dumps(_finite(value), separators=(",", ":")).encode()


def _has_special_float(value: Any) -> bool:
    if isinstance(value, float):
        return value != value or value in (float("inf"), float("-inf"))
    if isinstance(value, dict):
        return any(map(_has_special_float, value.values()))
    return isinstance(value, list | tuple) and any(map(_has_special_float, value))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and _has_special_float(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
