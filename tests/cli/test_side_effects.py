"""A preview tells which triggers are stopped: those that run, and stand on what changes."""

from __future__ import annotations

from typing import Any, cast

import pytest

from adfkit.artifacts.model import Artifact, Kind
from adfkit.cli.platform import Platform
from adfkit.cli.side_effects import told
from adfkit.preview.artifacts import TYPE
from adfkit.preview.report import Report, ResourceChange


class Deployed:
    """A platform whose factory has a pipeline `load` on a linked service, and triggers of it."""

    def __init__(self, **states: str) -> None:
        self._states = states

    @property
    def factory(self) -> Deployed:
        return self

    def list(self) -> list[Artifact]:
        def to(kind: Kind, name: str) -> dict[str, str]:
            return {"type": kind.reference_type, "referenceName": name}

        triggers = [
            Artifact(Kind.TRIGGER, name, {"runtimeState": state, "pipelines": [to(Kind.PIPELINE, "load")]}, "id")
            for name, state in self._states.items()
        ]
        pipeline = Artifact(Kind.PIPELINE, "Load", {"uses": to(Kind.LINKED_SERVICE, "lake")}, "id")
        return [*triggers, pipeline, Artifact(Kind.LINKED_SERVICE, "lake", {}, "id")]


AGAIN = "the trigger daily is stopped, then started again"
CASES: list[tuple[str, str, list[str]]] = [
    ("update", "linkedService-lake", [AGAIN]),
    ("update", "pipeline-load", [AGAIN]),
    ("update", "pipeline-other", []),
    ("create", "pipeline-load", []),
    ("same", "pipeline-load", []),
    ("replace", "trigger-daily", [AGAIN]),
    ("delete", "trigger-daily", ["the trigger daily is stopped"]),
    ("update", "trigger-weekly", []),
]


@pytest.mark.parametrize(("operation", "name", "expected"), CASES)
def test_the_triggers_that_run_are_told(operation: str, name: str, expected: list[str]) -> None:
    report = Report("dev", True, [ResourceChange(operation, "urn", TYPE, name)], 1.0)
    platform: Any = Deployed(daily="Started", weekly="Stopped")
    [change] = told(report, cast(Platform, platform)).changes
    assert list(change.side_effects) == expected
