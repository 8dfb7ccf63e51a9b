"""XPath 1.0, from text to a syntax tree. https://www.w3.org/TR/1999/REC-xpath-19991116/

Prefixes and variables have no meaning in a Data Factory expression, as nothing there declares them; they are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


class XPathError(ValueError):
    """A text that is no XPath, or one that can't be evaluated."""


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator between two expressions: `or and = != < <= > >= + - * div mod |`."""

    operator: str
    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class Negative:
    operand: Tree


@dataclass(frozen=True, slots=True)
class FunctionCall:
    name: str
    arguments: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path. `test` is a name, `*`, or a node type such as `text()`."""

    axis: str
    test: str
    predicates: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Path:
    """Steps from the root (`absolute`), from the context node, or from what `start` yields, filtered by predicates."""

    absolute: bool
    start: Tree | None
    predicates: tuple[Tree, ...]
    steps: tuple[Step, ...]


Tree = Number | Text | Binary | Negative | FunctionCall | Path

AXES = frozenset(
    (
        "ancestor",
        "ancestor-or-self",
        "attribute",
        "child",
        "descendant",
        "descendant-or-self",
        "following",
        "following-sibling",
        "parent",
        "preceding",
        "preceding-sibling",
        "self",
    )
)
_NODE_TYPES = frozenset(("comment", "text", "processing-instruction", "node"))
_LEVELS = (("or",), ("and",), ("=", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "div", "mod"))
_OPERATOR_NAMES = frozenset(("or", "and", "div", "mod"))
_TOKEN = re.compile(
    r"\s*(?P<token>\d+(?:\.\d*)?|\.\d+|\"[^\"]*\"|'[^']*'|::|//|\.\.|!=|<=|>=|[\w][\w.-]*(?::[\w][\w.-]*|:\*)?"
    r"|[()\[\].@,/|+\-=<>*$])"
)
_ANYWHERE = Step("descendant-or-self", "node()", ())
MAXIMUM_DEPTH = 60


def parse(text: str) -> Tree:
    """The syntax tree of an XPath; raises XPathError."""
    return _Parser(text).parse()


def _tokenize(text: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise XPathError(f"unexpected character '{text[position]}'")
        tokens.append(match["token"])
        position = match.end()
    return tokens


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _tokenize(text)
        self._index = 0
        self._depth = 0

    def parse(self) -> Tree:
        tree = self._binary(0)
        if self._index < len(self._tokens):
            raise XPathError(f"unexpected '{self._peek()}'")
        return tree

    def _peek(self, ahead: int = 0) -> str:
        index = self._index + ahead
        return self._tokens[index] if index < len(self._tokens) else ""

    def _take(self) -> str:
        symbol = self._peek()
        if not symbol:
            raise XPathError("unexpected end")
        self._index += 1
        return symbol

    def _accept(self, symbol: str) -> bool:
        if self._peek() != symbol:
            return False
        self._index += 1
        return True

    def _expect(self, symbol: str) -> None:
        if not self._accept(symbol):
            raise XPathError(f"expected '{symbol}', not '{self._peek()}'")

    def _binary(self, level: int) -> Tree:
        if level == len(_LEVELS):
            return self._unary()
        if level == 0:
            self._depth += 1
            if self._depth > MAXIMUM_DEPTH:
                raise XPathError("nested too deeply")
        left = self._binary(level + 1)
        while self._peek() in _LEVELS[level]:
            operator = self._take()
            left = Binary(operator, left, self._binary(level + 1))
        self._depth -= level == 0
        return left

    def _unary(self) -> Tree:
        negative = False
        while self._accept("-"):
            negative = not negative
        tree = self._path()
        while self._accept("|"):
            tree = Binary("|", tree, self._path())
        return Negative(tree) if negative else tree

    def _path(self) -> Tree:
        if self._starts_primary():
            start = self._primary()
            predicates = self._predicates()
            steps = self._more_steps()
            return Path(False, start, predicates, steps) if predicates or steps else start
        if self._accept("//"):
            return Path(True, None, (), (_ANYWHERE, self._step(), *self._more_steps()))
        if self._accept("/"):
            return Path(True, None, (), (self._step(), *self._more_steps()) if self._starts_step() else ())
        return Path(False, None, (), (self._step(), *self._more_steps()))

    def _more_steps(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        while self._peek() in ("/", "//"):
            if self._take() == "//":
                steps.append(_ANYWHERE)
            steps.append(self._step())
        return tuple(steps)

    def _starts_step(self) -> bool:
        symbol = self._peek()
        return symbol in ("*", "@", ".", "..") or _is_name(symbol)

    def _starts_primary(self) -> bool:
        symbol = self._peek()
        if symbol == "$":
            raise XPathError("there are no variables")
        is_function = _is_name(symbol) and self._peek(1) == "(" and symbol not in _NODE_TYPES
        return symbol == "(" or is_function or symbol[:1] in ("'", '"') or _is_number(symbol)

    def _primary(self) -> Tree:
        symbol = self._take()
        if symbol == "(":
            tree = self._binary(0)
            self._expect(")")
            return tree
        if symbol[0] in "'\"":
            return Text(symbol[1:-1])
        if _is_number(symbol):
            return Number(float(symbol))
        return FunctionCall(symbol, self._arguments())

    def _arguments(self) -> tuple[Tree, ...]:
        self._expect("(")
        if self._accept(")"):
            return ()
        arguments = [self._binary(0)]
        while self._accept(","):
            arguments.append(self._binary(0))
        self._expect(")")
        return tuple(arguments)

    def _step(self) -> Step:
        if self._accept("."):
            return Step("self", "node()", ())
        if self._accept(".."):
            return Step("parent", "node()", ())
        axis = "child"
        if self._accept("@"):
            axis = "attribute"
        elif self._peek(1) == "::":
            axis = self._take()
            self._expect("::")
            if axis not in AXES:
                raise XPathError(f"there is no axis '{axis}'")
        return Step(axis, self._node_test(), self._predicates())

    def _node_test(self) -> str:
        symbol = self._take()
        if symbol == "*":
            return symbol
        if not _is_name(symbol):
            raise XPathError(f"unexpected '{symbol}'")
        if symbol in _NODE_TYPES and self._accept("("):
            self._expect(")")
            return f"{symbol}()"
        if ":" in symbol:
            raise XPathError(f"the prefix of '{symbol}' isn't declared")
        return symbol

    def _predicates(self) -> tuple[Tree, ...]:
        predicates: list[Tree] = []
        while self._accept("["):
            predicates.append(self._binary(0))
            self._expect("]")
        return tuple(predicates)


def _is_name(symbol: str) -> bool:
    return bool(symbol) and (symbol[0].isalpha() or symbol[0] == "_")


def _is_number(symbol: str) -> bool:
    return symbol[:1].isdigit() or (len(symbol) > 1 and symbol[0] == "." and symbol[1].isdigit())
