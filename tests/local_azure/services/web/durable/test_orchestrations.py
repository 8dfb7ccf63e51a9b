"""Orchestrations of a real app, through its own client and its management URLs."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_chain_of_activities(durable: Any) -> None:
    urls = durable.start("chain", {"text": "hello"})
    status = durable.ended(urls)
    assert status["runtimeStatus"] == "Completed"
    assert status["output"] == [{"shouted": "HELLO"}, 25, urls["id"]]
    assert status["customStatus"] == {"squared": 25}
    assert status["name"] == "chain"


def test_activities_fan_out_and_in(durable: Any) -> None:
    assert durable.ended(durable.start("fan_out"))["output"] == 30
    assert sorted(durable.notes()) == [f"square {number}" for number in range(5)]


def test_sub_orchestrations(durable: Any) -> None:
    urls = durable.start("parent")
    assert durable.ended(urls)["output"] == [30, f"{urls['id']}-child"]


def test_a_timer_fires(durable: Any) -> None:
    assert durable.ended(durable.start("timer"))["output"] is True


def test_an_external_event_wins_against_a_timer(durable: Any) -> None:
    urls = durable.start("approval")
    durable.use("raise", urls["id"], {"by": "me"}, event="Approved")
    status = durable.ended(urls)
    assert (status["runtimeStatus"], status["output"]) == ("Completed", ['{"by": "me"}', 9])


def test_an_activity_is_tried_again(durable: Any) -> None:
    assert durable.ended(durable.start("retried", 2))["output"] == ["at last", 4]
    assert durable.notes().count("flaky") == 3


def test_an_activity_that_fails_to_the_end_fails_the_orchestration(durable: Any) -> None:
    status = durable.ended(durable.start("retried", 99))
    assert status["runtimeStatus"] == "Failed"
    assert status["output"].startswith(
        "Orchestrator function 'retried' failed: Activity function 'flaky' failed: ValueError: not yet"
    )
    assert durable.notes() == ["flaky"] * 3


def test_an_orchestrator_can_catch_an_activitys_error(durable: Any) -> None:
    assert durable.ended(durable.start("caught"))["output"] == "Activity function 'flaky' failed: ValueError: not yet "


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("failing", "Orchestrator function 'failing' failed: no way"),
        ("unknown", "Orchestrator function 'unknown' failed: The function 'nobody' doesn't exist, is disabled, or is"),
        ("calls_http", "Orchestrator function 'calls_http' failed: local Azure does not support call_http"),
        (
            "dying",
            "Orchestrator function 'dying' failed: Activity function 'die' failed: Language Worker Process exited",
        ),
    ],
)
def test_what_fails_says_why(durable: Any, name: str, says: str) -> None:
    status = durable.ended(durable.start(name))
    assert status["runtimeStatus"] == "Failed"
    assert status["output"].startswith(says)


def test_an_orchestration_continues_as_new(durable: Any) -> None:
    urls = durable.start("countdown", 3)
    assert durable.ended(urls)["output"] == "lift off"
    assert durable.notes() == ["square 3", "square 2", "square 1", "square 0"]
    history = durable.status(urls, showHistory="true").json()["historyEvents"]
    assert [event["EventType"] for event in history] == ["ExecutionStarted", "TaskCompleted", "ExecutionCompleted"]


def test_entities_keep_state(durable: Any) -> None:
    urls = durable.start("counting")
    assert durable.ended(urls)["output"] == [7, 49, "no operation divide"]
    durable.use("signal", urls["id"], 3)
    assert durable.ended(durable.start("counting", id=urls["id"]))["output"][0] == 17
    assert durable.use("read", urls["id"]) == "True 17"
    assert durable.use("read", "nobody") == "False None"
