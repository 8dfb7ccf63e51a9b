"""What a gateway that is killed, a restart and a new package leave of an orchestration that is under way."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from azure.identity import DefaultAzureCredential

from adfkit.local_azure import daemon

ODD_WAIT = 3
"""Of the six activities of `slow_fan_out` those of odd numbers wait until the test lets them go."""


def half_done(app: Any) -> dict[str, str]:
    """Start a fan-out and wait until half of it is in its history, while the other half runs."""
    urls: dict[str, str] = app.start("slow_fan_out")

    def reached(body: dict[str, Any]) -> bool:
        done = [event for event in body.get("historyEvents", []) if event["EventType"] == "TaskCompleted"]
        return len(done) == 1 + ODD_WAIT

    app.until(urls, reached, showHistory="true")
    wait_for(lambda: Counter(app.notes())["begin 5"] == 1)
    return urls


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def check(app: Any, urls: dict[str, str]) -> None:
    """It ends well, and nothing that had ended ran twice."""
    wait_for(lambda: Counter(app.notes())["begin 5"] == 2)
    (app.folder / "go").touch()
    status = app.ended(urls)
    assert (status["runtimeStatus"], status["output"]) == ("Completed", [100, 0, 1, 4, 9, 16, 25])
    ran = Counter(app.notes())
    assert ran["square 10"] == 1
    assert [ran[f"begin {number}"] for number in range(6)] == [1, 2, 1, 2, 1, 2]
    assert [ran[f"end {number}"] for number in range(6)] == [1] * 6


def test_a_restart_of_the_app_runs_again_what_was_under_way(durable: Any) -> None:
    urls = half_done(durable)
    durable.site.cloud.arm("POST", f"{durable.site.id}/restart")
    check(durable, urls)


@pytest.mark.slow
def test_an_orchestration_outlives_a_gateway_that_is_killed(
    local_azure: Any, another_web_cloud: Any, publish_durable_app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "local"

    def start() -> None:
        daemon.start(folder)
        for name, value in daemon.environment(folder).items():
            monkeypatch.setenv(name, value)

    start()
    try:
        credential = DefaultAzureCredential()
        web = another_web_cloud(SimpleNamespace(folder=folder, environment=os.environ, credential=credential))
        notes = tmp_path / "notes"
        notes.mkdir()
        app, _ = publish_durable_app(web, notes)
        waiting = app.start("approval")
        urls = half_done(app)
        running = daemon.status(folder)
        assert running.pid
        os.kill(running.pid, signal.SIGKILL)
        wait_for(lambda: not daemon.status(folder).running)
        start()
        check(app, urls)
        app.use("raise", waiting["id"], "late", event="Approved")
        assert app.ended(waiting)["output"] == ['"late"', 9]
    finally:
        daemon.stop(folder)
