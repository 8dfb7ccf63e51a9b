"""Data Factory artifacts among the resources of a change: what a reviewer reads of them is the JSON, as a diff."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TYPE = "pulumi-python:dynamic/adfkit:Artifact"
CONTEXT_LINES = 3


@dataclass(frozen=True, slots=True)
class ArtifactChange:
    """An artifact's properties before and after; None where there is none."""

    kind: str
    name: str
    before: Any
    after: Any

    def diff(self) -> str:
        """The unified diff of the JSON, keys in order, so that only what changed shows."""
        path = f"{self.kind}/{self.name}.json"
        return "\n".join(
            difflib.unified_diff(
                _lines(self.before), _lines(self.after), f"a/{path}", f"b/{path}", lineterm="", n=CONTEXT_LINES
            )
        )


def artifact_of(type: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> ArtifactChange | None:
    """The artifact that a resource is, from its inputs; None where it is none, or not known to change."""
    inputs = after or before
    if type != TYPE or inputs is None:
        return None
    return ArtifactChange(
        kind=str(inputs.get("kind")),
        name=str(inputs.get("name")),
        before=before.get("properties") if before else None,
        after=after.get("properties") if after else None,
    )


def _lines(properties: Any) -> list[str]:
    if properties is None:
        return []
    return json.dumps(properties, indent=2, sort_keys=True, ensure_ascii=False, default=str).splitlines()
