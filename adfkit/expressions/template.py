"""Which strings of an artifact are live, and what is live in them.

`@f()` is an expression, `@@f()` the text `@f()`; elsewhere only `@{...}` is live, and `@@{` stands for the text `@{`. A
sole `@{...}` is interpolation too: it yields a string.
https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions#expressions
"""

from __future__ import annotations

from functools import lru_cache

from adfkit.expressions.errors import ExpressionSyntaxError
from adfkit.expressions.parser import parse_body
from adfkit.expressions.syntax import Expression, Parsed, Template, Text


@lru_cache(maxsize=8192)
def parse_template(value: str) -> Parsed:
    """What a string of an artifact means: a text, an expression, or text with expressions in it."""
    if value.startswith("@@"):
        return Text(value[1:])
    if value.startswith("@") and len(value) > 1 and value[1] != "{":
        expression = parse_body(value[1:])
        return Expression(expression.text, expression.root, 1)
    if "@{" not in value:
        return Text(value)
    return _interpolation(value)


def _interpolation(value: str) -> Parsed:
    parts: list[Text | Expression] = []
    text = ""
    position = 0
    while (start := value.find("@{", position)) >= 0:
        if start > position and value[start - 1] == "@":
            text += value[position : start - 1] + "@{"
            position = start + 2
            continue
        text += value[position:start]
        end = _end_of_segment(value, start)
        if text:
            parts.append(Text(text))
            text = ""
        expression = parse_body(value[start + 2 : end])
        parts.append(Expression(expression.text, expression.root, start + 2))
        position = end + 1
    text += value[position:]
    if text:
        parts.append(Text(text))
    return Template(tuple(parts)) if any(isinstance(part, Expression) for part in parts) else Text(text)


def _end_of_segment(value: str, start: int) -> int:
    """Where the `}` of the segment at `start` stands; braces inside quotes are text, others come in pairs."""
    quoted, depth = False, 0
    for position in range(start + 2, len(value)):
        character = value[position]
        if character == "'":
            quoted = not quoted
        elif character == "{" and not quoted:
            depth += 1
        elif character == "}" and not quoted:
            if depth == 0:
                return position
            depth -= 1
    raise ExpressionSyntaxError(
        f"The expression '{value}' is not valid: the string interpolation segment starting at position '{start}' "
        "is not "
        "terminated. Make sure that every '@{' is followed by its '}'.",
        value,
        start,
    )
