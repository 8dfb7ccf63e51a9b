"""The expression language of Azure Data Factory.

`evaluate` resolves a tree of JSON in a `Scope`; `parse` and `parse_template` give syntax trees; `references` and
`check` tell what an artifact uses, and what of it is missing. Errors are `ExpressionError`, in Data Factory's words.

    >>> evaluate({"path": "in/@{pipeline().parameters.name}"}, Scope(parameters={"name": "flights"}))
    {'path': 'in/flights'}

It follows https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions and, in what that
leaves open, Microsoft's own evaluator, with which `tests/conformance/expressions` compares it. It departs from it in:

- names of properties may have a hyphen, and `dataset()`, `linkedService()`, `trigger()` are there, as in Data Factory;
- functions that Logic Apps has and Data Factory's reference doesn't are unknown, `nthIndexOf()` apart;
- times are written in the culture en-US only, with a plain space before AM and PM, as .NET does on Windows;
- XML with a document type is refused, and errors of XML and the names of time zones are in other words;
- counts and intervals beyond 32 bits aren't cut to 32 bits, and half of a surrogate pair becomes U+FFFD.
"""

from __future__ import annotations

from adfkit.expressions.checks import SYSTEM_VARIABLES, Context, Problem, check
from adfkit.expressions.errors import EvaluationError, ExpressionError, ExpressionSyntaxError
from adfkit.expressions.evaluator import evaluate, evaluate_parsed, is_expression
from adfkit.expressions.functions import all_functions
from adfkit.expressions.parser import parse
from adfkit.expressions.references import Reference, ReferenceKind, References, references, references_of
from adfkit.expressions.scope import Scope
from adfkit.expressions.state import StateError, scope_from_state
from adfkit.expressions.syntax import Call, Expression, Literal, Node, Parsed, Property, Template, Text, to_text
from adfkit.expressions.template import parse_template

__all__ = [
    "SYSTEM_VARIABLES",
    "Call",
    "Context",
    "EvaluationError",
    "Expression",
    "ExpressionError",
    "ExpressionSyntaxError",
    "Literal",
    "Node",
    "Parsed",
    "Problem",
    "Property",
    "Reference",
    "ReferenceKind",
    "References",
    "Scope",
    "StateError",
    "Template",
    "Text",
    "all_functions",
    "check",
    "evaluate",
    "evaluate_parsed",
    "is_expression",
    "parse",
    "parse_template",
    "references",
    "references_of",
    "scope_from_state",
    "to_text",
]
