"""Reads JSON as leniently as Newtonsoft.Json, which is what `json()` runs on.

Beyond JSON it takes single quotes, unquoted names, comments, a trailing comma, hexadecimal and octal numbers, `NaN`,
containers that aren't closed, and anything after the first value. Dates stay texts.
"""

from __future__ import annotations

import json
import re

from adfkit.expressions.values import Value

MAXIMUM_DEPTH = 128
_LONGEST_INTEGER = 380
"""Newtonsoft reads no longer number than this."""


class JsonReaderError(ValueError):
    """A text that even a lenient reader can't take; the text of the error is like Newtonsoft's."""


def read(text: str) -> Value:
    """The first JSON value in the text; None where there is none."""
    try:
        # Half of a surrogate pair may be escaped; only the lenient reader replaces it.
        return _Reader(text).read() if "\\ud" in text.lower() else json.loads(text, parse_int=_strict_integer)
    except (ValueError, RecursionError):
        return _Reader(text).read()


def _strict_integer(text: str) -> int:
    if len(text) > _LONGEST_INTEGER:
        raise ValueError(text)
    return int(text)


_SPACE = re.compile(r"(?:\s|/\*.*?\*/|//[^\n\r]*)*", re.DOTALL)
_NAME = re.compile(r"[\w$]+")
_WORD = re.compile(r"-?[A-Za-z]+")
_DIGITS = re.compile(r"[-+.\dxXa-fA-F]+")
_WORDS: dict[str, Value] = {
    "true": True,
    "false": False,
    "null": None,
    "undefined": None,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "\\": "\\", "/": "/", "'": "'", '"': '"'}


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._path: list[str] = []

    def read(self) -> Value:
        return None if self._next() == "" else self._value()

    def _next(self) -> str:
        """The next character that is neither space nor comment; empty at the end."""
        space = _SPACE.match(self._text, self._position)
        self._position = space.end() if space else self._position
        return self._text[self._position : self._position + 1]

    def _error(self, problem: str) -> JsonReaderError:
        before = self._text[: self._position]
        line = before.count("\n") + 1 if before else 0
        column = len(before) - before.rfind("\n") - 1
        path = "".join(self._path).removeprefix(".")
        return JsonReaderError(f"{problem} Path '{path}', line {line}, position {column}.")

    def _value(self) -> Value:
        character = self._next()
        if character in ("{", "["):
            return self._container(character)
        if character in ("'", '"'):
            return self._string(character)
        word = _WORD.match(self._text, self._position)
        if word and word[0] in _WORDS:
            self._position = word.end()
            return _WORDS[word[0]]
        if character and (character.isdecimal() or character in "+-."):
            return self._number()
        self._check_cut_off(word)
        raise self._error(f"Unexpected character encountered while parsing value: {character}.")

    def _check_cut_off(self, word: re.Match[str] | None) -> None:
        if word and word.end() == len(self._text) and any(name.startswith(word[0]) for name in _WORDS):
            self._position = word.end()
            raise self._error("Unexpected end when reading JSON.")

    def _number(self) -> Value:
        match = _DIGITS.match(self._text, self._position)
        number = match[0] if match else ""
        self._position += len(number)
        following = self._text[self._position : self._position + 1]
        if following.isalnum():
            raise self._error(f"Unexpected character encountered while parsing number: {following}.")
        try:
            return _number(number)
        except ValueError:
            raise self._error(f"Input string '{number}' is not a valid number.") from None

    def _string(self, quote: str) -> str:
        characters: list[str] = []
        position = self._position + 1
        while position < len(self._text):
            character = self._text[position]
            if character == quote:
                self._position = position + 1
                return "".join(characters).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
            if character == "\\":
                character, position = self._escape(position + 1)
            characters.append(character)
            position += 1
        self._position = len(self._text)
        raise self._error(f"Unterminated string. Expected delimiter: {quote}.")

    def _escape(self, position: int) -> tuple[str, int]:
        """The character that the escape at `position` stands for, and the position of its last character."""
        character = self._text[position : position + 1]
        if character == "u" and re.fullmatch(r"[0-9a-fA-F]{4}", self._text[position + 1 : position + 5]):
            return chr(int(self._text[position + 1 : position + 5], 16)), position + 4
        if character not in _ESCAPES or not character:
            self._position = position + 1
            raise self._error(f"Bad JSON escape sequence: \\{character}.")
        return _ESCAPES[character], position

    def _container(self, opening: str) -> Value:
        if len(self._path) >= MAXIMUM_DEPTH:
            raise self._error(f"The reader's MaxDepth of {MAXIMUM_DEPTH} has been exceeded.")
        self._position += 1
        return self._object() if opening == "{" else self._array()

    def _object(self) -> dict[str, Value]:
        members: dict[str, Value] = {}
        while (character := self._next()) not in ("", "}"):
            name = self._name(character)
            character = self._next()
            if character != ":":
                got = character or "\0"
                raise self._error(f"Invalid character after parsing property name. Expected ':' but got: {got}.")
            self._position += 1
            if not self._next():
                raise JsonReaderError("Unexpected end when reading token. Path ''.")
            members[name] = self._member(f".{name}")
            self._comma("}", f".{name}")
        self._position += 1
        return members

    def _member(self, step: str) -> Value:
        self._path.append(step)
        value = self._value()
        self._path.pop()
        return value

    def _name(self, character: str) -> str:
        if character in ("'", '"'):
            return self._string(character)
        name = _NAME.match(self._text, self._position)
        if name is None:
            raise self._error(f"Invalid property identifier character: {character}.")
        self._position = name.end()
        if self._position == len(self._text):
            raise self._error("Unexpected end while parsing unquoted property name.")
        return name[0]

    def _array(self) -> list[Value]:
        elements: list[Value] = []
        while (character := self._next()) not in ("", "]"):
            step = f"[{len(elements)}]"
            # A comma without a value before it stands for an undefined element.
            elements.append(None if character == "," else self._member(step))
            self._comma("]", step)
        self._position += 1
        return elements

    def _comma(self, closing: str, step: str) -> None:
        character = self._next()
        if character == ",":
            self._position += 1
        elif character not in ("", closing):
            self._path.append(step)
            raise self._error(f"After parsing a value an unexpected character was encountered: {character}.")


def _number(text: str) -> int | float:
    """The number that a text of digits stands for; raises ValueError."""
    digits = text.lstrip("+-")
    sign = -1 if text.startswith("-") else 1
    if len(text) > _LONGEST_INTEGER:
        raise ValueError(text)
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", digits):
        return sign * int(digits, 16)
    if re.fullmatch(r"0[0-7]+", digits):
        return sign * int(digits, 8)
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
        return float(text)
    raise ValueError(text)
