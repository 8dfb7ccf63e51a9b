"""The tokens of a data flow script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from adfkit.data_flows.errors import ScriptError

Kind = Literal["name", "quoted name", "string", "template", "regex", "number", "symbol", "end"]
_SYMBOLS: Final = (
    *("<=>", "===", "~>", "->", "==", "!=", "<=", ">=", "&&", "||", "$$"),
    *"()[]{},:=<>+-*/%^!@#$.?|&~;",
)
_TOKEN: Final = re.compile(
    r"(?P<space>\s+|/\*.*?\*/|//[^\n]*)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[lLdDfFsSbB]?(?!\w))"
    r"|(?P<string>'(?:\\.|[^'\\])*')"
    r'|(?P<template>"(?:\\.|[^"\\])*")'
    r"|(?P<regex>`[^`]*`)"
    rf"|(?P<symbol>{'|'.join(re.escape(symbol) for symbol in _SYMBOLS)})",
    re.DOTALL,
)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is without quotes and escapes, save for a template, which keeps them; `column` counts from 1."""

    kind: Kind
    text: str
    line: int
    column: int


def tokens(script: str, line: int = 1) -> Iterator[Token]:
    """The tokens, then one of kind `end`; `line` is that of the first character.

    Raises:
        ScriptError: a character that begins no token.
    """
    position, last = 0, ""
    while position < len(script):
        if script[position] == "{" and last != "parameters":
            token: Token | None
            token, end = _quoted_name(script, position, line)
        elif match := _TOKEN.match(script, position):
            token, end = _token(match, line), match.end()
        else:
            raise ScriptError(f"unexpected character {script[position]!r}", line)
        if token:
            last = token.text
            yield token
        line += script.count("\n", position, end)
        position = end
    yield Token("end", "", line, _column(script, position))


def unescape(text: str) -> str:
    """A string's content without its backslashes."""
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text, flags=re.DOTALL)


def _quoted_name(script: str, position: int, line: int) -> tuple[Token, int]:
    end = script.find("}", position)
    if end < 0:
        raise ScriptError("a name in braces has no closing brace", line)
    return Token("quoted name", script[position + 1 : end], line, _column(script, position)), end + 1


def _token(match: re.Match[str], line: int) -> Token | None:
    kind, text, column = match.lastgroup, match.group(), _column(match.string, match.start())
    match kind:
        case "space":
            return None
        case "string":
            return Token("string", unescape(text[1:-1]), line, column)
        case "template":
            return Token("template", text[1:-1], line, column)
        case "regex":
            return Token("regex", text[1:-1], line, column)
        case "name":
            return Token("name", text, line, column)
        case "number":
            return Token("number", text, line, column)
        case _:
            return Token("symbol", text, line, column)


def _column(script: str, position: int) -> int:
    return position - script.rfind("\n", 0, position)
