"""A scope from a state of JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from adfkit.expressions import Scope, StateError, evaluate, scope_from_state


def test_every_part_is_optional() -> None:
    assert evaluate("@add(1, 2)", scope_from_state({})) == 3


def test_clock_and_randomness_can_be_fixed() -> None:
    state = {"utcNow": "2024-01-31T12:00:00", "seed": 7}
    one, other = scope_from_state(state), scope_from_state(state)
    assert evaluate("@guid()", one) == evaluate("@guid()", other)
    assert one.clock() == datetime(2024, 1, 31, 12, tzinfo=UTC)


def test_an_item_may_be_null() -> None:
    assert evaluate("@item()", scope_from_state({"item": None})) is None


def test_the_innermost_loop_gives_the_item() -> None:
    scope = scope_from_state({"item": "outer"}).with_item("inner")
    assert (evaluate("@item()", scope), scope.items) == ("inner", ("outer", "inner"))


def test_two_guids_differ() -> None:
    scope = Scope()
    assert evaluate("@guid()", scope) != evaluate("@guid()", scope)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ([], "The state must be a JSON object, not list."),
        ({"parameters": {}}, "The state has the unknown key 'parameters'. It can have: pipeline, globalParameters,"),
        ({"variables": []}, "'variables' of the state must be a JSON object."),
        ({"pipeline": {"parameters": 1}}, "'pipeline.parameters' of the state must be a JSON object."),
        ({"utcNow": "today"}, "'utcNow' of the state must be an ISO 8601 time, not 'today'."),
    ],
)
def test_a_wrong_shape_is_named(state: Any, message: str) -> None:
    with pytest.raises(StateError) as caught:
        scope_from_state(state)
    assert str(caught.value).startswith(message)
