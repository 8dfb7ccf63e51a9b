"""How an activity or a block of activities ended; classes, so that no caller compares texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from adfkit.local_azure.services.data_factory.runtime.errors import ActivityError


@dataclass(frozen=True, slots=True)
class Succeeded:
    """It did its work; `result` is what `activity('name')` yields."""

    result: dict[str, Any] = field(default_factory=dict)
    condition = "Succeeded"


@dataclass(frozen=True, slots=True)
class Failed:
    """It failed, or took too long."""

    error: ActivityError
    result: dict[str, Any] = field(default_factory=dict)
    condition = "Failed"


@dataclass(frozen=True, slots=True)
class Skipped:
    """It never ran, because of how what it depends on ended (or it is marked so while inactive)."""

    result: dict[str, Any] = field(default_factory=dict)
    condition = "Skipped"


Outcome = Succeeded | Failed | Skipped


@dataclass(frozen=True, slots=True)
class BlockOutcome:
    """How a block ended: the failures that decide, by activity name; none means that it succeeded."""

    failures: dict[str, ActivityError]

    @property
    def succeeded(self) -> bool:
        return not self.failures


def matches(outcome: Outcome, conditions: list[str]) -> bool:
    """Whether a dependency with these conditions is met; any one of them is enough."""
    wanted = {condition.lower() for condition in conditions} or {"succeeded"}
    if outcome.condition.lower() in wanted:
        return True
    return "completed" in wanted and not isinstance(outcome, Skipped)
