"""Artifacts with something wrong, and the exact problem of each; the table is data in `cases/`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adfkit.artifacts.errors import ArtifactError, InvalidArtifactsError
from adfkit.artifacts.model import Artifact, Kind
from adfkit.artifacts.validate import require_valid, validate

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "cases" / "invalid.json").read_text("utf-8"))


def _artifacts(case: dict[str, Any]) -> list[Artifact]:
    return [
        Artifact(Kind(kind), name, properties, f"{kind}/{name}.json")
        for kind, by_name in case["artifacts"].items()
        for name, properties in by_name.items()
    ]


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_problems_are_these(case: dict[str, Any]) -> None:
    found = [f"{problem.severity}: {problem}" for problem in validate(_artifacts(case))]
    assert found == case["problems"]


def test_errors_are_raised_together_and_warnings_returned() -> None:
    bad = Artifact(Kind.PIPELINE, "p", {"activities": [{"name": "a", "type": "Wait"}]}, "p.json")
    with pytest.raises(InvalidArtifactsError) as raised:
        require_valid([bad, Artifact(Kind.DATASET, "d", {"type": "Binary"}, "d.json")])
    assert len(raised.value.problems) == 2
    assert str(raised.value).count("\n") == 1
    spelt = Artifact(Kind.PIPELINE, "p", {"lastModified": 1}, "p.json")
    (warning,) = require_valid([spelt])
    assert str(warning) == "p.json: pipeline p: the pipeline has no 'lastModified'"


def test_a_circle_of_pipelines_is_named() -> None:
    def calls(name: str, other: str) -> Artifact:
        reference = {"referenceName": other, "type": "PipelineReference"}
        activity = {"name": "call", "type": "ExecutePipeline", "typeProperties": {"pipeline": reference}}
        return Artifact(Kind.PIPELINE, name, {"activities": [activity]}, f"{name}.json")

    with pytest.raises(ArtifactError) as raised:
        require_valid([calls("a", "b"), calls("b", "a")])
    assert str(raised.value) == "a.json: artifacts refer to each other: pipeline a -> pipeline b -> pipeline a"
