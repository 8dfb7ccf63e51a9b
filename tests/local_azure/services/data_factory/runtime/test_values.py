"""Time spans, policies' defaults, parameters and variables: tables of values and exact errors."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from adfkit.local_azure.services.data_factory.runtime import RunError, VirtualClock
from adfkit.local_azure.services.data_factory.runtime.clock import TimeIsUp, within
from adfkit.local_azure.services.data_factory.runtime.parameters import initial_variables, resolve_parameters
from adfkit.local_azure.services.data_factory.runtime.policy import parse_timespan


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0.12:00:00", 43200), ("7.00:00:00", 604800), ("0.1:00:00", 3600), ("00:10:00", 600), ("1:02:03", 3723)],
)
def test_time_spans(text: str, seconds: int) -> None:
    assert parse_timespan(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "10", "1 hour", "00:10", "00:00:00", "-1:00:00"])
def test_what_is_no_time_span(text: str) -> None:
    with pytest.raises(ValueError, match="time"):
        parse_timespan(text)


@pytest.mark.parametrize(
    ("type_name", "given", "value"),
    [
        ("string", "5", "5"),
        ("String", {"a": 1}, {"a": 1}),
        ("int", "5", 5),
        ("int", 5.0, 5),
        ("float", "1.5", 1.5),
        ("bool", "True", True),
        ("array", [1], [1]),
        ("object", {"a": 1}, {"a": 1}),
        ("secureString", "s", "s"),
    ],
)
def test_parameters_take_their_type(type_name: str, given: Any, value: Any) -> None:
    resolved = resolve_parameters({"P": {"type": type_name}}, {"p": given}, "pipeline 'x'")
    assert resolved == {"P": value}
    assert type(resolved["P"]) is type(value)


@pytest.mark.parametrize(
    ("type_name", "given"),
    [("int", "five"), ("int", True), ("int", 1.5), ("float", "x"), ("bool", "yes"), ("array", "[]"), ("array", {})],
)
def test_parameters_refuse_other_types(type_name: str, given: Any) -> None:
    with pytest.raises(RunError) as caught:
        resolve_parameters({"p": {"type": type_name}}, {"p": given}, "pipeline 'x'")
    assert str(caught.value) == f"The value of parameter 'p' of pipeline 'x' is not of its type {type_name}."


def test_missing_parameters_are_all_named() -> None:
    declared = {"a": {"type": "string"}, "b": {"type": "string"}, "c": {"type": "string", "defaultValue": "d"}}
    with pytest.raises(RunError) as caught:
        resolve_parameters(declared, {"unknown": 1}, "pipeline 'x'")
    assert str(caught.value) == "Missing value for parameter 'a', 'b' of pipeline 'x': it has no default value."


def test_variables_begin_with_their_default_or_empty() -> None:
    declared = {
        "s": {"type": "String"},
        "b": {"type": "Boolean"},
        "a": {"type": "Array"},
        "d": {"type": "Array", "defaultValue": [1]},
    }
    assert initial_variables(declared) == {"s": "", "b": False, "a": [], "d": [1]}


def test_the_virtual_clock_wakes_in_order_and_ends_work_in_time() -> None:
    clock, woken = VirtualClock(), []

    async def sleeper(seconds: int) -> None:
        await clock.sleep(seconds)
        woken.append((seconds, clock.now().timestamp() - began))

    async def main() -> None:
        await asyncio.gather(sleeper(3600), sleeper(5), sleeper(60))
        with pytest.raises(TimeIsUp):
            await within(clock, 10, clock.sleep(11))

    began = clock.now().timestamp()
    asyncio.run(main())
    assert woken == [(5, 5.0), (60, 60.0), (3600, 3600.0)]
    assert clock.now().timestamp() - began == 3610
