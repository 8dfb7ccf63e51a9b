"""Writes a time by .NET's standard and custom formats in the culture en-US.

https://learn.microsoft.com/dotnet/standard/base-types/custom-date-and-time-format-strings
"""

from __future__ import annotations

import re

from adfkit.expressions.timestamps import TICKS_PER_SECOND, Timestamp

ROUND_TRIP = "o"

_STANDARD = {
    "d": "M/d/yyyy",
    "D": "dddd, MMMM d, yyyy",
    "f": "dddd, MMMM d, yyyy h:mm tt",
    "F": "dddd, MMMM d, yyyy h:mm:ss tt",
    "g": "M/d/yyyy h:mm tt",
    "G": "M/d/yyyy h:mm:ss tt",
    "m": "MMMM d",
    "M": "MMMM d",
    "o": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "O": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "s": "yyyy-MM-ddTHH:mm:ss",
    "t": "h:mm tt",
    "T": "h:mm:ss tt",
    "u": "yyyy-MM-dd HH:mm:ss'Z'",
    "U": "dddd, MMMM d, yyyy h:mm:ss tt",
    "y": "MMMM yyyy",
    "Y": "MMMM yyyy",
}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_TOKEN = re.compile(
    r"(?P<letters>([dfFghHmMstyz])\2*)|K|(?P<quoted>'[^'\\]*(?:\\.[^'\\]*)*'|\"[^\"\\]*(?:\\.[^\"\\]*)*\")|\\(?P<escaped>.)"
    r"|%(?P<single>[^%])|(?P<invalid>['\"%\\])|(?P<text>.)",
    re.DOTALL,
)
_LONGEST_FRACTION = 7


class FormatError(ValueError):
    """A format that .NET refuses."""


def write(moment: Timestamp, pattern: str) -> str:
    """The time in that format; raises FormatError. An empty format is `G`, a single letter a standard one."""
    if len(pattern) <= 1:
        standard = _STANDARD.get(pattern or "G")
        if standard is None:
            raise FormatError(pattern)
        pattern = standard
    return _custom(moment, pattern)


def _custom(moment: Timestamp, pattern: str) -> str:
    written = ""
    for token in _TOKEN.finditer(pattern):
        if token["invalid"]:
            raise FormatError(pattern)
        if token["quoted"]:
            written += re.sub(r"\\(.)", r"\1", token["quoted"][1:-1])
        elif token["single"]:
            written += _custom(moment, token["single"])
        elif token["letters"]:
            field = _field(moment, token["letters"])
            # A fraction of which nothing is left takes the point before it along.
            if not field and token["letters"][0] == "F":
                written = written.removesuffix(".")
            written += field
        elif token[0] == "K":
            written += moment.kind.value
        else:
            written += token["escaped"] or token["text"]
    return written


def _field(moment: Timestamp, letters: str) -> str:
    letter, count = letters[0], len(letters)
    time = moment.moment
    match letter:
        case "d" if count > 2:
            day = _DAYS[time.weekday()]
            return day[:3] if count == 3 else day
        case "M" if count > 2:
            month = _MONTHS[time.month - 1]
            return month[:3] if count == 3 else month
        case "f" | "F":
            return _fraction(moment, letters)
        case "g":
            return "AD"
        case "t":
            half = "AM" if time.hour < 12 else "PM"
            return half[0] if count == 1 else half
        case "y":
            return f"{time.year % 100:0{count}d}" if count <= 2 else f"{time.year:0{count}d}"
        case "z":
            return ("+0", "+00", "+00:00")[min(count, 3) - 1]
    numbers = {
        "d": time.day,
        "M": time.month,
        "h": time.hour % 12 or 12,
        "H": time.hour,
        "m": time.minute,
        "s": time.second,
    }
    return f"{numbers[letter]:0{min(count, 2)}d}"


def _fraction(moment: Timestamp, letters: str) -> str:
    if len(letters) > _LONGEST_FRACTION:
        raise FormatError(letters)
    digits = f"{moment.ticks % TICKS_PER_SECOND:07d}"[: len(letters)]
    return digits.rstrip("0") if letters[0] == "F" else digits
