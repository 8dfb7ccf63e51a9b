"""Errors point at the place they are about."""

from __future__ import annotations

import pytest

from adfkit.expressions import EvaluationError, ExpressionError, ExpressionSyntaxError, Scope, evaluate, parse


@pytest.mark.parametrize(
    ("expression", "rendered"),
    [
        (
            "@concat('a', pipeline().parameters.zz)",
            "The expression 'concat('a', pipeline().parameters.zz)' cannot be evaluated because property 'zz' doesn't "
            "exist, available properties are 'name'.\n"
            "  concat('a', pipeline().parameters.zz)\n"
            "                                    ^",
        ),
        (
            "x/@{toUpper(add(1, 'a'))}",
            "The function 'add' expects its second parameter to be an integer or a decimal number. The provided value "
            "is of type 'String'.\n"
            "  toUpper(add(1, 'a'))\n"
            "          ^",
        ),
        (
            "@concat(\n\t'a',\n\tfoo('b'))",
            "The template function 'foo' is not defined or not valid.\n  \tfoo('b'))\n  \t^",
        ),
        (
            "@createArray(1)[length('abc')]",
            "The expression 'createArray(1)[length('abc')]' cannot be evaluated because array index '3' is outside "
            "bounds (0, 0) of array.\n"
            "  createArray(1)[length('abc')]\n"
            "                 ^",
        ),
    ],
)
def test_an_evaluation_error_shows_the_place(expression: str, rendered: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate(expression, Scope(parameters={"name": "x"}))
    assert caught.value.render() == rendered


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("concat('a'", 10),
        ("concat('a',, 'b')", 11),
        ("'abc", 0),
        ('concat("a")', 7),
        ("a b", 2),
        ("99999999999999999999", 0),
    ],
)
def test_a_syntax_error_has_the_position(text: str, position: int) -> None:
    with pytest.raises(ExpressionSyntaxError) as caught:
        parse(text)
    assert (caught.value.text, caught.value.position) == (text, position)


def test_without_a_place_there_is_the_message_alone() -> None:
    assert ExpressionError("Something.").render() == "Something."


def test_nesting_has_a_limit() -> None:
    with pytest.raises(ExpressionSyntaxError, match="nested more than 150 levels deep"):
        parse("not(" * 5000 + "true" + ")" * 5000)
    with pytest.raises(ExpressionSyntaxError, match="nested more than 150 levels deep"):
        parse("item()" + ".a" * 5000)


def test_a_long_chain_below_the_limit_has_a_value() -> None:
    value: object = 1
    for _ in range(140):
        value = {"a": value}
    assert evaluate("@item()" + ".a" * 140, Scope(items=(value,))) == 1
