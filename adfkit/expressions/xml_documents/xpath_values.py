"""The values of XPath 1.0 and how one turns into another."""

from __future__ import annotations

import math

from adfkit.expressions.values import float_text
from adfkit.expressions.xml_documents.tree import Node

Result = list[Node] | float | str | bool
"""A set of nodes in document order, a number, a text or a boolean."""


def to_boolean(value: Result) -> bool:
    if isinstance(value, float):
        return value != 0 and not math.isnan(value)
    return bool(value)


def to_text(value: Result) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return float_text(value).replace("-0", "0") if value == 0 else float_text(value)
        case str():
            return value
    return value[0].text() if value else ""


def to_number(value: Result) -> float:
    if isinstance(value, bool | float):
        return float(value)
    text = to_text(value).strip()
    unsigned = text.removeprefix("-")
    if unsigned.replace(".", "", 1).isdecimal() and unsigned.isascii():
        return float(text)
    return math.nan
