"""What expressions refer to, and what is found missing without running them."""

from __future__ import annotations

from typing import Any

import pytest

from adfkit.expressions import (
    Context,
    ExpressionSyntaxError,
    Reference,
    ReferenceKind,
    References,
    check,
    parse,
    references,
    references_of,
)

TREE = {
    "url": "@concat(pipeline().globalParameters.host, '/', activity('Look up').output.x)",
    "body": {"value": "@{variables('v')}/@{dataset().file}/@{linkedService().url}/@{pipeline()?.Parameters?.p}"},
    "more": ["@activity('Look up').error", "text", 1, "@@activity('no')", "@activity(variables('w'))"],
    "run": {"value": "@pipeline()['RunId']", "type": "Expression"},
}


def test_every_name_once_in_the_order_of_the_tree() -> None:
    assert references(TREE) == References(
        functions=("concat", "pipeline", "activity", "variables", "dataset", "linkedService"),
        activities=("Look up",),
        parameters=("p",),
        global_parameters=("host",),
        variables=("v", "w"),
        system_variables=("RunId",),
        dataset_parameters=("file",),
        linked_service_parameters=("url",),
    )


def test_a_reference_knows_its_place_and_whether_it_may_be_absent() -> None:
    found = list(references_of(parse("@not(pipeline().parameters?.a)")))
    assert Reference(ReferenceKind.PARAMETER, "a", 28 - 1, safe=True) in found
    assert Reference(ReferenceKind.FUNCTION, "not", 0) in found


def test_references_of_a_broken_expression_raise() -> None:
    with pytest.raises(ExpressionSyntaxError, match="EndOfData"):
        references({"a": ["@concat("]})


@pytest.mark.parametrize(
    ("text", "context", "message"),
    [
        (
            "@lenght('a')",
            Context(),
            "The template function 'lenght' is not defined or not valid. Did you mean 'length'?",
        ),
        (
            "@slice('a', 1)",
            Context(),
            "The template function 'slice' is not defined or not valid. Logic Apps has it, Data Factory doesn't.",
        ),
        (
            "@{split('a')}",
            Context(),
            "The function 'split' expects two parameters: the string to split as the first parameter, the separator as "
            "the second parameter. The function was invoked with '1' parameter(s).",
        ),
        (
            "@pipeline().parameters.sorce",
            Context(parameters=["source", "sink"]),
            "There is no parameter 'sorce'. Did you mean 'source'?",
        ),
        (
            "@pipeline().parameters.x",
            Context(parameters=["source", "sink"]),
            "There is no parameter 'x'. There are: source, sink.",
        ),
        ("@variables('x')", Context(variables=[]), "There is no variable 'x'. There are none."),
        (
            "@activity('Transfrom').output",
            Context(activities=["Transform"]),
            "There is no activity 'Transfrom'. Did you mean 'Transform'?",
        ),
        ("@pipeline().RunID2", Context(), "There is no system variable 'RunID2'. Did you mean 'RunId'?"),
        ("@dataset().y", Context(dataset_parameters=["name"]), "There is no dataset parameter 'y'. There are: name."),
        (
            "@item().x",
            Context(iterating=False),
            "The template function 'item' is not expected at this location.",
        ),
        (
            "@dataset().x",
            Context(unavailable=["dataset", "linkedService"]),
            "The template function 'dataset' is not expected at this location.",
        ),
        (
            "@concat('a'",
            Context(),
            "Unable to parse expression 'concat('a'': expected token 'RightParenthesis' and actual 'EndOfData'.",
        ),
    ],
)
def test_check_says_what_is_wrong(text: str, context: Context, message: str) -> None:
    problems = check({"activities": [{"url": text}]}, context, "pipeline")
    assert [(problem.path, problem.error.message) for problem in problems] == [("pipeline.activities[0].url", message)]


@pytest.mark.parametrize(
    ("tree", "context"),
    [
        ("@PIPELINE().PARAMETERS.Source", Context(parameters=["source"])),
        ("@pipeline().parameters?.nothing", Context(parameters=[])),
        ("@item().x", Context(iterating=True)),
        ("@activity(item()).output", Context(activities=[])),
        (["plain", 1, None, {"a": "@@nofunction()"}], Context()),
    ],
)
def test_check_lets_through_what_is_right(tree: Any, context: Context) -> None:
    assert check(tree, context) == []


def test_a_problem_reads_with_path_and_caret() -> None:
    (problem,) = check({"a": "@foo()"}, Context())
    assert str(problem) == "a: The template function 'foo' is not defined or not valid.\n  foo()\n  ^"
