"""What history keeps of runs: a row a pipeline run, a row an attempt of an activity."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

Json = dict[str, Any]
RunStatus = Literal["Queued", "InProgress", "Succeeded", "Failed", "Canceling", "Cancelled"]
ActivityStatus = Literal["Queued", "InProgress", "Succeeded", "Failed", "TimedOut", "Cancelled", "Skipped"]

ENDED: Final[frozenset[str]] = frozenset({"Succeeded", "Failed", "TimedOut", "Cancelled", "Skipped"})


@dataclass(slots=True, kw_only=True)
class PipelineRun:
    """One pipeline run. `definition` is the pipeline's `properties` as they were when the run was created.

    `group` is the id of the run that a rerun, or a rerun of that, recovers; a run's own id if it is no rerun.
    """

    run_id: str
    group: str
    factory: str
    pipeline: str
    definition: Json
    parameters: Json
    secure_parameters: tuple[str, ...] = ()
    invoked_by: Json = field(default_factory=dict)
    variables: Json = field(default_factory=dict)
    return_value: Json = field(default_factory=dict)
    status: RunStatus = "Queued"
    message: str = ""
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None
    updated: datetime

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED


@dataclass(slots=True, kw_only=True)
class ActivityRun:
    """One attempt of one activity.

    Attributes:
        path: where in the run it stands: `<name>`, and below a container `<container>/<iteration or branch>/<name>`.
        attempt: 0 for the first, counted up by retries.
        state: what the activity itself wants to find again after a restart (an iteration, a child's run id).
    """

    id: str
    run_id: str
    name: str
    type: str
    path: str
    attempt: int = 0
    linked_service: str | None = None
    secure_input: bool = False
    secure_output: bool = False
    status: ActivityStatus = "InProgress"
    input: Any = None
    output: Any = None
    error: Json | None = None
    user_properties: Json = field(default_factory=dict)
    state: Json = field(default_factory=dict)
    started: datetime
    ended: datetime | None = None

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in a run, in order: `RunStarted`, `ActivityEnded`... with what and how."""

    sequence: int
    run_id: str
    time: datetime
    kind: str
    subject: str
    detail: str
