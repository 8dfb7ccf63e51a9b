"""Pipeline runs of the platform: started, followed, listed, each with the dataset version that it registered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from adfkit.cli.platform import Ingestion, Platform

if TYPE_CHECKING:
    from azure.mgmt.datafactory.models import ActivityRun, PipelineRun

FINAL = frozenset({"Succeeded", "Failed", "Cancelled"})
POLL_SECONDS = 0.5
FIRST_DAY = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Run:
    """One pipeline run of an ingestion. Times are ISO 8601 in UTC; `seconds` is None while it runs.

    `window` is `<start>/<end>`, None where the run is for the whole source.
    """

    run_id: str
    status: str
    ingestion: str
    technique: str
    location: str
    dataset_version: str | None
    start: str | None
    end: str | None
    seconds: float | None
    message: str | None
    window: str | None = None

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)


def start_run(platform: Platform, ingestion: Ingestion) -> str:
    """Create a run of the ingestion's pipeline; returns its run id."""
    created = platform.data_factory.pipelines.create_run(
        platform.output("resource_group"), platform.output("factory"), ingestion.pipeline
    )
    return str(created.run_id)


def follow(platform: Platform, run_id: str, on_activities: Callable[[list[ActivityRun]], None]) -> PipelineRun:
    """Wait for a run to end, telling its activity runs, in order of their start, at every poll and once at the end."""
    while True:
        run = platform.data_factory.pipeline_runs.get(
            platform.output("resource_group"), platform.output("factory"), run_id
        )
        on_activities(activity_runs(platform, run_id))
        if run.status in FINAL:
            return run
        time.sleep(POLL_SECONDS)


def activity_runs(platform: Platform, run_id: str) -> list[ActivityRun]:
    """The activity runs of a pipeline run, in order of their start."""
    from azure.mgmt.datafactory.models import RunFilterParameters

    window = RunFilterParameters(last_updated_after=FIRST_DAY, last_updated_before=tomorrow())
    found: list[ActivityRun] = []
    while True:
        page = platform.data_factory.activity_runs.query_by_pipeline_run(
            platform.output("resource_group"), platform.output("factory"), run_id, window
        )
        found += page.value
        if not page.continuation_token:
            return sorted(found, key=lambda activity: activity.activity_run_start or FIRST_DAY)
        window.continuation_token = page.continuation_token


def list_runs(platform: Platform) -> list[Run]:
    """Every run of the stack's ingestions, the newest first."""
    from azure.mgmt.datafactory.models import RunFilterParameters

    by_pipeline = {ingestion.pipeline: ingestion for ingestion in platform.ingestions.values()}
    versions = {
        name: dataset_versions(platform.asset_versions("data", ingestion.dataset))
        for name, ingestion in platform.ingestions.items()
    }
    window = RunFilterParameters(last_updated_after=FIRST_DAY, last_updated_before=tomorrow())
    runs: list[Run] = []
    while True:
        page = platform.data_factory.pipeline_runs.query_by_factory(
            platform.output("resource_group"), platform.output("factory"), window
        )
        for run in page.value:
            ingestion = by_pipeline.get(str(run.pipeline_name))
            if ingestion is not None:
                runs.append(describe(platform, ingestion, run, versions[ingestion.name].get(str(run.run_id))))
        if not page.continuation_token:
            return sorted(runs, key=lambda run: run.start or "", reverse=True)
        window.continuation_token = page.continuation_token


def describe(platform: Platform, ingestion: Ingestion, run: PipelineRun, dataset_version: str | None) -> Run:
    """A run of the service in the toolkit's words."""
    window = run.parameters or {}
    seconds = None
    if run.run_start and run.run_end:
        seconds = round((run.run_end - run.run_start).total_seconds(), 3)
    return Run(
        run_id=str(run.run_id),
        status=str(run.status),
        ingestion=ingestion.name,
        technique=ingestion.technique,
        location=f"{platform.output('lake_blob_endpoint').rstrip('/')}/curated/{ingestion.name}/run={run.run_id}/",
        dataset_version=dataset_version,
        start=run.run_start.isoformat() if run.run_start else None,
        end=run.run_end.isoformat() if run.run_end else None,
        seconds=seconds,
        message=run.message or None,
        window=f"{window['window_start']}/{window['window_end']}" if window.get("window_start") else None,
    )


def dataset_versions(versions: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Dataset versions by the run id that each is tagged with."""
    return {
        version["properties"]["tags"]["run_id"]: version["name"]
        for version in versions
        if "run_id" in (version.get("properties", {}).get("tags") or {})
    }


def tomorrow() -> datetime:
    """A time after which nothing has happened yet, whatever this machine's clock says."""
    return datetime.now(UTC) + timedelta(days=1)
