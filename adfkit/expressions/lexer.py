"""From text to tokens, with their positions.

Token names are those that Azure uses in its messages ("expected token 'RightParenthesis' and actual 'EndOfData'").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from adfkit.expressions.errors import ExpressionSyntaxError
from adfkit.expressions.values import INT64

_LONGEST_INTEGER = 100

_SPACE = re.compile(r"\s*")
_IDENTIFIER = re.compile(r"[^\W\d][\w$]*|\$[\w$]*")
# Data Factory takes a hyphen in a property name, as in `pipeline().globalParameters.GP-Int`.
_PROPERTY = re.compile(r"(?:[^\W\d]|\$)[\w$]*(?:-+[\w$]+)*")
_NUMBER = re.compile(r"[+-]?(?:\d+(?P<point>\.\d*)?|(?P<bare>\.\d+))(?P<exponent>[eE][+-]?\d+)?")
_STRING = re.compile(r"'((?:[^']|'')*+)'")


class TokenType(Enum):
    IDENTIFIER = "Identifier"
    STRING = "Literal"
    INTEGER = "Integer"
    FLOAT = "Float"
    LEFT_PARENTHESIS = "LeftParenthesis"
    RIGHT_PARENTHESIS = "RightParenthesis"
    LEFT_BRACKET = "LeftSquareBracket"
    RIGHT_BRACKET = "RightSquareBracket"
    COMMA = "Comma"
    DOT = "Dot"
    QUESTION_MARK = "QuestionMark"
    END = "EndOfData"


_PUNCTUATION = {
    "(": TokenType.LEFT_PARENTHESIS,
    ")": TokenType.RIGHT_PARENTHESIS,
    "[": TokenType.LEFT_BRACKET,
    "]": TokenType.RIGHT_BRACKET,
    ",": TokenType.COMMA,
    ".": TokenType.DOT,
    "?": TokenType.QUESTION_MARK,
}


@dataclass(frozen=True, slots=True)
class Token:
    """`value` is the name of an identifier, the content of a literal, the number; else the punctuation itself."""

    type: TokenType
    value: str | int | float
    position: int


def tokenize(text: str) -> Iterator[Token]:
    """The tokens of an expression without its `@`, closed by one of type `END`.

    They are read one by one, so that what is wrong first is told first.
    """
    after_dot = False
    position = _skip_space(text, 0)
    while position < len(text):
        token, position = _next_token(text, position, after_dot)
        yield token
        after_dot = token.type is TokenType.DOT
        position = _skip_space(text, position)
    yield Token(TokenType.END, "", len(text))


def _skip_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _next_token(text: str, position: int, after_dot: bool) -> tuple[Token, int]:
    character = text[position]
    identifier = (_PROPERTY if after_dot else _IDENTIFIER).match(text, position)
    if identifier:
        return Token(TokenType.IDENTIFIER, identifier[0], position), identifier.end()
    if character == "'":
        return _string(text, position)
    if character in "+-" or character.isdecimal():
        return _number(text, position)
    if character in _PUNCTUATION:
        return Token(_PUNCTUATION[character], character, position), position + 1
    raise _unexpected_character(text, position)


def _string(text: str, position: int) -> tuple[Token, int]:
    match = _STRING.match(text, position)
    if match is None:
        raise ExpressionSyntaxError(
            f"The expression '{text}' is not valid: the string constant at position '{position}' is not terminated. "
            "String constants must be enclosed within a pair of quotes.",
            text,
            position,
        )
    return Token(TokenType.STRING, match[1].replace("''", "'"), position), match.end()


def _number(text: str, position: int) -> tuple[Token, int]:
    match = _NUMBER.match(text, position)
    end = match.end() if match else position + (2 if text.startswith(".", position + 1) else 1)
    if end < len(text) and (text[end].isalnum() or text[end] in "_$"):
        raise _unexpected_character(text, end)
    if match is None:
        raise _not_a_number(text, position, text[position:end])
    if match["point"] is None and match["bare"] is None and match["exponent"] is None:
        value = int(match[0]) if len(match[0]) <= _LONGEST_INTEGER else INT64.stop
        if value not in INT64:
            raise _not_a_number(text, position, match[0])
        return Token(TokenType.INTEGER, value, position), end
    return Token(TokenType.FLOAT, float(match[0]), position), end


def _unexpected_character(text: str, position: int) -> ExpressionSyntaxError:
    return ExpressionSyntaxError(
        f"The expression '{text}' is not valid: the string character '{text[position]}' at position '{position}' "
        "is not expected.",
        text,
        position,
    )


def _not_a_number(text: str, position: int, value: str) -> ExpressionSyntaxError:
    return ExpressionSyntaxError(
        f"The expression '{text}' is not valid: the value '{value}' at position '{position}' cannot be converted "
        "to number.",
        text,
        position,
    )
