"""Strings as .NET has them: sequences of UTF-16 code units, changed in case one by one."""

from __future__ import annotations


def units(text: str) -> str:
    """The text with one character for each code unit; characters beyond U+FFFF become two surrogates."""
    if text.isascii() or max(text) <= "\uffff":
        return text
    data = text.encode("utf-16-le", "surrogatepass")
    return "".join(chr(int.from_bytes(data[index : index + 2], "little")) for index in range(0, len(data), 2))


def text(units: str) -> str:
    """The text that code units spell; half of a pair becomes U+FFFD, since no JSON can carry it."""
    if units.isascii():
        return units
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def lower(text: str) -> str:
    """Lower case by the invariant culture: no letter changes into two, nor does `İ`."""
    if text.isascii():
        return text.lower()
    return "".join(_single(character, character.lower()) for character in text)


def upper(text: str) -> str:
    """Upper case by the invariant culture: no letter changes into two, nor do `ı` and `ß`."""
    if text.isascii():
        return text.upper()
    return "".join(character if character == "ı" else _single(character, character.upper()) for character in text)


def _single(character: str, changed: str) -> str:
    return changed if len(changed) == 1 else character


def fold(text: str) -> str:
    """The text to compare without regard to case."""
    return upper(text) if "ſ" not in text else "ſ".join(map(upper, text.split("ſ")))
