"""Conversion functions between JSON's types."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from adfkit.expressions import newtonsoft
from adfkit.expressions.errors import EvaluationError
from adfkit.expressions.functions.signatures import REGISTRY, Invocation
from adfkit.expressions.values import INT64, Value, content_bytes, is_xml, to_double, to_text, type_name
from adfkit.expressions.xml_documents.json_form import to_json
from adfkit.expressions.xml_documents.tree import XmlError, parse

conversion = REGISTRY.category("conversion")


def _one(purpose: str) -> str:
    return f"one parameter: {purpose}"


def _not_convertible(call: Invocation) -> EvaluationError:
    return call.error(
        "was invoked with a parameter that is not valid. The value cannot be converted to the target type."
    )


_GROUPED = r"\d+(?:,\d*)*"
_NUMBER = re.compile(rf"[+-]?(?:{_GROUPED}(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_NUMBER_BEFORE_SIGN = re.compile(rf"{_GROUPED}(?:\.\d*)?-")
_NOT_FINITE = {"nan": math.nan, "∞": math.inf, "-∞": -math.inf}


@conversion("int", 1, _one("the value that is to be converted to an integer"), counted="parameters")
def int_(call: Invocation, value: Value) -> int:
    """From a number without a fraction, a boolean, or a text of a whole number (`1,000` and `1e3` are some).

    The way leads through a double, so beyond 2^53 the last digits are lost, as in Azure.
    """
    number = _double(value.strip()) if isinstance(value, str) else value
    if not isinstance(number, bool | int | float):
        raise _not_convertible(call)
    double = to_double(number)
    if not double.is_integer() or int(double) not in INT64:
        raise _not_convertible(call)
    return int(double)


def _double(text: str) -> float | None:
    return float(text.replace(",", "")) if text.isascii() and _NUMBER.fullmatch(text) else None


@conversion("float", 1, _one("the value that is to be converted to a floating point number"), counted="parameters")
def float_(call: Invocation, value: Value) -> float:
    number = value
    if isinstance(value, str):
        text = value.strip()
        number = _NOT_FINITE.get(text.lower(), _double(text))
        if number is None and text.isascii() and _NUMBER_BEFORE_SIGN.fullmatch(text):
            number = -float(text[:-1].replace(",", ""))
    if not isinstance(number, bool | int | float):
        raise _not_convertible(call)
    return to_double(number)


@conversion("bool", 1, _one("the value that is to be converted to a boolean"), counted="parameters")
def bool_(call: Invocation, value: Value) -> bool:
    """From a number (0 is false) or the words true and false in any case."""
    if isinstance(value, bool | int | float):
        return bool(value)
    word = value.strip().lower() if isinstance(value, str) else None
    if word not in ("true", "false"):
        raise _not_convertible(call)
    return word == "true"


@conversion("string", 1, _one("the value that is to be converted to a string"), counted="parameters")
def string(call: Invocation, value: Value) -> str:
    return to_text(value)


@conversion("array", 1, _one("the value that is to be converted to an array"), counted="parameters")
def array(call: Invocation, value: Value) -> list[Value]:
    return value if isinstance(value, list) else [value]


@conversion("createArray", (1, None), "a comma separated list of parameters", counted="no parameters")
def create_array(call: Invocation, *values: Value) -> list[Value]:
    return list(values)


@conversion("coalesce", (1, None), "at least one parameter: the value to coalesce", lazy=True)
def coalesce(call: Invocation, *values: Callable[[], Value]) -> Value:
    found = (value() for value in values)
    return next((value for value in found if value is not None), None)


@conversion("json", 1, _one("the string or XML to be parsed"))
def json(call: Invocation, value: Value) -> Value:
    if is_xml(value):
        return _json_of_xml(call, value)
    data = content_bytes(value)
    text = value if data is None else data.decode("utf-8", "replace")
    if not isinstance(text, str):
        raise call.error(
            f"expects its parameter to be a string or an XML. The provided value is of type '{type_name(value)}'."
        )
    try:
        return newtonsoft.read(text)
    except newtonsoft.JsonReaderError as error:
        raise call.error(f"parameter is not valid. The provided value '{text}' cannot be parsed: '{error}'.") from None


def _json_of_xml(call: Invocation, value: Value) -> Value:
    try:
        return to_json(parse(content_bytes(value) or b""))
    except XmlError as error:
        raise call.error(f"parameter is not valid. The provided XML cannot be converted to JSON: '{error}'.") from None
