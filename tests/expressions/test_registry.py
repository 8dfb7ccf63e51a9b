"""What holds for every function of the language."""

from __future__ import annotations

import doctest
import re

import pytest

import adfkit.expressions
from adfkit.expressions import functions as package
from adfkit.expressions import references
from adfkit.expressions.functions import all_functions, find
from adfkit.expressions.functions.signatures import Function
from tests.expressions.tables import cases

# https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions
REFERENCE = """
concat endsWith guid indexOf lastIndexOf replace split startsWith substring toLower toUpper trim
contains empty first intersection join last length skip take union
and equals greater greaterOrEquals if less lessOrEquals not or
array base64 base64ToBinary base64ToString binary bool coalesce createArray dataUri dataUriToBinary dataUriToString
decodeBase64 decodeDataUri decodeUriComponent encodeUriComponent float int json string uriComponent uriComponentToBinary
uriComponentToString xml xpath
add div max min mod mul rand range sub
addDays addHours addMinutes addSeconds addToTime convertFromUtc convertTimeZone convertToUtc dayOfMonth dayOfWeek
dayOfYear formatDateTime getFutureTime getPastTime startOfDay startOfHour startOfMonth subtractFromTime ticks utcNow
pipeline activity variables item trigger dataset linkedService
""".split()  # noqa: SIM905 - read as the reference lists them


def test_every_function_of_the_reference_is_there() -> None:
    assert [name for name in REFERENCE if (function := find(name)) is None or function.name != name] == []


def test_the_table_of_functions_names_every_one() -> None:
    assert package.__doc__ is not None
    named = set(re.findall(r"`(\w+)`", package.__doc__))
    assert named == {function.name for function in all_functions()}


@pytest.fixture(scope="module")
def covered() -> tuple[set[str], set[str]]:
    """The functions that the cases get a value from, and those that they get an error from."""
    with_value: set[str] = set()
    with_error: set[str] = set()
    for case in cases():
        if case.table != "syntax" or "value" in case.expected:
            names = {name.lower() for name in references(case.expression).functions}
            (with_value if "value" in case.expected else with_error).update(names)
    return with_value, with_error


@pytest.mark.parametrize("function", all_functions(), ids=lambda function: function.name)
def test_cases_have_a_value_and_an_error(function: Function, covered: tuple[set[str], set[str]]) -> None:
    with_value, with_error = covered
    assert function.name.lower() in with_value
    if function.category != "scope":
        assert function.name.lower() in with_error


@pytest.mark.parametrize("function", all_functions(), ids=lambda function: function.name)
def test_a_declaration_is_whole(function: Function) -> None:
    assert function.usage or function.arity_message
    assert function.maximum is None or len(function.parameters) <= function.maximum
    assert function.accepts(function.minimum)
    assert not function.accepts(-1)
    assert find(function.name.swapcase()) is function
    assert "'9'" in function.arity_error(function.name, 9) or function.category == "scope" or function.name == "trim"


def test_the_example_of_the_documentation_holds() -> None:
    results = doctest.testmod(adfkit.expressions)
    assert (results.failed, results.attempted) == (0, 1)
