"""The values of expressions, as Azure's .NET runtime sees them.

A value is JSON as Python has it: None, bool, int (Integer), float (Float), str, list (Array), dict (Object). Binary and
XML are objects with `$content-type` and `$content` (base64), which turn into their content where a text is wanted.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

Value = Any
"""Any JSON value."""

XML_TYPE = "application/xml;charset=utf-8"
BINARY_TYPE = "application/octet-stream"
INT64 = range(-(2**63), 2**63)


def type_name(value: Value) -> str:
    """The type's name in Azure's messages."""
    match value:
        case None:
            return "Null"
        case bool():
            return "Boolean"
        case int():
            return "Integer"
        case float():
            return "Float"
        case str():
            return "String"
        case list() | tuple():
            return "Array"
        case Mapping():
            return "Object"
    raise TypeError(f"an expression can't hold a {type(value).__name__}")


def is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def to_double(value: int | float) -> float:
    """The number as a double; a whole number that is too large becomes infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def content(data: bytes, content_type: str) -> dict[str, str]:
    """Bytes with a content type, as an expression's value."""
    return {"$content-type": content_type, "$content": base64.b64encode(data).decode("ascii")}


def content_bytes(value: Value) -> bytes | None:
    """The bytes of a binary or XML value; None for anything else."""
    if not isinstance(value, Mapping) or "$content-type" not in value or not isinstance(value.get("$content"), str):
        return None
    try:
        return base64.b64decode(value["$content"], validate=True)
    except ValueError:
        return None


def is_xml(value: Value) -> bool:
    return content_bytes(value) is not None and "xml" in str(value["$content-type"])


def to_text(value: Value) -> str:
    """The text of a value in `string()`, `concat()` and interpolation: null is empty, a boolean `True` or `False`."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "True" if value else "False"
        case int():
            return str(value)
        case float():
            return float_text(value)
    data = content_bytes(value)
    return json_text(value) if data is None else data.decode("utf-8", "replace")


def float_text(value: float) -> str:
    """A double the way .NET writes it to be read back: `1`, `0.5`, `1E+17`, `1E-05`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    mantissa, _, exponent_text = f"{value!r}".partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    leading_zeros = len(whole + fraction) - len(digits)
    exponent = int(exponent_text or 0) + len(whole) - 1 - leading_zeros
    digits = digits.rstrip("0")
    if exponent >= 17 or exponent <= -5:
        point = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{point}E{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    digits = digits.ljust(exponent + 1, "0")
    point = f".{digits[exponent + 1 :]}" if len(digits) > exponent + 1 else ""
    return f"{sign}{digits[: exponent + 1]}{point}"


def json_text(value: Value) -> str:
    """Compact JSON as Newtonsoft writes it: a float keeps its point (`1.0`), letters beyond ASCII stay."""
    match value:
        case float():
            text = float_text(value)
            if text.lstrip("-") in ("NaN", "Infinity"):
                return f'"{text}"'
            return text if "." in text or "E" in text else f"{text}.0"
        case list() | tuple():
            return f"[{','.join(json_text(element) for element in value)}]"
        case Mapping():
            return "{" + ",".join(f"{_quoted(str(key))}:{json_text(element)}" for key, element in value.items()) + "}"
        case str():
            return _quoted(value)
    return json.dumps(value)


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    for separator in ("\x85", "\u2028", "\u2029"):
        if separator in quoted:
            quoted = quoted.replace(separator, f"\\u{ord(separator):04x}")
    return quoted


def same(left: Value, right: Value) -> bool:
    """Deep equality that regards the type: `1` is not `1.0`. Names of properties regard case here, order doesn't."""
    if type_name(left) != type_name(right):
        return False
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(same(one, other) for one, other in zip(left, right, strict=True))
    if isinstance(left, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


def find_key(value: Mapping[str, Value], name: str) -> str | None:
    """The key that `name` selects: names of properties don't regard case, the exact one goes first."""
    if name in value:
        return name
    wanted = name.casefold()
    return next((key for key in value if key.casefold() == wanted), None)
