"""A second transform, from `adfkit new transform` to its dataset: run whole, by its trigger and by backfill."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest

from tests.whole_way import Way

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]
INGESTIONS = """  adfkit:ingestions:
    orders:
      source: shop
      transform: orders
      technique: azure_function
      trigger:
        type: tumbling_window
        started: false
        frequency: Hour
        interval: 24
        start_time: "2024-01-01T00:00:00Z"
        end_time: "2024-01-02T00:00:00Z"
      machine_learning:
        call: batch_endpoint
"""
REFUSED_BY_THE_SERVICE = '    "concurrency": 0,\n    "activities": [\n'


@dataclass(frozen=True)
class Deployed:
    """The project with the new transform, as its first `up` left it."""

    way: Way
    written: list[str]
    up: dict[str, Any]

    def triggers(self) -> Any:
        """The official client's operations, and where the trigger is."""
        from azure.identity import DefaultAzureCredential
        from azure.mgmt.datafactory import DataFactoryManagementClient

        outputs = self.up["outputs"]
        client = DataFactoryManagementClient(
            DefaultAzureCredential(),
            outputs["subscription_id"],
            base_url=outputs["resource_manager"],
            credential_scopes=[outputs["resource_manager"].rstrip("/") + "/.default"],
        )
        return client.triggers, (outputs["resource_group"], outputs["factory"], "orders")

    def state(self) -> str:
        """Whether the trigger runs."""
        triggers, place = self.triggers()
        return str(triggers.get(*place).as_dict()["properties"]["runtimeState"])


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("new-transform")
    way = Way(folder / "local").copy(folder / "project")
    try:
        written = way.json("new", "transform", "orders")["files"]
        stack = way.project / "stacks/Pulumi.local.yaml"
        head, _, _ = stack.read_text(encoding="utf-8").partition("  adfkit:ingestions:\n")
        stack.write_text(head + INGESTIONS, encoding="utf-8")
        made = Deployed(way, written, way.json("up", "--yes"))
        with mock.patch.dict(os.environ, way.json("local", "env")):
            yield made
    finally:
        way.stop()


def test_the_new_transform_passes_its_own_tests(deployed: Deployed) -> None:
    assert "transforms/orders/transform.py" in deployed.written
    assert "tests/transforms/orders/test_transform.py" in deployed.written
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/transforms/orders"],
        cwd=deployed.way.project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout


def test_a_name_that_is_taken_or_none_is_refused(deployed: Deployed) -> None:
    assert "transforms/flights" in deployed.way.refused("new", "transform", "flights")
    assert "can be no transform's name" in deployed.way.refused("new", "transform", "Orders-2")


def test_after_up_it_runs(deployed: Deployed) -> None:
    run = deployed.way.json("run", "orders")
    assert (run["status"], run["dataset_version"]) == ("Succeeded", "1")


def test_its_trigger_and_a_backfill_run_its_windows(deployed: Deployed) -> None:
    triggers, place = deployed.triggers()
    assert deployed.state() == "Stopped"
    triggers.begin_start(*place).result()
    for _ in range(600):
        runs = deployed.way.json("runs")
        if len(runs) == 2 and runs[0]["status"] != "InProgress":
            break
        time.sleep(0.5)
    assert (runs[0]["status"], runs[0]["dataset_version"]) == ("Succeeded", "2")
    assert [run["window"] for run in runs] == ["2024-01-01T00:00:00Z/2024-01-02T00:00:00Z", None]
    windows = deployed.way.json("backfill", "orders", "--from", "2024-01-01", "--to", "2024-01-03")
    assert [(each["window_start"], each["action"], each["status"], each["rows"]) for each in windows] == [
        ("2024-01-01T00:00:00Z", "rerun", "Succeeded", 3),
        ("2024-01-02T00:00:00Z", "created", "Succeeded", 3),
    ]
    assert sorted(each["dataset_version"] for each in windows) == ["3", "4"]


def test_a_deployment_that_fails_leaves_the_trigger_running(deployed: Deployed) -> None:
    triggers, place = deployed.triggers()
    triggers.begin_start(*place).result()
    template = deployed.way.project / "adf_templates/pipelines/ingestion.json.j2"
    text = template.read_text(encoding="utf-8")
    template.write_text(text.replace('    "activities": [\n', REFUSED_BY_THE_SERVICE, 1), encoding="utf-8")
    [change] = deployed.way.json("preview")["changes"]
    assert (change["name"], change["operation"]) == ("pipeline-orders", "update")
    assert change["side_effects"] == ["the trigger orders is stopped, then started again"]
    assert "'concurrency' of a pipeline" in deployed.way.refused("up", "--yes")
    assert deployed.state() == "Started"
    template.write_text(text.replace("A location of its own", "Its own location"), encoding="utf-8")
    assert deployed.way.json("up", "--yes")["counts"]["update"] == 1
    assert deployed.state() == "Started"
