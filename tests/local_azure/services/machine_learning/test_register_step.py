"""The registering step's own function against a live workspace: runs at the same time, and the same run twice."""

from __future__ import annotations

import importlib
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from azure.ai.ml import MLClient

STEPS = Path(__file__).parents[4] / "transforms" / "machine_learning" / "steps"


def test_every_run_gets_one_version_of_its_own(client: MLClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(STEPS))
    register = importlib.import_module("register")
    name = f"concurrent-{uuid.uuid4().hex[:8]}"
    client.data.list(name="warm")  # the client makes its pipelines at the first call

    def run(run_id: str) -> tuple[str, str]:
        location = f"https://lake.blob.azure.localhost/curated/{name}/run={run_id}/"
        return run_id, register.register(client, name, location, {"run_id": run_id, "location": location})

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(run, ["a", "b", "c", "d", "a", "b", "c", "d"]))
    versions = dict(outcomes)
    assert len(set(versions.values())) == 4
    assert all(versions[run_id] == version for run_id, version in outcomes)
    listed = {data.version: data.tags["run_id"] for data in client.data.list(name=name)}
    assert listed == {version: run_id for run_id, version in versions.items()}
    assert run("a") == ("a", versions["a"])


def test_identical_content_is_a_new_version_marked_as_such(client: MLClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(STEPS))
    register = importlib.import_module("register")
    name = f"identical-{uuid.uuid4().hex[:8]}"
    for run_id, content in (("a", "1"), ("b", "2"), ("c", "1"), ("d", "1"), ("c", "1")):
        location = f"https://lake.blob.azure.localhost/curated/{name}/run={run_id}/"
        register.register(client, name, location, {"run_id": run_id, "location": location, "content_sha256": content})
    listed = {data.version: data.tags.get("identical_to") for data in client.data.list(name=name)}
    assert listed == {"1": None, "2": None, "3": "1", "4": "1"}
