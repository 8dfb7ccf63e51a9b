"""Types as scripts write them: `string`, `decimal(18,2)`, `(a as string)[]`, `[string,long]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adfkit.data_flows.errors import unsupported
from adfkit.data_flows.types import SCALARS, STRING, ArrayType, Decimal, MapType, StructType, Type

if TYPE_CHECKING:
    from adfkit.data_flows.parser import Parser


def parse_type(parser: Parser) -> Type:
    """The type that begins here.

    Raises:
        ScriptError: there is none; UnsupportedError: one that is not known here.
    """
    type = _single(parser)
    while parser.at("[") and parser.peek().text == "]":
        parser.accept("[")
        parser.accept("]")
        type = ArrayType(type)
    return type


def _single(parser: Parser) -> Type:
    if parser.accept("("):
        return _struct(parser)
    if parser.accept("["):
        key = parse_type(parser)
        parser.expect(",")
        value = parse_type(parser)
        parser.expect("]")
        return MapType(key, value)
    line, name = parser.token.line, parser.name()
    if name == "decimal":
        return _decimal(parser)
    if name == "any":
        return STRING
    if name not in SCALARS:
        raise unsupported(f"the type '{name}'", line)
    return SCALARS[name]


def _decimal(parser: Parser) -> Type:
    if not (parser.at("(") and parser.peek().kind == "number"):
        return Decimal()
    parser.accept("(")
    digits = [_digits(parser)]
    while parser.accept(","):
        digits.append(_digits(parser))
    parser.expect(")")
    return Decimal(digits[0], digits[1] if len(digits) > 1 else 0)


def _digits(parser: Parser) -> int:
    if parser.token.kind != "number" or not parser.token.text.isdecimal():
        raise parser.unexpected("a number of digits")
    value = int(parser.token.text)
    parser.advance()
    return value


def _struct(parser: Parser) -> Type:
    fields: list[tuple[str, Type]] = []
    while not parser.accept(")"):
        name = parser.name()
        parser.word("as")
        fields.append((name, parse_type(parser)))
        if parser.token.kind == "string":  # the format of a field
            parser.advance()
        if not parser.at(")"):
            parser.expect(",")
    return StructType(tuple(fields))
