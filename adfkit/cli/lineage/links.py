"""What links source files, runs, dataset versions and models: the tags that the steps of every run leave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

ACTIVITY = "Transform"
"""The activity that writes the data, in the pipeline of every technique."""


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model version, with the tags that the training step gave it."""

    name: str
    version: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Lineage:
    """One dataset version.

    `source` is the address of the folder of `source_files`, each with `path`, and `bytes` and `etag` where the
    technique tells them. Both are empty where the manifest is of before they were told, or is gone: `problem` then
    says so. What no tag tells is empty.
    """

    dataset: str
    version: str
    pipeline: str
    run_id: str
    technique: str
    location: str
    rows: str
    content_sha256: str
    schema_sha256: str
    code_version: str
    identical_to: str
    source: str
    source_files: tuple[Mapping[str, Any], ...]
    models: tuple[TrainedModel, ...]
    activity: str = ACTIVITY
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)


def models(versions: Iterable[tuple[str, Mapping[str, Any]]]) -> list[TrainedModel]:
    """Model versions, each given by its name and as ARM shows it."""
    return [TrainedModel(name, str(version["name"]), tags(version)) for name, version in versions]


def lineage(
    dataset: str,
    version: Mapping[str, Any],
    manifest: Mapping[str, Any] | None,
    trained: Iterable[TrainedModel],
    problem: str = "",
) -> Lineage:
    """What tags and manifest tell of a dataset version, which is given as ARM shows it."""
    told, number = tags(version), str(version["name"])
    made = manifest or {}
    return Lineage(
        dataset=dataset,
        version=number,
        pipeline=told.get("pipeline", ""),
        run_id=told.get("run_id", ""),
        technique=told.get("technique", ""),
        location=told.get("location") or str(version["properties"].get("dataUri") or ""),
        rows=told.get("rows", ""),
        content_sha256=told.get("content_sha256", ""),
        schema_sha256=told.get("schema_sha256", ""),
        code_version=told.get("code_version", ""),
        identical_to=told.get("identical_to", ""),
        source=str(made.get("source") or told.get("source", "")),
        source_files=tuple(made.get("source_files") or ()),
        models=tuple(model for model in trained if trained_on(model) == (dataset, number)),
        problem=problem,
    )


def trained_on(model: TrainedModel) -> tuple[str, str] | None:
    """The dataset and its version that a model was trained on; None where its tags tell none."""
    dataset, version = model.tags.get("dataset"), model.tags.get("dataset_version")
    return (dataset, version) if dataset and version else None


def tags(version: Mapping[str, Any]) -> dict[str, str]:
    """The tags of an asset version as ARM shows it."""
    return dict(version["properties"].get("tags") or {})
