"""Datasets and linked services that an activity cannot use: each says which, and why."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from .harness import Harness, load, refuse

LOCATION = {
    "type": "AzureBlobStorageLocation",
    "container": "landing",
    "folderPath": "in",
    "fileName": "@dataset().file",
}
LAKE = {"type": "AzureBlobStorage", "typeProperties": {"serviceEndpoint": "https://a.blob.azure.localhost/"}}


@pytest.mark.parametrize("case", load("dataset_failures.json"))
def test_a_dataset_that_cannot_be_used(case: dict[str, Any], tmp_path: Path) -> None:
    reference = {
        "referenceName": case.get("dataset", "d"),
        "type": "DatasetReference",
        "parameters": case.get("parameters", {"file": "@concat('a')"}),
    }
    properties = {"dataset": reference, "fieldList": case.get("fields", ["exists"])}
    dataset = {
        "type": case.get("type", "Binary"),
        "parameters": {"file": {"type": "string"}},
        "linkedServiceName": case.get("linked_service", {"referenceName": "lake", "type": "LinkedServiceReference"}),
        "typeProperties": {"location": case.get("location", LOCATION)},
    }
    artifacts = {
        "pipelines": {"main": {"activities": [{"name": "A", "type": "GetMetadata", "typeProperties": properties}]}},
        "datasets": {"d": dataset},
        "linkedservices": {"lake": case.get("linked", LAKE)},
    }
    harness = Harness(tmp_path / "runs.db", artifacts, respond=refuse)
    run = asyncio.run(harness.run("main"))
    error = harness.activities(run)["A"].error
    assert error
    assert error["errorCode"] == case["code"]
    assert error["message"] == case.get("message", error["message"])
    assert run.message == f"Operation on target A failed: {error['message']}"
