"""What runs of ingestions made, side by side: the way to see that every technique gives the same dataset."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from adfkit.cli import pipeline_runs
from adfkit.cli.project import CliError

if TYPE_CHECKING:
    from azure.mgmt.datafactory.models import PipelineRun

    from adfkit.cli.platform import Ingestion, Platform

TRANSFORM = "Transform"
"""The activity with which the data of every pipeline is complete."""
HASH_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Made:
    """What a run made.

    `transform_seconds` is from the run's start to the end of its transform; `peak_memory_bytes` is what the transform's
    processes measured of themselves, None where the technique leaves that to a service.
    """

    run: dict[str, Any]
    dataset: dict[str, Any] | None
    model: dict[str, Any] | None
    transform_seconds: float | None
    peak_memory_bytes: int | None

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)

    def tag(self, name: str) -> str:
        """A tag of the dataset version, empty where there is none."""
        return str(self.dataset["tags"].get(name, "")) if self.dataset else ""


def collect(platform: Platform, ingestion: Ingestion, run: PipelineRun) -> Made:
    """Ask the services for what a run of the ingestion made.

    Raises:
        CliError: the manifest can't be read.
    """
    run_id = str(run.run_id)
    dataset = _tagged(platform, "data", ingestion.dataset, run_id)
    described = pipeline_runs.describe(platform, ingestion, run, dataset["version"] if dataset else None)
    measured = _manifest(platform, ingestion, run_id).get("measured") or {}
    return Made(
        run=described.as_json(),
        dataset=dataset,
        model=_tagged(platform, "models", ingestion.model, run_id),
        transform_seconds=_transform_seconds(platform, run),
        peak_memory_bytes=measured.get("peak_memory_bytes"),
    )


def table(results: Sequence[Made]) -> Table:
    """A row an ingestion."""
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("dataset", "version", "technique"):
        shown.add_column(heading, overflow="fold")
    shown.add_column("rows", justify="right")
    shown.add_column("content_sha256")
    shown.add_column("seconds", justify="right")
    shown.add_column("memory", justify="right")
    shown.add_column("model", overflow="fold")
    for made in results:
        name, version = (made.dataset["name"], made.dataset["version"]) if made.dataset else (made.run["ingestion"], "")
        shown.add_row(
            Text(name, style="bold green"),
            version,
            made.run["technique"],
            f"{int(made.tag('rows')):,}" if made.tag("rows") else "",
            made.tag("content_sha256")[:HASH_DIGITS],
            f"{made.transform_seconds:.1f}" if made.transform_seconds is not None else "",
            f"{made.peak_memory_bytes / 2**20:,.0f} MiB" if made.peak_memory_bytes is not None else "not told",
            _metric(made.model),
        )
    return shown


def _metric(model: dict[str, Any] | None) -> str:
    if model is None:
        return ""
    tags = model["tags"]
    metric = tags.get("metric", "")
    return f"version {model['version']}, {metric} {tags.get(metric, 'not known')} (base rate {tags.get('base_rate')})"


def _tagged(platform: Platform, kind: str, name: str, run_id: str) -> dict[str, Any] | None:
    for version in platform.asset_versions(kind, name):
        properties = version["properties"]
        tags = properties.get("tags") or {}
        if tags.get("run_id") == run_id:
            location = properties.get("dataUri") or properties.get("modelUri")
            return {"name": name, "version": version["name"], "location": location, "tags": tags}
    return None


def _manifest(platform: Platform, ingestion: Ingestion, run_id: str) -> dict[str, Any]:
    from azure.core.exceptions import HttpResponseError

    blob = platform.blobs.get_blob_client("curated", f"{ingestion.name}/run={run_id}/manifest.json")
    try:
        manifest: dict[str, Any] = json.loads(blob.download_blob().readall())
    except HttpResponseError as error:
        raise CliError(f"the manifest of run {run_id} can't be read at {blob.url}: {error.message}") from error
    return manifest


def _transform_seconds(platform: Platform, run: PipelineRun) -> float | None:
    ends = [
        activity.activity_run_end
        for activity in pipeline_runs.activity_runs(platform, str(run.run_id))
        if activity.activity_name == TRANSFORM and activity.activity_run_end
    ]
    return round((max(ends) - run.run_start).total_seconds(), 3) if ends and run.run_start else None
