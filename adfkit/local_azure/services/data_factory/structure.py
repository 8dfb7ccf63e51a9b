"""The structure of a pipeline's JSON: activities, and the blocks that containers hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

Definition = Mapping[str, Any]
BLOCK_KEYS: Final = ("activities", "ifTrueActivities", "ifFalseActivities", "defaultActivities", "cases")
"""The type properties in which containers hold activities."""


def blocks(activity: Definition) -> Iterator[tuple[str, Sequence[Definition]]]:
    """The blocks that a container holds, each with its JSON path below the activity."""
    properties = activity.get("typeProperties") or {}
    for key in BLOCK_KEYS[:-1]:
        if properties.get(key):
            yield f"typeProperties.{key}", properties[key]
    for index, case in enumerate(properties.get("cases") or ()):
        yield f"typeProperties.cases[{index}].activities", case.get("activities") or ()


def walk(activities: Sequence[Definition]) -> Iterator[Definition]:
    """Every activity, containers before what they hold."""
    for activity in activities:
        yield activity
        for _, block in blocks(activity):
            yield from walk(block)
