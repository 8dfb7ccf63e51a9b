"""Runs of an ingestion for windows of its tumbling window trigger, through the official client.

A window that the trigger has a run for is run again as such, so that the trigger's own history, and what depends on it,
knows; for another the pipeline is run with the window as its parameters.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from adfkit.cli.pipeline_runs import FINAL, FIRST_DAY, POLL_SECONDS, tomorrow
from adfkit.cli.platform import Ingestion, Platform
from adfkit.cli.project import CliError
from adfkit.local_azure.services.data_factory.triggers.windows import Window, Windows

if TYPE_CHECKING:
    from azure.mgmt.datafactory.models import TriggerRun

TUMBLING = "TumblingWindowTrigger"
MOST_WINDOWS = 1000
UNFINISHED = frozenset({"Waiting", "WaitingOnDependency", "Inprogress", "InProgress", "Running"})


@dataclass(frozen=True, slots=True)
class WindowRun:
    """A window and its run. `action` is `created`, `rerun`, or `awaited` where it was under way already."""

    window_start: str
    window_end: str
    action: str
    status: str
    run_id: str | None
    rows: int | None
    dataset_version: str | None
    seconds: float | None
    message: str | None

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Trigger:
    """A tumbling window trigger: its windows, and how many of them run at once."""

    name: str
    windows: Windows
    max_concurrency: int


def trigger_of(platform: Platform, ingestion: Ingestion) -> Trigger:
    """The trigger of an ingestion.

    Raises:
        CliError: it has none with windows.
    """
    properties = platform.factory.triggers.get(ingestion.name)
    if properties is None or properties.get("type") != TUMBLING:
        raise CliError(
            f"the ingestion '{ingestion.name}' has no tumbling window trigger, so it has no windows: give it one as "
            f"`trigger:` in stacks/Pulumi.{platform.stack}.yaml and run `adfkit up --stack {platform.stack}`."
        )
    settings = properties["typeProperties"]
    start = _read(settings["startTime"])
    windows = Windows(str(settings["frequency"]), int(settings["interval"]), start)
    return Trigger(ingestion.name, windows, int(settings["maxConcurrency"]))


def between(trigger: Trigger, start: datetime, end: datetime) -> list[Window]:
    """The windows that lie wholly between two times, also those before the trigger's own first or after its last.

    Raises:
        CliError: there is none, or too many, or the last has not ended yet.
    """
    number = trigger.windows.number(start)
    found: list[Window] = []
    while (window := trigger.windows.window(number)) is not None and window.end <= end:
        number += 1
        if window.start >= start:
            found.append(window)
        if len(found) > MOST_WINDOWS:
            raise CliError(f"there are more than {MOST_WINDOWS} windows between {_text(start)} and {_text(end)}.")
    if not found:
        raise CliError(f"no whole window of '{trigger.name}' lies between {_text(start)} and {_text(end)}.")
    if found[-1].end > datetime.now(UTC):
        raise CliError(f"the window from {_text(found[-1].start)} has not ended yet.")
    return found


def run(
    platform: Platform,
    ingestion: Ingestion,
    trigger: Trigger,
    windows: Sequence[Window],
    on_left: Callable[[int], object],
) -> list[WindowRun]:
    """Run windows, the earliest first, and wait for all; `on_left` is told how many have not ended."""
    known = _by_window(platform, trigger)
    waiting = [_Work(platform, ingestion, trigger, window, known.get(window.start)) for window in windows]
    work, running = list(waiting), list[_Work]()
    while waiting or running:
        while waiting and len(running) < trigger.max_concurrency:
            running.append(waiting.pop(0))
            running[-1].begin()
        time.sleep(POLL_SECONDS)
        known = _by_window(platform, trigger)
        running = [each for each in running if not each.has_ended(known.get(each.window.start))]
        on_left(len(waiting) + len(running))
    versions = {
        tags["run_id"]: (version["name"], tags)
        for version in platform.asset_versions("data", ingestion.dataset)
        if "run_id" in (tags := version["properties"].get("tags") or {})
    }
    return [each.result(*versions.get(each.run_id or "", (None, {}))) for each in work]


class _Work:
    """One window's run while it is worked on."""

    def __init__(
        self, platform: Platform, ingestion: Ingestion, trigger: Trigger, window: Window, latest: TriggerRun | None
    ) -> None:
        self._platform = platform
        self._place = (platform.output("resource_group"), platform.output("factory"))
        self._ingestion = ingestion
        self._trigger = trigger
        self._before = latest
        self.window = window
        self.run_id: str | None = None
        self._status, self._message = "", ""
        self._seconds: float | None = None
        under_way = latest is not None and latest.status in UNFINISHED
        self._action = "created" if latest is None else "awaited" if under_way else "rerun"

    def begin(self) -> None:
        client = self._platform.data_factory
        if self._action == "rerun" and self._before is not None:
            client.trigger_runs.rerun(*self._place, self._trigger.name, str(self._before.trigger_run_id))
        elif self._action == "created":
            parameters = {"window_start": _text(self.window.start), "window_end": _text(self.window.end)}
            created = client.pipelines.create_run(*self._place, self._ingestion.pipeline, parameters=parameters)
            self.run_id = str(created.run_id)

    def has_ended(self, latest: TriggerRun | None) -> bool:
        """Look how it stands; `latest` is the trigger's latest run for the window."""
        if self._action != "created":
            if latest is None or self._is_old(latest) or latest.status in UNFINISHED:
                return False
            self.run_id = (latest.triggered_pipelines or {}).get(self._ingestion.pipeline)
            self._status, self._message = str(latest.status), latest.message or ""
        if self.run_id is None:  # it ended without having run
            return True
        found = self._platform.data_factory.pipeline_runs.get(*self._place, self.run_id)
        if found.status not in FINAL:
            return False
        self._status, self._message = str(found.status), found.message or ""
        if found.run_start and found.run_end:
            self._seconds = round((found.run_end - found.run_start).total_seconds(), 3)
        return True

    def result(self, version: str | None, tags: dict[str, str]) -> WindowRun:
        return WindowRun(
            window_start=_text(self.window.start),
            window_end=_text(self.window.end),
            action=self._action,
            status=self._status,
            run_id=self.run_id,
            rows=int(tags["rows"]) if "rows" in tags else None,
            dataset_version=version,
            seconds=self._seconds,
            message=self._message or None,
        )

    def _is_old(self, latest: TriggerRun) -> bool:
        return (
            self._action == "rerun"
            and self._before is not None
            and latest.trigger_run_id == self._before.trigger_run_id
        )


def _by_window(platform: Platform, trigger: Trigger) -> dict[datetime, TriggerRun]:
    """The trigger's latest run for each window, by the window's start."""
    from azure.mgmt.datafactory.models import RunFilterParameters, RunQueryFilter

    by_name = RunQueryFilter(operand="TriggerName", operator="Equals", values_property=[trigger.name])
    query = RunFilterParameters(last_updated_after=FIRST_DAY, last_updated_before=tomorrow(), filters=[by_name])
    found: dict[datetime, TriggerRun] = {}
    while True:
        page = platform.data_factory.trigger_runs.query_by_factory(
            platform.output("resource_group"), platform.output("factory"), query
        )
        for each in page.value:
            text = (each.properties or {}).get("windowStartTime")
            if text is None:
                continue
            start = _read(text)
            if start not in found or _at(found[start]) <= _at(each):
                found[start] = each
        if not page.continuation_token:
            return found
        query.continuation_token = page.continuation_token


def _at(run: TriggerRun) -> datetime:
    return run.trigger_run_timestamp or FIRST_DAY


def _read(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
