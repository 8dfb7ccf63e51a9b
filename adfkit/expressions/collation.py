"""The order of strings in .NET's en-US culture, as far as keys of words go.

Punctuation goes before digits and digits before letters; accents count after letters, case last, lower case first.
"""

from __future__ import annotations

import unicodedata

_Key = tuple[list[tuple[int, str]], list[str], list[int]]


def _key(text: str) -> _Key:
    primary: list[tuple[int, str]] = []
    accents: list[str] = []
    cases: list[int] = []
    for character in unicodedata.normalize("NFD", text):
        if unicodedata.combining(character):
            accents[-1:] = [accents[-1] + character] if accents else [character]
            continue
        rank = 2 if character.isalpha() else 1 if character.isnumeric() else 0
        primary.append((rank, character.casefold() if rank else _PUNCTUATION.get(character, character)))
        accents.append("")
        cases.append(int(character.isupper()))
    return primary, accents, cases


# The order of the Unicode collation's common symbols; others follow by code point.
_PUNCTUATION = {
    character: f"\x00{index:03d}"
    for index, character in enumerate("\t\n\x0b\x0c\r\x85\u2028\u2029 _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$")
}


def compare(left: str, right: str) -> int:
    """Negative, zero or positive, as `left` is before, at or after `right`."""
    one, other = _key(left), _key(right)
    return (one > other) - (one < other)
