"""XPath 1.0, from syntax tree and document to a value: nodes in document order, a number, a text or a boolean."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from adfkit.expressions.xml_documents.tree import Node, NodeKind
from adfkit.expressions.xml_documents.xpath_functions import FUNCTIONS
from adfkit.expressions.xml_documents.xpath_parser import (
    Binary,
    FunctionCall,
    Negative,
    Number,
    Path,
    Step,
    Text,
    Tree,
    XPathError,
    parse,
)
from adfkit.expressions.xml_documents.xpath_values import Result, to_boolean, to_number


@dataclass(frozen=True, slots=True)
class _Context:
    node: Node
    position: int
    size: int


def select(document: Node, text: str) -> Result:
    """What the XPath yields at the root of a document; raises XPathError."""
    return _evaluate(parse(text), _Context(document, 1, 1))


def _evaluate(tree: Tree, context: _Context) -> Result:
    match tree:
        case Number(value=number):
            return number
        case Text(value=text):
            return text
        case Negative(operand=operand):
            return -to_number(_evaluate(operand, context))
        case Binary():
            return _binary(tree, context)
        case FunctionCall():
            return _call(tree, context)
        case Path():
            return _path(tree, context)


def _binary(tree: Binary, context: _Context) -> Result:
    operator = tree.operator
    if operator in ("or", "and"):
        left = to_boolean(_evaluate(tree.left, context))
        if left is (operator == "or"):
            return left
        return to_boolean(_evaluate(tree.right, context))
    one, other = _evaluate(tree.left, context), _evaluate(tree.right, context)
    if operator == "|":
        if not isinstance(one, list) or not isinstance(other, list):
            raise XPathError("'|' joins sets of nodes only")
        return _in_order([*one, *other])
    if operator in _COMPARISONS:
        return _compare(operator, one, other)
    return _ARITHMETIC[operator](to_number(one), to_number(other))


def _divide(one: float, other: float) -> float:
    if other != 0:
        return one / other
    return math.nan if one == 0 or math.isnan(one) else math.copysign(math.inf, one) * math.copysign(1, other)


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
    "div": _divide,
    "mod": lambda one, other: math.fmod(one, other) if other and math.isfinite(one) else math.nan,
}
_COMPARISONS: dict[str, Callable[[Result, Result], bool]] = {
    "=": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    "<": lambda one, other: to_number(one) < to_number(other),
    "<=": lambda one, other: to_number(one) <= to_number(other),
    ">": lambda one, other: to_number(one) > to_number(other),
    ">=": lambda one, other: to_number(one) >= to_number(other),
}


def _compare(operator: str, one: Result, other: Result) -> bool:
    """A set of nodes compares as any of its nodes does."""
    if isinstance(one, bool) or isinstance(other, bool):
        return _COMPARISONS[operator](to_boolean(one), to_boolean(other))
    if isinstance(one, list):
        return any(_compare(operator, node.text(), other) for node in one)
    if isinstance(other, list):
        return any(_compare(operator, one, node.text()) for node in other)
    if isinstance(one, float) or isinstance(other, float):
        return _COMPARISONS[operator](to_number(one), to_number(other))
    return _COMPARISONS[operator](one, other)


def _in_order(nodes: Iterable[Node]) -> list[Node]:
    return sorted({id(node): node for node in nodes}.values(), key=lambda node: node.order)


def _path(path: Path, context: _Context) -> list[Node]:
    nodes = [context.node]
    if path.absolute:
        nodes = [list(context.node.ancestors_and_self())[-1]]
    if path.start is not None:
        start = _evaluate(path.start, context)
        if not isinstance(start, list):
            raise XPathError("a path starts at nodes only")
        nodes = _filtered(start, path.predicates)
    for step in path.steps:
        nodes = _in_order(node for start_node in nodes for node in _step(start_node, step))
    return nodes


def _step(node: Node, step: Step) -> list[Node]:
    found = [candidate for candidate in _axis(node, step.axis) if _passes(candidate, step)]
    return _filtered(found, step.predicates)


def _filtered(nodes: list[Node], predicates: tuple[Tree, ...]) -> list[Node]:
    for predicate in predicates:
        kept: list[Node] = []
        for position, node in enumerate(nodes, 1):
            result = _evaluate(predicate, _Context(node, position, len(nodes)))
            if result == position if isinstance(result, float) else to_boolean(result):
                kept.append(node)
        nodes = kept
    return nodes


def _passes(node: Node, step: Step) -> bool:
    match step.test:
        case "node()":
            return True
        case "text()":
            return node.kind in (NodeKind.TEXT, NodeKind.CDATA)
        case "comment()":
            return node.kind is NodeKind.COMMENT
        case "processing-instruction()":
            return node.kind is NodeKind.INSTRUCTION
    principal = NodeKind.ATTRIBUTE if step.axis == "attribute" else NodeKind.ELEMENT
    if node.kind is not principal:
        return False
    # A name without a prefix is one without a namespace.
    return step.test == "*" or (node.name == step.test and not node.namespace)


def _axis(node: Node, axis: str) -> Iterator[Node]:
    """The nodes of an axis, from near to far."""
    match axis:
        case "self":
            yield node
        case "child":
            yield from node.children
        case "attribute":
            yield from (each for each in node.attributes if each.name.partition(":")[0] != "xmlns")
        case "descendant":
            yield from node.descendants()
        case "descendant-or-self":
            yield node
            yield from node.descendants()
        case "parent" if node.parent is not None:
            yield node.parent
        case "ancestor":
            yield from list(node.ancestors_and_self())[1:]
        case "ancestor-or-self":
            yield from node.ancestors_and_self()
        case "following-sibling":
            yield from (each for each in _siblings(node) if each.order > node.order)
        case "preceding-sibling":
            yield from reversed([each for each in _siblings(node) if each.order < node.order])
        case "following":
            below = {id(each) for each in node.descendants()}
            yield from (each for each in _everything(node) if each.order > node.order and id(each) not in below)
        case "preceding":
            above = {id(each) for each in node.ancestors_and_self()}
            before = [each for each in _everything(node) if each.order < node.order and id(each) not in above]
            yield from reversed(before)


def _siblings(node: Node) -> list[Node]:
    return node.parent.children if node.parent is not None and node.kind is not NodeKind.ATTRIBUTE else []


def _everything(node: Node) -> Iterator[Node]:
    return list(node.ancestors_and_self())[-1].descendants()


def _call(call: FunctionCall, context: _Context) -> Result:
    function = FUNCTIONS.get(call.name)
    if function is None:
        raise XPathError(f"there is no function '{call.name}'")
    arguments = [_evaluate(argument, context) for argument in call.arguments]
    if not function.minimum <= len(arguments) <= function.maximum:
        raise XPathError(f"the function '{call.name}' doesn't take {len(arguments)} arguments")
    return function.call(context.node, context.position, context.size, arguments)
