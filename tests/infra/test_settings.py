"""Bad settings: each is named with its key, its file and what is allowed, before anything is deployed."""

from __future__ import annotations

import copy
import runpy
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from infra import settings
from tests.infra.conftest import PROJECT, stack_values

FILE = "stacks/Pulumi.dev.yaml"

WINDOWS = {
    "type": "tumbling_window",
    "started": False,
    "frequency": "Hour",
    "interval": 24,
    "start_time": "2013-01-01T00:00:00Z",
}


def _trigger(settings: dict[str, Any]) -> dict[str, Any]:
    return {"adfkit:ingestions.flights.trigger": settings}


CASES: list[tuple[str, dict[str, Any], str]] = [
    (
        "unknown technique",
        {"adfkit:ingestions.flights.technique": "spark"},
        "adfkit:ingestions.flights.technique: 'spark' is not one of "
        "azure_function, durable_function, batch, databricks, data_flow",
    ),
    ("missing key", {"adfkit:storage.redundancy": None}, "adfkit:storage.redundancy: is missing"),
    ("missing section", {"adfkit:batch": None}, "adfkit:batch: is missing"),
    ("missing location", {"azure-native:location": None}, "azure-native:location: is missing"),
    ("misspelt key", {"adfkit:storage.redundency": "x"}, "adfkit:storage.redundency: is not a setting"),
    ("misspelt section", {"adfkit:storrage": {}}, "adfkit:storrage: is not a setting"),
    (
        "value out of a list",
        {"adfkit:storage.redundancy": "LRS"},
        "adfkit:storage.redundancy: 'LRS' is not one of Standard_LRS, Standard_ZRS, Standard_GRS, Standard_GZRS",
    ),
    (
        "number out of a list",
        {"adfkit:function_app.instance_memory_mb": 1024},
        "adfkit:function_app.instance_memory_mb: 1024 is not one of 512, 2048, 4096",
    ),
    (
        "number too large",
        {"adfkit:function_app.maximum_instances": 5000},
        "adfkit:function_app.maximum_instances: 5000: input should be less than or equal to 1000",
    ),
    (
        "text for a number",
        {"adfkit:batch.maximum_nodes": "many"},
        "adfkit:batch.maximum_nodes: 'many': input should be a valid integer, unable to parse string as an integer",
    ),
    (
        "name of an ingestion",
        {"adfkit:ingestions.Flights-1": {"source": "a", "transform": "a", "technique": "azure_function"}},
        "adfkit:ingestions.Flights-1: 'Flights-1' does not match ^[a-z][a-z0-9_]{0,62}$",
    ),
    (
        "no ingestion",
        {"adfkit:ingestions": {}},
        "adfkit:ingestions: is empty",
    ),
    ("trigger of no type", _trigger({}), "adfkit:ingestions.flights.trigger.type: is missing"),
    (
        "trigger of an unknown type",
        _trigger({"type": "cron"}),
        "adfkit:ingestions.flights.trigger.type: 'cron' is not one of schedule, tumbling_window, blob_event",
    ),
    (
        "setting of a trigger",
        _trigger({"type": "schedule", "started": True, "frequency": "daily", "start_time": "2026-01-01"}),
        "adfkit:ingestions.flights.trigger.frequency: 'daily' is not one of Minute, Hour, Day, Week, Month",
    ),
    (
        "whether a new trigger is started",
        _trigger({"type": "blob_event"}),
        "adfkit:ingestions.flights.trigger.started: is missing",
    ),
    (
        "window too short",
        _trigger({**WINDOWS, "frequency": "Minute", "interval": 1}),
        "adfkit:ingestions.flights.trigger: a window lasts at least 5 minutes, not 1",
    ),
    (
        "end before start",
        _trigger({**WINDOWS, "end_time": "2012-01-01T00:00:00Z"}),
        "adfkit:ingestions.flights.trigger: 'end_time' must be after 'start_time'",
    ),
    (
        "dependency on nothing",
        _trigger({**WINDOWS, "depends_on": [{"ingestion": "weather"}]}),
        "adfkit:ingestions.flights.trigger.depends_on: 'weather' is no other ingestion with a tumbling_window",
    ),
    (
        "dependency on later windows of its own",
        _trigger({**WINDOWS, "depends_on": [{"offset": "01:00:00"}]}),
        "adfkit:ingestions.flights.trigger.depends_on.0: "
        "a dependency on the trigger's own windows needs a negative 'offset'",
    ),
    (
        "offset beside a time zone",
        _trigger(
            {
                "type": "schedule",
                "started": True,
                "frequency": "Day",
                "start_time": "2026-01-01T06:00:00Z",
                "time_zone": "W. Europe Standard Time",
            }
        ),
        "adfkit:ingestions.flights.trigger: "
        "'start_time' is on the clocks of W. Europe Standard Time: leave its offset out",
    ),
    ("plain text for a section", {"adfkit:storage": "fast"}, "adfkit:storage: 'fast' is not a mapping of settings"),
    (
        "application id that nobody set",
        {"adfkit:function_app.client_id": None},
        "adfkit:function_app.client_id: is missing: the Entra application that callers of the function app ask tokens "
        "for; the comment in the file tells how to set it",
    ),
]


def _changed(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(values)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = changed
        for parent in parents:
            place = place[parent]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return changed


@pytest.mark.parametrize(("changes", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_bad_value_is_named(configure: Callable[..., Any], changes: dict[str, Any], expected: str) -> None:
    configure("dev", _changed(stack_values("dev"), changes))
    with pytest.raises(pulumi.RunError) as raised:
        settings.read()
    assert f"{FILE}: {expected}" in str(raised.value).splitlines()


def test_every_problem_is_listed_at_once(configure: Callable[..., Any]) -> None:
    changes = {"adfkit:storage.soft_delete_days": 0, "adfkit:databricks.sku": "gold"}
    configure("dev", _changed(stack_values("dev"), changes))
    with pytest.raises(pulumi.RunError) as raised:
        settings.read()
    assert str(raised.value).splitlines() == [
        f"{FILE}: adfkit:storage.soft_delete_days: 0: input should be greater than or equal to 1",
        f"{FILE}: adfkit:databricks.sku: 'gold' is not one of premium, trial",
    ]


@pytest.mark.parametrize("stack", ["local", "dev", "test", "prod"])
def test_stack_files_are_valid(configure: Callable[..., Any], stack: str) -> None:
    configure(stack, stack_values(stack))
    assert settings.read().ingestions["flights"].technique is settings.Technique.AZURE_FUNCTION


def test_nothing_is_registered_when_a_setting_is_bad(configure: Callable[..., Any]) -> None:
    program = configure("dev", _changed(stack_values("dev"), {"adfkit:databricks.sku": "gold"}))
    with pytest.raises(pulumi.RunError):
        runpy.run_path(str(PROJECT / "infra"), run_name="__main__")
    assert program.resources == []
