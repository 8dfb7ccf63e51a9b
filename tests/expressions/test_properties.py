"""Properties that hold for any input."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from adfkit.expressions import (
    Call,
    ExpressionError,
    Literal,
    Node,
    Property,
    Scope,
    all_functions,
    evaluate,
    parse,
    to_text,
)
from adfkit.expressions.evaluator import evaluate_expression
from adfkit.expressions.syntax import Expression
from adfkit.expressions.values import float_text, json_text, same

INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.sampled_from([function.name for function in all_functions()])
JSON = st.recursive(
    st.none() | st.booleans() | INTEGERS | FLOATS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
LITERALS = st.builds(Literal, st.none() | st.booleans() | INTEGERS | FLOATS | st.text(max_size=8), st.just(0))


def _compound(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    calls = st.builds(Call, NAMES, st.lists(inner, max_size=4).map(tuple), st.just(0))
    keys = LITERALS | inner
    return calls | st.builds(Property, calls, keys, st.booleans(), st.just(0))


TREES: st.SearchStrategy[Node] = st.recursive(LITERALS, _compound, max_leaves=8)
_PIECES = ["@", "{", "}", "(", ")", "[", "]", "'", ",", ".", "?", "@{", "1", "-1.5e3", "'a'", "concat(", "item()"]
FRAGMENTS = st.lists(st.sampled_from([*_PIECES, "pipeline()", ".x", "?.y", "\n", " ", "null"]), max_size=14).map(
    "".join
)


def _without_positions(node: Node) -> Any:
    match node:
        case Literal(value=value):
            return ("literal", type(value), value)
        case Call(name=name, arguments=arguments):
            return (name, [_without_positions(argument) for argument in arguments])
        case Property(target=target, key=key, safe=safe):
            return (_without_positions(target), _without_positions(key), safe)


@given(TREES)
def test_what_is_printed_is_parsed_to_the_same(tree: Node) -> None:
    assert _without_positions(parse(to_text(tree)).root) == _without_positions(tree)


@given(st.text(max_size=30) | FRAGMENTS)
@example("@{'")
@example("@" + "9" * 5000)
@example("@json('" + "9" * 5000 + "')")
@example("@int('" + "9" * 5000 + "')")
@example("@add(json('" + "9" * 350 + "'), 1.5)")
@example("@string(json('" + "[" * 3000 + "'))")
@example("@xpath(xml('<a/>'), '" + "(" * 3000 + "')")
@example("@xml('" + "<a>" * 3000 + "')")
def test_any_text_has_a_value_or_an_expression_error(text: str) -> None:
    try:
        evaluate(text, Scope(items=({"x": text},)))
    except ExpressionError as error:
        assert error.render()


@settings(max_examples=400)
@given(NAMES, st.lists(JSON, max_size=4), st.integers())
def test_any_call_has_a_value_or_an_expression_error(name: str, arguments: list[Any], seed: int) -> None:
    _call(name, arguments, seed)


@settings(max_examples=400)
@given(
    st.sampled_from([function for function in all_functions() if function.parameters]),
    st.data(),
)
def test_arguments_of_the_declared_types_have_a_value_or_an_expression_error(function: Any, data: Any) -> None:
    by_type = {
        "String": st.sampled_from(
            ["2024-02-29T12:00:00Z", "Day", "UTC", "yyyy 'x", "<a b='1'>x</a>", "a,b", "YWI=", "d"]
        )
        | st.text(max_size=6),
        "Integer": INTEGERS | st.integers(-3, 3),
        "Float": st.floats(),
        "Boolean": st.booleans(),
        "Null": st.none(),
        "Array": st.lists(JSON, max_size=3),
        "Object": st.dictionaries(st.text(max_size=3), JSON, max_size=3),
    }
    arguments = [
        data.draw(st.one_of([by_type[name] for name in sorted(parameter.types)])) for parameter in function.parameters
    ]
    _call(function.name, arguments, 1)


def _call(name: str, arguments: list[Any], seed: int) -> None:
    """Calls a function with the values of JSON as arguments, by way of `item()`."""
    nodes = tuple(Property(Call("item", (), 0), Literal(index, 0), False, 0) for index in range(len(arguments)))
    scope = Scope(
        items=(arguments,), clock=lambda: datetime(2024, 1, 1, tzinfo=UTC), random=random.Random(seed), trigger={}
    )
    try:
        json_text(evaluate_expression(Expression("", Call(name, nodes, 0)), scope))
    except ExpressionError as error:
        assert error.message


@given(FLOATS)
def test_a_double_is_written_to_be_read_back(value: float) -> None:
    assert float(float_text(value)) == value
    assert evaluate(f"@float('{float_text(value)}')", Scope()) == value


@given(JSON)
def test_json_is_written_to_be_read_back(value: Any) -> None:
    assert same(evaluate("@json(string(item()))", Scope(items=([value],))), [value])


@given(st.text(max_size=20))
def test_a_text_survives_its_encodings(text: str) -> None:
    scope = Scope(items=(text,))
    for there, back in (
        ("base64", "base64ToString"),
        ("uriComponent", "uriComponentToString"),
        ("dataUri", "dataUriToString"),
    ):
        assert evaluate(f"@{back}({there}(item()))", scope) == text


@given(st.text(max_size=20))
def test_text_that_is_escaped_stays_itself(text: str) -> None:
    assert evaluate("@" + to_text(Literal(text, 0)), Scope()) == text
    assert evaluate(text.replace("@{", "@@{") if not text.startswith("@") else f"@{text}", Scope()) == text
