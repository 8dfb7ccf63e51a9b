"""Formats of dates and times: the Java patterns of data flows as DuckDB's `strftime` patterns."""

from __future__ import annotations

import re
from typing import Final

from adfkit.data_flows.errors import unsupported

_PATTERNS: Final = {
    "yyyy": "%Y",
    "yy": "%y",
    "y": "%Y",
    "MMMM": "%B",
    "MMM": "%b",
    "MM": "%m",
    "M": "%-m",
    "dd": "%d",
    "d": "%-d",
    "DDD": "%j",
    "EEEE": "%A",
    "EEE": "%a",
    "E": "%a",
    "HH": "%H",
    "H": "%-H",
    "hh": "%I",
    "h": "%-I",
    "mm": "%M",
    "m": "%-M",
    "ss": "%S",
    "s": "%-S",
    "SSS": "%g",
    "SSSSSS": "%f",
    "a": "%p",
    "Z": "%z",
    "X": "%z",
    "XXX": "%z",
}
_PART: Final = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")


def to_strftime(pattern: str, line: int) -> str:
    """The pattern for DuckDB's `strftime` and `strptime`.

    Raises:
        UnsupportedError: a letter that has no counterpart.
    """
    result = ""
    for match in _PART.finditer(pattern):
        part = match.group()
        if match[1] is not None:
            result += (match[1].replace("''", "'") or "'").replace("%", "%%")
        elif match[2]:
            if part not in _PATTERNS:
                raise unsupported(f"'{part}' in the date format '{pattern}'", line)
            result += _PATTERNS[part]
        else:
            result += part.replace("%", "%%")
    return result
