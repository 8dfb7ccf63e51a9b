"""Reruns: which activities of an earlier run count, so that a recovery run does not execute them again.

https://learn.microsoft.com/azure/data-factory/monitor-visually#rerun-pipelines-and-activities
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from adfkit.local_azure.services.data_factory.runtime.errors import RunError
from adfkit.local_azure.services.data_factory.runtime.records import ActivityRun, PipelineRun
from adfkit.local_azure.services.data_factory.runtime.scheduler import dependencies


@dataclass(frozen=True, slots=True)
class Recovery:
    """A rerun of a run that has ended: from an activity, from where it failed, or of everything."""

    reference: PipelineRun
    activities: Sequence[ActivityRun]
    """What history holds of the run."""
    start: str | None = None
    from_failure: bool = False

    def reused(self, definition: Mapping[str, Any], run_id: str) -> list[ActivityRun]:
        """The attempts of the earlier run that count for the new one, as its own.

        Raises:
            RunError: there is no activity of the name to start from.
        """
        names = self._names(definition.get("activities") or [])
        return [
            replace(activity, id=str(uuid4()), run_id=run_id)
            for activity in self.activities
            if activity.path.partition("/")[0] in names
        ]

    def _names(self, activities: Sequence[Mapping[str, Any]]) -> set[str]:
        """The activities of the pipeline's own block that need not run again; a container is run whole or not."""
        if self.start is None and not self.from_failure:
            return set()
        ended = {activity.path: activity.status for activity in self.activities}
        succeeded = {each["name"] for each in activities if ended.get(each["name"]) == "Succeeded"}
        again = {each["name"].lower() for each in activities if each["name"] not in succeeded}
        if self.start is not None:
            if self.start.lower() not in {each["name"].lower() for each in activities}:
                raise RunError(f"The pipeline has no activity '{self.start}' to start from.")
            again = {self.start.lower()}
        while dependents := {each["name"].lower() for each in activities if _depends(each, again)} - again:
            again |= dependents
        return {name for name in succeeded if name.lower() not in again}


def _depends(activity: Mapping[str, Any], names: set[str]) -> bool:
    return any(str(dependency.get("activity")).lower() in names for dependency in dependencies(activity))
