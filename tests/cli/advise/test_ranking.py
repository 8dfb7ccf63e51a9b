"""The order of the techniques changes with size, latency, frequency and prices, and every place says why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adfkit.cli.advise.estimates import Setup, Situation, Workload
from adfkit.cli.advise.facts import known
from adfkit.cli.advise.prices import PriceSheet
from adfkit.cli.advise.ranking import Place, rank
from adfkit.cli.advise.sample import Line, Measured, Stage

SETUP = Setup(
    instance_memory_mb=2048,
    vm_size="STANDARD_D2S_V3",
    nodes=2,
    tasks=None,
    partitions=12,
    workers=2,
    has_data_flow=True,
)


def stage(seconds: float, bytes_a_row: float) -> Stage:
    """A stage that takes so many seconds of one core a million rows."""
    line = Line(0.1, seconds / 1e6)
    return Stage(line, line, Line(1e6, bytes_a_row))


MEASURED = Measured((50_000, 200_000), 100_000_000, stage(1, 300), stage(2, 1200), stage(2, 700))
PRICES = PriceSheet(
    "2026-01-31",
    "westeurope",
    "USD",
    {
        "function_gb_second": 1.0,
        "function_execution": 1.0,
        "dbu_hour": 1.0,
        "data_flow_core_hour": 1.0,
        "machine_hour.Standard_D2s_v3": 1.0,
        "machine_hour.Standard_DS3_v2": 1.0,
    },
)


def ranked(
    rows: int,
    *,
    latency: float | None = None,
    runs_per_day: float = 1,
    prices: PriceSheet | None = None,
    measured: Measured = MEASURED,
    **setup: Any,
) -> list[Place]:
    workload = Workload(rows, latency, runs_per_day)
    return rank(Situation(measured, workload, replace(SETUP, **setup), prices))


def names(places: list[Place]) -> list[str]:
    return [place.estimate.technique for place in places]


def of(technique: str, places: list[Place]) -> Place:
    return next(place for place in places if place.estimate.technique == technique)


def test_small_data_is_a_functions() -> None:
    places = ranked(300_000)
    assert names(places)[:2] == ["azure_function", "durable_function"]
    assert places[0].reason.startswith("does it at the least billed core seconds")
    assert all(place.fits for place in places)


def test_larger_data_leaves_the_function_for_the_fan_out_and_then_for_clusters() -> None:
    assert of("azure_function", ranked(3_000_000)).reason.endswith(
        "needs function_app.instance_memory_mb: 4096 in the stack file"
    )
    larger = ranked(4_500_000)
    assert names(larger)[0] == "durable_function"
    assert "can't: would need 5.1 GiB; the largest instance has 4 GiB" in of("azure_function", larger).reason
    large = ranked(50_000_000, nodes=1)
    assert {"azure_function", "durable_function"} == set(names(large)[-2:])
    assert names(large)[0] == "data_flow"
    assert "needs batch.vm_size: Standard_D16s_v3" in of("batch", large).reason
    largest = ranked(900_000_000)
    assert of("batch", largest).reason.startswith("can't: a task would need")
    assert set(names(largest)[:2]) == {"data_flow", "databricks"}


def test_a_long_run_cannot_answer_http_in_time() -> None:
    slow = replace(MEASURED, transform=stage(600, 100), complete=stage(1, 100), read=stage(1, 100))
    places = ranked(500_000, measured=slow)
    assert "can't: would need" in of("azure_function", places).reason
    assert "its caller is answered within 230 s" in of("azure_function", places).reason
    assert of("durable_function", places).fits


def test_who_can_not_wait_gets_no_cluster() -> None:
    assert of("batch", ranked(300_000)).fits
    places = ranked(300_000, latency=60)
    assert [place.fits for place in places] == [True, True, False, False, False]
    assert "s from call to result, 60 s are asked for" in of("batch", places).reason
    at_ease, in_haste = ranked(12_000_000), ranked(12_000_000, latency=400)
    assert (names(at_ease)[0], names(in_haste)[0]) == ("batch", "databricks")


def test_who_runs_often_gets_no_cluster_that_starts_each_time() -> None:
    places = ranked(300_000, runs_per_day=500)
    assert "the next one comes after 173 s; a warm cluster or pool would help" in of("data_flow", places).reason
    assert not of("data_flow", places).fits
    seldom, often = ranked(12_000_000, runs_per_day=1), ranked(12_000_000, runs_per_day=200)
    assert (names(seldom)[0], names(often)[0]) == ("batch", "databricks")


def test_prices_decide_where_there_are_any() -> None:
    dear = replace(PRICES, prices={**PRICES.prices, "function_gb_second": 1000.0})
    assert names(ranked(300_000, prices=PRICES))[0] == "batch"
    assert names(ranked(300_000, prices=dear))[-2:] == ["azure_function", "durable_function"]
    places = ranked(300_000, prices=PRICES)
    assert places[0].reason.startswith("does it at the least cost")
    body = places[0].as_json(Workload(300_000, None, 2))
    assert body["cost_per_month"] == pytest.approx(places[0].estimate.cost * 60)


def test_without_all_prices_no_cost_is_compared() -> None:
    some = replace(PRICES, prices={"dbu_hour": 1.0})
    assert names(ranked(300_000, prices=some)) == names(ranked(300_000))
    assert ranked(300_000, prices=some)[0].estimate.cost is None


def test_a_transform_without_a_data_flow_says_so() -> None:
    place = of("data_flow", ranked(300_000, has_data_flow=False))
    assert (place.rank, place.fits) == (5, False)
    assert place.reason == "can't: the transform has no data flow in adf_templates/data_flows"


def test_without_partitions_there_is_no_fan_out() -> None:
    place = of("durable_function", ranked(300_000, partitions=1))
    assert place.reason.endswith("so that there is nothing to fan out over")


def test_every_number_stands_with_its_page() -> None:
    for technique in known().values():
        assert technique.pros
        assert technique.cons
        for fact in technique.facts.values():
            assert fact.url.startswith("https://"), (technique.technique, fact.name)
            assert fact.text
