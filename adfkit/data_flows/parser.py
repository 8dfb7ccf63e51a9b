"""From the text of a data flow script to its syntax tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from adfkit.data_flows import syntax
from adfkit.data_flows.errors import ScriptError, unsupported
from adfkit.data_flows.lexer import Token, tokens, unescape
from adfkit.data_flows.syntax import Node
from adfkit.data_flows.type_parser import parse_type
from adfkit.data_flows.types import BOOLEAN, DOUBLE, FLOAT, INTEGER, LONG, SHORT, STRING

_OPERATORS: Final[dict[str, tuple[int, str]]] = {
    "||": (1, "or"),
    "&&": (2, "and"),
    "==": (3, "equals"),
    "!=": (3, "notEquals"),
    "===": (3, "equalsNullSafe"),
    "<=>": (3, "equalsIgnoreCase"),
    "<": (4, "lesser"),
    "<=": (4, "lesserOrEqual"),
    ">": (4, "greater"),
    ">=": (4, "greaterOrEqual"),
    "+": (5, "add"),
    "-": (5, "minus"),
    "*": (6, "multiply"),
    "/": (6, "divide"),
    "%": (6, "mod"),
}
"""Infix operators: how strongly they bind, and the function that each stands for."""
_SUFFIXES: Final = {"l": LONG, "s": SHORT, "f": FLOAT, "d": DOUBLE}


def parse(script: str) -> syntax.Script:
    """Parse a whole script; an empty one has no transformations.

    Raises:
        ScriptError: with the line; a transformation's input is unknown, or two have one name.
    """
    parsed = Parser(list(tokens(script))).script()
    _check_streams(parsed)
    return parsed


def parse_expression(text: str, line: int = 1) -> Node:
    """Parse one expression.

    Raises:
        ScriptError: with the line.
    """
    parser = Parser(list(tokens(text, line)))
    node = parser.expression()
    parser.expect_end()
    return node


class Parser:
    """A recursive descent over tokens; operators by how strongly they bind."""

    def __init__(self, found: Sequence[Token]) -> None:
        self._tokens = found
        self._position = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._position]

    def peek(self, offset: int = 1) -> Token:
        return self._tokens[min(self._position + offset, len(self._tokens) - 1)]

    def advance(self) -> None:
        self._position += 1

    def at(self, symbol: str) -> bool:
        return self.token.kind == "symbol" and self.token.text == symbol

    def accept(self, symbol: str) -> bool:
        if self.at(symbol):
            self._position += 1
            return True
        return False

    def expect(self, symbol: str) -> Token:
        token = self.token
        if not self.accept(symbol):
            raise self.unexpected(f"'{symbol}'")
        return token

    def expect_end(self) -> None:
        if self.token.kind != "end":
            raise self.unexpected("the end")

    def name(self) -> str:
        token = self.token
        if token.kind not in ("name", "quoted name"):
            raise self.unexpected("a name")
        self._position += 1
        return token.text

    def unexpected(self, wanted: str) -> ScriptError:
        token = self.token
        found = "the end" if token.kind == "end" else f"'{token.text[:40]}'"
        return ScriptError(f"{wanted} is expected here, not {found}", token.line)

    def script(self) -> syntax.Script:
        parameters: tuple[syntax.ParameterDefinition, ...] = ()
        if self.token.kind == "name" and self.token.text == "parameters" and self.peek().text == "{":
            self._position += 2
            parameters = self._parameters()
        transformations = []
        while self.token.kind != "end":
            transformations.append(self._transformation())
        return syntax.Script(parameters, tuple(transformations))

    def _parameters(self) -> tuple[syntax.ParameterDefinition, ...]:
        found = []
        while not self.accept("}"):
            line, name = self.token.line, self.name()
            self.word("as")
            type = parse_type(self)
            default = None
            if self.accept("("):
                default = self.expression()
                self.expect(")")
            found.append(syntax.ParameterDefinition(name, type, default, line))
            if not self.at("}"):
                self.expect(",")
        return tuple(found)

    def word(self, word: str) -> None:
        if self.token.kind != "name" or self.token.text != word:
            raise self.unexpected(f"'{word}'")
        self._position += 1

    def _transformation(self) -> syntax.Transformation:
        line, column = self.token.line, self.token.column
        inputs: list[syntax.StreamReference] = []
        while not (self.token.kind == "name" and self.peek().text == "(" and self.peek().kind == "symbol"):
            name = self.name()
            inputs.append(syntax.StreamReference(name, self.name() if self.accept("@") else None))
            self.accept(",")
        kind = self.name()
        self.expect("(")
        arguments = self.arguments()
        self.expect("~>")
        name = self.name()
        branches: list[str] = []
        if self.accept("@"):
            self.expect("(")
            while not self.accept(")"):
                branches.append(self.name())
                self.accept(",")
        return syntax.Transformation(name, kind, tuple(inputs), arguments, tuple(branches), line, column)

    def arguments(self) -> tuple[Node, ...]:
        """What stands between a parenthesis that is open and the one that closes it."""
        found: list[Node] = []
        while not self.accept(")"):
            found.append(self._argument())
            if not self.at(")"):
                self.expect(",")
        return tuple(found)

    def _argument(self) -> Node:
        line = self.token.line
        if self.token.kind == "name" and self.token.text in ("output", "input") and self._defines_columns():
            return self._definitions()
        node = self.expression()
        if isinstance(node, syntax.Name) and not node.streams and self.accept(":"):
            return syntax.Property(name=node.name, value=self.expression(), line=line)
        if self.accept("="):
            value = self.expression()
            type = parse_type(self) if self.accept("?") else None
            return syntax.Assignment(target=node, value=value, type=type, line=line)
        return node

    def _defines_columns(self) -> bool:
        return self.peek().text == "(" and (self.peek(3).text == "as" or self.peek(2).text == ")")

    def _definitions(self) -> Node:
        line, name = self.token.line, self.name()
        self.expect("(")
        columns = []
        while not self.accept(")"):
            at, column = self.token.line, self.name()
            self.word("as")
            type = parse_type(self)
            format = None
            if self.token.kind in ("string", "template"):
                format = self.token.text if self.token.kind == "string" else unescape(self.token.text)
                self._position += 1
            columns.append(syntax.ColumnDefinition(name=column, type=type, format=format, line=at))
            if not self.at(")"):
                self.expect(",")
        return syntax.Definitions(name=name, columns=tuple(columns), line=line)

    def expression(self, binding: int = 1) -> Node:
        """An expression whose operators bind at least so strongly."""
        left = self._unary()
        while self.token.kind == "symbol" and self.token.text in _OPERATORS:
            strength, function = _OPERATORS[self.token.text]
            if strength < binding:
                break
            line = self.token.line
            self._position += 1
            right = self.expression(strength + 1)
            left = syntax.Call(name=function, arguments=(left, right), line=line)
        if self.token.kind == "symbol" and self.token.text in ("^", "|", "&"):
            raise unsupported(f"the operator '{self.token.text}'", self.token.line)
        return left

    def _unary(self) -> Node:
        line = self.token.line
        for symbol, function in (("!", "not"), ("-", "negate")):
            if self.accept(symbol):
                return syntax.Call(name=function, arguments=(self._unary(),), line=line)
        return self._postfix(self._primary())

    def _postfix(self, node: Node) -> Node:
        while self.token.kind == "symbol":
            line = self.token.line
            if self.accept("."):
                node = syntax.Member(of=node, name=self.name(), line=line)
            elif self.accept("["):
                node = syntax.Index(of=node, index=self.expression(), line=line)
                self.expect("]")
            else:
                break
        return node

    def _primary(self) -> Node:
        token = self.token
        match token.kind:
            case "string" | "regex":
                self._position += 1
                return syntax.Literal(value=token.text, type=STRING, line=token.line)
            case "template":
                self._position += 1
                return _template(token)
            case "number":
                self._position += 1
                return _number(token)
            case "name" | "quoted name":
                return self._named()
            case "symbol":
                return self._symbol()
        raise self.unexpected("an expression")

    def _named(self) -> Node:
        token = self.token
        self._position += 1
        if token.kind == "name" and self.accept("("):
            return syntax.Call(name=token.text, arguments=self.arguments(), line=token.line)
        if token.kind == "name" and self.at("#"):
            self._position += 1
            name = self.name()
            self.expect("(")
            return syntax.CacheCall(sink=token.text, name=name, arguments=self.arguments(), line=token.line)
        if token.kind == "name" and not self.at("@") and token.text in ("true", "false", "null"):
            value = {"true": True, "false": False, "null": None}[token.text]
            return syntax.Literal(value=value, type=None if value is None else BOOLEAN, line=token.line)
        parts = [token.text]
        while self.accept("@"):
            parts.append(self.name())
        return syntax.Name(name=parts[-1], streams=tuple(parts[:-1]), line=token.line)

    def _symbol(self) -> Node:
        line = self.token.line
        if self.accept("("):
            node = self.expression()
            self.expect(")")
            return node
        if self.accept("$$"):
            return syntax.Parameter(name="$", line=line)
        if self.accept("$"):
            return syntax.Parameter(name=self.name(), line=line)
        if self.accept("#"):
            return syntax.Hash(name=self.name(), line=line)
        if self.accept(":"):
            return syntax.Local(name=self.name(), line=line)
        if self.accept("["):
            return self._list(line)
        if self.accept("@"):
            return self._struct(line)
        raise self.unexpected("an expression")

    def _list(self, line: int) -> Node:
        items: list[Node] = []
        entries: list[tuple[Node, Node]] = []
        while not self.accept("]"):
            item = self.expression()
            if self.accept("->"):
                entries.append((item, self.expression()))
            else:
                items.append(item)
            if not self.at("]"):
                self.expect(",")
        if entries:
            return syntax.Mapping(entries=tuple(entries), line=line)
        return syntax.Array(items=tuple(items), line=line)

    def _struct(self, line: int) -> Node:
        self.expect("(")
        found = []
        while not self.accept(")"):
            name = self.name()
            self.expect("=")
            found.append((name, self.expression()))
            if not self.at(")"):
                self.expect(",")
        return syntax.Struct(fields=tuple(found), line=line)


def _number(token: Token) -> Node:
    suffix = _SUFFIXES.get(token.text[-1].lower())
    digits = token.text[:-1] if token.text[-1].isalpha() else token.text
    if "." in digits or "e" in digits.lower() or suffix in (FLOAT, DOUBLE):
        return syntax.Literal(value=float(digits), type=suffix or DOUBLE, line=token.line)
    value = int(digits)
    return syntax.Literal(value=value, type=suffix or (INTEGER if value < 2**31 else LONG), line=token.line)


def _template(token: Token) -> Node:
    """A text in double quotes: `{...}` within it is an expression."""
    parts: list[Node] = []
    text, position, line = token.text, 0, token.line
    plain = ""
    while position < len(text):
        if text[position] == "\\":
            plain += text[position : position + 2]
            position += 2
        elif text[position] == "{" and (end := text.find("}", position)) > 0:
            parts += [syntax.Literal(value=unescape(plain), type=STRING, line=line)] if plain else []
            inner = parse_expression(text[position + 1 : end], line)
            parts.append(syntax.Call(name="toString", arguments=(inner,), line=line))
            plain, position = "", end + 1
        else:
            plain += text[position]
            position += 1
    if plain or not parts:
        parts.append(syntax.Literal(value=unescape(plain), type=STRING, line=line))
    return parts[0] if len(parts) == 1 else syntax.Call(name="concat", arguments=tuple(parts), line=line)


def _check_streams(script: syntax.Script) -> None:
    known: dict[str, syntax.Transformation] = {}
    for transformation in script.transformations:
        if transformation.name in known:
            raise ScriptError(f"two transformations are named '{transformation.name}'", transformation.line)
        known[transformation.name] = transformation
    for transformation in script.transformations:
        for reference in transformation.inputs:
            made = known.get(reference.name)
            if made is None:
                raise ScriptError(f"there is no stream '{reference.name}'", transformation.line)
            if (reference.branch or None) is None and made.branches:
                raise ScriptError(f"'{reference.name}' is split: name one of its streams", transformation.line)
            if reference.branch and reference.branch not in made.branches:
                raise ScriptError(f"'{reference.name}' has no stream '{reference.branch}'", transformation.line)
