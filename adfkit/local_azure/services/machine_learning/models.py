"""Runs: what a job and each of its steps are in run history."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

Kind = Literal["pipeline", "command"]
Json = dict[str, Any]

TERMINAL: Final = frozenset({"Completed", "Failed", "Canceled"})
"""Statuses that stay. https://learn.microsoft.com/python/api/azureml-core/azureml.core.run.run#azureml-core-run-run-get-status"""


@dataclass(frozen=True, slots=True)
class RunError:
    """Why a run failed: Azure's code where a service gave one, and a text that names step and cause."""

    code: str
    message: str

    def as_json(self) -> Json:
        """The `{"code", "message"}` of an error body."""
        return {"code": self.code, "message": self.message}


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `workspace` is the workspace's GUID; times are ISO 8601 in UTC.

    Attributes:
        definition: of a pipeline endpoint, deployment, component, compute, inputs and whether it goes on after a failed
            step; of a step its name in the pipeline and its compute.
        outputs: name to URI, once a step has ended.
    """

    id: str
    workspace: str
    kind: Kind
    display_name: str
    experiment: str
    status: str
    definition: Json
    created_at: str
    parent: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    error: RunError | None = None
    outputs: Json = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether the status stays."""
        return self.status in TERMINAL
