"""The functions of XPath 1.0, apart from `id()` and `lang()`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adfkit.expressions.xml_documents.tree import Node
from adfkit.expressions.xml_documents.xpath_parser import XPathError
from adfkit.expressions.xml_documents.xpath_values import Result, to_boolean, to_number, to_text


@dataclass(frozen=True, slots=True)
class Function:
    """`call` gets the context node, its position, the size of the context, and the arguments."""

    minimum: int
    maximum: int
    call: Callable[[Node, int, int, Sequence[Result]], Result]


def _nodes(value: Result) -> list[Node]:
    if not isinstance(value, list):
        raise XPathError("the function takes a set of nodes")
    return value


def _plain(minimum: int, maximum: int, function: Callable[..., Result]) -> Function:
    return Function(minimum, maximum, lambda node, position, size, arguments: function(*arguments))


def _of_node(function: Callable[[Result], Result]) -> Function:
    """A function of one argument, which is the context node where there is none."""
    return Function(0, 1, lambda node, position, size, arguments: function(arguments[0] if arguments else [node]))


def _name(function: Callable[[Node], str]) -> Function:
    return _of_node(lambda value: function(_nodes(value)[0]) if _nodes(value) else "")


def _substring(text: Result, start: Result, length: Result | None = None) -> str:
    first = _round(start)
    last = math.inf if length is None else first + _round(length)
    return "".join(letter for place, letter in enumerate(to_text(text), 1) if first <= place < last)


def _round(value: Result) -> float:
    number = to_number(value)
    return float(math.floor(number + 0.5)) if math.isfinite(number) else number


def _whole(function: Callable[[float], int], value: Result) -> float:
    number = to_number(value)
    return float(function(number)) if math.isfinite(number) else number


def _translate(text: Result, letters: Result, others: Result) -> str:
    source, target = to_text(letters), to_text(others)
    table: dict[int, str | None] = {}
    for index, letter in enumerate(source):
        table.setdefault(ord(letter), target[index] if index < len(target) else None)
    return to_text(text).translate(table)


FUNCTIONS: dict[str, Function] = {
    "last": Function(0, 0, lambda node, position, size, arguments: float(size)),
    "position": Function(0, 0, lambda node, position, size, arguments: float(position)),
    "count": _plain(1, 1, lambda nodes: float(len(_nodes(nodes)))),
    "sum": _plain(1, 1, lambda nodes: float(sum(to_number(node.text()) for node in _nodes(nodes)))),
    "name": _name(lambda node: node.name),
    "local-name": _name(lambda node: node.local_name),
    "namespace-uri": _name(lambda node: node.namespace),
    "string": _of_node(to_text),
    "number": _of_node(to_number),
    "string-length": _of_node(lambda value: float(len(to_text(value)))),
    "normalize-space": _of_node(lambda value: " ".join(to_text(value).split())),
    "concat": _plain(2, 1_000, lambda *values: "".join(map(to_text, values))),
    "starts-with": _plain(2, 2, lambda text, start: to_text(text).startswith(to_text(start))),
    "contains": _plain(2, 2, lambda text, part: to_text(part) in to_text(text)),
    "substring-before": _plain(
        2, 2, lambda text, part: to_text(text).partition(to_text(part))[0] if to_text(part) in to_text(text) else ""
    ),
    "substring-after": _plain(
        2, 2, lambda text, part: to_text(text).partition(to_text(part))[2] if to_text(part) else to_text(text)
    ),
    "substring": _plain(2, 3, _substring),
    "translate": _plain(3, 3, _translate),
    "boolean": _plain(1, 1, to_boolean),
    "not": _plain(1, 1, lambda value: not to_boolean(value)),
    "true": _plain(0, 0, lambda: True),
    "false": _plain(0, 0, lambda: False),
    "floor": _plain(1, 1, lambda value: _whole(math.floor, value)),
    "ceiling": _plain(1, 1, lambda value: _whole(math.ceil, value)),
    "round": _plain(1, 1, _round),
}
