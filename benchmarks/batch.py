"""The technique batch beside the same transform reading and writing the same blobs itself; two task slots beside one.

python -m benchmarks.batch [--copies N]
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from azure.batch import BatchClient, models
from azure.identity import DefaultAzureCredential
from azure.mgmt.datafactory import DataFactoryManagementClient
from azure.mgmt.datafactory.models import RunFilterParameters
from azure.storage.blob import ContainerClient

from adfkit.cli.sample import sample_folder
from tests.whole_way import Way

TASKS = (1, 2, 4)
JOB = "adfv2-transforms"
ALONE = """
import json, sys
from azure.identity import DefaultAzureCredential
from transforms.hosts.ingestion import Request, run
print(json.dumps(run(Request.parse(json.loads(sys.argv[1])), DefaultAzureCredential(), technique="none")["measured"]))
"""


class Platform:
    """A stack of ingestions by Batch on a local Azure of its own, `flights` replicated in its lake."""

    def __init__(self, way: Way) -> None:
        self.way = way

    def deploy(self, *, nodes: int, slots: int) -> None:
        """Give the pool so many nodes and slots."""
        stack = self.way.project / "stacks/Pulumi.local.yaml"
        values = yaml.safe_load(stack.read_text("utf-8"))
        values["config"]["adfkit:batch"] |= {"maximum_nodes": nodes, "task_slots_per_node": slots}
        values["config"]["adfkit:ingestions"] = {
            f"tasks_{tasks}": {
                "source": "flights",
                "transform": "flights",
                "technique": "batch",
                "tasks": tasks,
                "machine_learning": {"call": "batch_endpoint"},
            }
            for tasks in TASKS
        }
        stack.write_text(yaml.safe_dump(values), "utf-8")
        self.way.json("up", "--yes")
        os.environ.update(self.way.json("local", "env"))
        self.outputs = self.way.json("outputs")
        self.factory = (self.outputs["resource_group"], self.outputs["factory"])
        self.client = DataFactoryManagementClient(
            DefaultAzureCredential(),
            self.outputs["subscription_id"],
            base_url=self.outputs["resource_manager"],
            credential_scopes=[self.outputs["resource_manager"].rstrip("/") + "/.default"],
        )

    def upload(self, copies: int) -> int:
        """Put the sample where it lands, its flights so many times; the number of flights."""
        with zipfile.ZipFile(sample_folder() / "flights.csv.zip") as archive:
            header, _, rows = archive.read("flights.csv").partition(b"\n")
        target = io.BytesIO()
        with (
            zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
            archive.open("flights.csv", "w", force_zip64=True) as file,
        ):
            file.write(header + b"\n")
            for _ in range(copies):
                file.write(rows)
        with ContainerClient(self.outputs["lake_blob_endpoint"], "landing", DefaultAzureCredential()) as landing:
            landing.upload_blob("flights/flights.csv.zip", target.getvalue(), overwrite=True)
            landing.upload_blob("flights/weather.csv", (sample_folder() / "weather.csv").read_bytes(), overwrite=True)
        return rows.count(b"\n") * copies

    def alone(self) -> tuple[float, int]:
        """The transform in a process of its own: its seconds, and its peak of memory."""
        lake = self.outputs["lake_blob_endpoint"].rstrip("/")
        request = {
            "ingestion": "alone",
            "transform": "flights",
            "source": f"{lake}/landing/flights/",
            "data_location": f"{lake}/curated/alone/",
            "run_id": "alone",
        }
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", ALONE, json.dumps(request)],
            cwd=self.way.project,
            capture_output=True,
            text=True,
            check=True,
        )
        return time.monotonic() - began, json.loads(done.stdout)["peak_memory_bytes"]

    def batch(self, tasks: int) -> tuple[float, float, int]:
        """A run by so many tasks: seconds of all its transform activities, of the loop over the parts, and the peak."""
        run = str(self.client.pipelines.create_run(*self.factory, f"tasks_{tasks}").run_id)
        now = datetime.now(UTC)
        window = RunFilterParameters(
            last_updated_after=now - timedelta(days=1), last_updated_before=now + timedelta(days=1)
        )
        while True:
            found = self.client.activity_runs.query_by_pipeline_run(*self.factory, run, window).value
            ended = {each.activity_name: each for each in found if each.activity_run_end}
            failed = [each.error for each in found if each.status == "Failed"]
            if failed:
                raise SystemExit(f"{failed[0]}")
            if "Transform" in ended:
                break
            time.sleep(0.5)
        while self.client.pipeline_runs.get(*self.factory, run).status == "InProgress":
            time.sleep(0.5)  # else its machine learning job would run beside what is measured next
        last, parts = ended["Transform"], ended.get("TransformParts", ended["Transform"])
        seconds = (last.activity_run_end - parts.activity_run_start).total_seconds()
        return seconds, parts.duration_in_ms / 1000, last.output["customOutput"]["measured"]["peak_memory_bytes"]

    @contextmanager
    def one_slot_taken(self) -> Iterator[None]:
        """One of the pool's slots is held by a task that sleeps."""
        id = f"sleeps-{time.time_ns()}"
        with BatchClient(self.outputs["batch_url"], DefaultAzureCredential()) as client:
            client.create_task(JOB, models.BatchTaskCreateOptions(id=id, command_line="sleep 3600"))
            while client.get_task(JOB, id).state != "running":
                time.sleep(0.2)
            try:
                yield
            finally:
                client.terminate_task(JOB, id)


def compare(platform: Platform, counts: list[int]) -> None:
    """Batch beside the transform alone."""
    platform.batch(1)  # makes the environment of the tasks
    base, peak = platform.alone()
    print("| | seconds | over alone | peak memory of one process, GB |\n|---|---:|---:|---:|")
    print(f"| alone | {base:.1f} | | {peak / 1e9:.1f} |")
    for tasks in counts:
        seconds, _, peak = platform.batch(tasks)
        print(f"| batch, tasks: {tasks} | {seconds:.1f} | {seconds / base - 1:+.0%} | {peak / 1e9:.1f} |", flush=True)


def slots(platform: Platform) -> None:
    """The same tasks on two slots, and on one of them."""
    platform.deploy(nodes=1, slots=2)
    platform.batch(1)
    tasks = TASKS[-1]
    _, two, _ = platform.batch(tasks)
    with platform.one_slot_taken():
        _, one, _ = platform.batch(tasks)
    print(f"\n{tasks} tasks of a core each: {one:.1f} s on one slot, {two:.1f} s on two, {one / two:.2f} times as fast")


def main() -> None:
    """Deploy, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=30, help="how often the sample's 336,776 flights are replicated")
    parser.add_argument("--tasks", type=int, nargs="*", default=TASKS, choices=TASKS, help="how many tasks to compare")
    parser.add_argument("--no-slots", action="store_true", help="leave out two slots beside one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="adfkit-benchmark-") as name:
        way = Way(Path(name) / "local").copy(Path(name) / "project")
        platform = Platform(way)
        try:
            platform.deploy(nodes=2, slots=1)
            print(f"{platform.upload(options.copies):,} flights\n", flush=True)
            compare(platform, options.tasks)
            if not options.no_slots:
                slots(platform)
        finally:
            way.stop()


if __name__ == "__main__":
    main()
