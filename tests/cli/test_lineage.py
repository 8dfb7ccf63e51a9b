"""Lineage of a workspace's versions: what tags and manifests tell, as a graph, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError

from adfkit.cli.data_lineage import table
from adfkit.cli.lineage import Lineage, collect, mermaid
from adfkit.cli.platform import Platform
from adfkit.cli.project import CliError

LAKE = "https://lake.blob.azure.localhost"
INGESTION = {"pipeline": "flights", "dataset": "flights", "model": "flights-delay", "source": "flights"}
MANIFEST = {
    "source": f"{LAKE}/landing/flights/",
    "source_files": [{"path": 'a "b".csv', "bytes": 12, "etag": "0x1"}, {"path": "w.csv"}],
}


def location(run: str) -> str:
    return f"{LAKE}/curated/flights/run={run}/"


def version(number: int, **tags: str) -> dict[str, Any]:
    return {"name": str(number), "properties": {"tags": tags}}


ASSETS = {
    ("data", "flights"): [
        version(10, run_id="run-ten", location=location("ten"), rows="2", identical_to="2", pipeline="flights"),
        version(2, run_id="run-two", location=location("two"), rows="2", technique="batch", pipeline="flights"),
        version(3, run_id="run-lost", location=location("lost"), rows="1", pipeline="flights"),
        version(4),
    ],
    ("models", "flights-delay"): [
        version(1, dataset="flights", dataset_version="2", roc_auc="0.7"),
        version(2, dataset="flights", dataset_version="10"),
        version(3),
        version(4, dataset="flights", dataset_version="9"),
    ],
}
BLOBS = {f"flights/run={run}/manifest.json": MANIFEST for run in ("two", "ten")}


class Blob:
    def __init__(self, path: str) -> None:
        self._path = path

    def download_blob(self) -> Blob:
        if self._path not in BLOBS:
            error = ResourceNotFoundError("gone")
            error.error_code = "BlobNotFound"  # type: ignore[attr-defined]
            raise error
        return self

    def readall(self) -> bytes:
        return json.dumps(BLOBS[self._path]).encode()


class Lake:
    def get_blob_client(self, container: str, path: str) -> Blob:
        assert container == "curated"
        return Blob(path)


class Deployed(Platform):
    @cached_property
    def blobs(self) -> Any:
        return Lake()

    def asset_versions(self, kind: str, name: str) -> Iterator[dict[str, Any]]:
        yield from ASSETS.get((kind, name), [])


@pytest.fixture
def platform() -> Platform:
    ingestions = {"flights": {**INGESTION, "technique": "batch"}}
    return Deployed("local", {"lake_blob_endpoint": LAKE, "ingestions": ingestions})


def versions(found: list[Lineage]) -> list[str]:
    return [each.version for each in found]


def test_every_version_tells_its_source_run_and_models(platform: Platform) -> None:
    found = collect(platform)
    assert versions(found) == ["2", "3", "4", "10"]
    two = found[0].as_json()
    expected: Mapping[str, Any] = {
        "pipeline": "flights",
        "run_id": "run-two",
        "activity": "Transform",
        "technique": "batch",
        "location": location("two"),
        "source": MANIFEST["source"],
        "source_files": tuple(MANIFEST["source_files"]),
        "problem": "",
    }
    assert {key: two[key] for key in expected} == expected
    assert [(model["name"], model["version"], model["tags"]["roc_auc"]) for model in two["models"]] == [
        ("flights-delay", "1", "0.7")
    ]
    assert found[1].problem == f"{location('lost')}manifest.json can't be read: BlobNotFound"
    assert found[2].problem == "no tag tells its location: it was not registered by a run"
    assert found[3].identical_to == "2"


def test_it_answers_which_data_trained_a_model(platform: Platform) -> None:
    assert versions(collect(platform, model="flights-delay:2")) == ["10"]
    assert versions(collect(platform, model="flights-delay")) == ["2", "10"]
    assert versions(collect(platform, dataset="flights:2", model="flights-delay")) == ["2"]


@pytest.mark.parametrize(
    ("dataset", "model", "says"),
    [
        ("flight", None, "the workspace has no dataset 'flight'; `adfkit lineage` lists every version."),
        ("flights:7", None, "the workspace has no dataset 'flights:7'; `adfkit lineage` lists every version."),
        ("flights:x", None, "'flights:x' is not NAME or NAME:VERSION, such as flights:3."),
        (":1", None, "':1' is not NAME or NAME:VERSION, such as flights:3."),
        (None, "flights-delay:5", "the workspace has no model 'flights-delay:5'."),
        (None, "flights-delay:3", "no tag of model 'flights-delay:3' tells which dataset it was trained on."),
        (
            None,
            "flights-delay:4",
            "model 'flights-delay:4' was trained on flights:9, which the workspace does not have any more.",
        ),
        ("flights:2", "flights-delay:2", "model 'flights-delay:2' was not trained on dataset 'flights:2'."),
    ],
)
def test_what_is_not_there_is_said(platform: Platform, dataset: str | None, model: str | None, says: str) -> None:
    with pytest.raises(CliError) as raised:
        collect(platform, dataset, model)
    assert str(raised.value) == says


def test_the_graph_leads_from_files_to_models_and_has_what_is_shared_once(platform: Platform) -> None:
    assert mermaid(collect(platform, model="flights-delay")).splitlines() == [
        "flowchart LR",
        '  run1["flights run run-two<br>Transform by batch"]',
        f'  file2["{LAKE}/landing/flights/a &quot;b&quot;.csv<br>etag 0x1"]',
        "  file2 --> run1",
        f'  file3["{LAKE}/landing/flights/w.csv"]',
        "  file3 --> run1",
        '  data4["flights:2<br>2 rows"]',
        "  run1 --> data4",
        '  model5["flights-delay:1"]',
        "  data4 --> model5",
        '  run6["flights run run-ten<br>Transform"]',
        "  file2 --> run6",
        "  file3 --> run6",
        '  data7["flights:10<br>2 rows"]',
        "  run6 --> data7",
        '  model8["flights-delay:2"]',
        "  data7 --> model8",
    ]


def test_the_table_has_a_row_a_version(platform: Platform) -> None:
    shown = table(collect(platform))
    assert shown.row_count == 4
    assert "flights:10\nidentical to 2" in [str(cell) for cell in shown.columns[0].cells]
