"""From tokens to the syntax tree, by recursive descent.

expression := literal | name "(" [expression {"," expression}] ")" {"?"? ("." name | "[" expression "]")}
literal    := string | number | true | false | null
"""

from __future__ import annotations

from functools import lru_cache

from adfkit.expressions.errors import ExpressionSyntaxError
from adfkit.expressions.lexer import Token, TokenType, tokenize
from adfkit.expressions.syntax import Call, Expression, Literal, Node, Property

MAXIMUM_DEPTH = 150
"""Calls within calls, or properties of properties; far above what people write, far below Python's own limit."""

_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


@lru_cache(maxsize=8192)
def parse(text: str) -> Expression:
    """The tree of an expression, written with or without its leading `@`. Cached: the trees are immutable."""
    return parse_body(text.removeprefix("@"))


def parse_body(text: str) -> Expression:
    """The tree of an expression without its `@`."""
    return Expression(text, _Parser(text).parse())


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokenize(text)
        self._current = next(self._tokens)
        self._depth = 0

    def parse(self) -> Node:
        root = self._expression()
        self._expect(TokenType.END)
        return root

    def _advance(self) -> None:
        self._current = next(self._tokens)

    def _accept(self, kind: TokenType) -> bool:
        if self._current.type is not kind:
            return False
        self._advance()
        return True

    def _expect(self, kind: TokenType) -> Token:
        token = self._current
        if token.type is not kind:
            raise self._error(f"expected token '{kind.value}' and actual '{token.type.value}'.", token)
        if kind is not TokenType.END:
            self._advance()
        return token

    def _error(self, problem: str, token: Token) -> ExpressionSyntaxError:
        return ExpressionSyntaxError(
            f"Unable to parse expression '{self._text}': {problem}", self._text, token.position
        )

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > MAXIMUM_DEPTH:
            raise self._error(f"it is nested more than {MAXIMUM_DEPTH} levels deep.", self._current)

    def _expression(self) -> Node:
        token = self._current
        if token.type in (TokenType.STRING, TokenType.INTEGER, TokenType.FLOAT):
            self._advance()
            return Literal(token.value, token.position)
        name = str(self._expect(TokenType.IDENTIFIER).value)
        if name.lower() in _CONSTANTS:
            return Literal(_CONSTANTS[name.lower()], token.position)
        depth = self._depth
        self._enter()
        node = self._properties(Call(name, self._arguments(), token.position))
        self._depth = depth
        return node

    def _arguments(self) -> tuple[Node, ...]:
        self._expect(TokenType.LEFT_PARENTHESIS)
        if self._accept(TokenType.RIGHT_PARENTHESIS):
            return ()
        arguments = [self._expression()]
        while self._accept(TokenType.COMMA):
            arguments.append(self._expression())
        self._expect(TokenType.RIGHT_PARENTHESIS)
        return tuple(arguments)

    def _properties(self, node: Node) -> Node:
        while True:
            safe = self._accept(TokenType.QUESTION_MARK)
            token = self._current
            if self._accept(TokenType.DOT):
                name = self._expect(TokenType.IDENTIFIER)
                node = Property(node, Literal(name.value, name.position), safe, name.position)
            elif self._accept(TokenType.LEFT_BRACKET):
                key = self._expression()
                self._expect(TokenType.RIGHT_BRACKET)
                node = Property(node, key, safe, key.position)
            elif safe:
                problem = f"encountered unexpected token '{token.type.value}' after null-safe property dereference"
                raise self._error(f"{problem} operator '?'.", token)
            else:
                return node
            self._enter()
