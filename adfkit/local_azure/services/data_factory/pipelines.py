"""What the service checks of a pipeline before it stores it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from adfkit.local_azure.services.data_factory.expressions import pipeline_problems
from adfkit.local_azure.services.data_factory.runtime.activities.registry import ACTIVITIES
from adfkit.local_azure.services.data_factory.runtime.records import Json
from adfkit.local_azure.services.data_factory.shapes import PIPELINE
from adfkit.local_azure.services.data_factory.structure import Definition, blocks, walk

CONDITIONS: Final = frozenset({"succeeded", "failed", "skipped", "completed"})
LOOPS: Final = frozenset({"ForEach", "Until"})
ABSTRACT: Final = frozenset({"Container", "Execution", "Activity"})
"""Types that are classes of activities in the service's model and none themselves."""


def problems(properties: Mapping[str, Any], *, required: bool = True) -> list[str]:
    """What is wrong with a pipeline's `properties`, in the order of its activities; empty where nothing is.

    Without `required`, activities may lack what they need to run, since something else may stand in their place.
    """
    found = list(PIPELINE(properties, "properties"))
    if found:
        return found  # what follows stands on the shape
    activities = properties.get("activities") or []
    return [
        *_types(activities),
        *_names(activities),
        *_blocks(activities),
        *(_required(activities) if required else ()),
        *_loops(activities, inside=None),
        *_variables(properties, activities),
        *pipeline_problems({**properties, "activities": activities}),
        *_concurrency(properties),
    ]


def _types(activities: Sequence[Definition]) -> Iterator[str]:
    for activity in walk(activities):
        if activity["type"] in ABSTRACT:
            yield f"The activity '{activity['name']}' has the type '{activity['type']}', which is no activity."


def _names(activities: Sequence[Definition]) -> Iterator[str]:
    seen: set[str] = set()
    for activity in walk(activities):
        name = activity["name"]
        if name.lower() in seen:
            yield f"The activity name '{name}' is used more than once; names are unique within a pipeline."
        seen.add(name.lower())


def _blocks(activities: Sequence[Definition]) -> Iterator[str]:
    yield from _dependencies(activities)
    for activity in activities:
        for _, block in blocks(activity):
            yield from _blocks(block)


def _dependencies(block: Sequence[Definition]) -> Iterator[str]:
    targets = {activity["name"].lower(): activity for activity in block}
    for activity in block:
        name = activity["name"]
        for dependency in activity.get("dependsOn") or ():
            target = dependency.get("activity")
            if str(target).lower() not in targets:
                yield f"The activity '{name}' depends on '{target}', which is no activity of its block."
            for condition in dependency.get("dependencyConditions") or ():
                if str(condition).lower() not in CONDITIONS:
                    yield f"The activity '{name}' has the unknown dependency condition '{condition}'."
    yield from _cycles(targets)


def _cycles(targets: Mapping[str, Definition]) -> Iterator[str]:
    remaining = {
        key: {str(each.get("activity")).lower() for each in activity.get("dependsOn") or ()} & targets.keys()
        for key, activity in targets.items()
    }
    while free := [key for key, needed in remaining.items() if not needed & remaining.keys()]:
        for key in free:
            del remaining[key]
    if remaining:
        names = ", ".join(f"'{targets[key]['name']}'" for key in remaining)
        yield f"The activities {names} depend on each other in a circle."


def _required(activities: Sequence[Definition]) -> Iterator[str]:
    for activity in walk(activities):
        name, kind = activity["name"], activity["type"]
        known = ACTIVITIES.get(kind)
        properties = activity.get("typeProperties") or {}
        for required in known.required if known else ():
            if properties.get(required) is None:
                yield f"The activity '{name}' of type '{kind}' lacks the required property '{required}'."


def _loops(activities: Sequence[Definition], inside: str | None) -> Iterator[str]:
    for activity in activities:
        name, kind = activity["name"], activity["type"]
        if inside and kind in LOOPS:
            yield f"The activity '{name}' of type '{kind}' cannot stand inside the loop '{inside}'."
        for _, block in blocks(activity):
            yield from _loops(block, name if kind in LOOPS else inside)


def _variables(properties: Mapping[str, Any], activities: Sequence[Definition]) -> Iterator[str]:
    declared = {name.lower() for name in properties.get("variables") or {}}
    for activity in walk(activities):
        if activity["type"] in ("SetVariable", "AppendVariable"):
            type_properties: Json = activity.get("typeProperties") or {}
            name = type_properties.get("variableName")
            system = type_properties.get("setSystemVariable")
            if name is not None and not system and str(name).lower() not in declared:
                yield f"The activity '{activity['name']}' sets the undeclared variable '{name}'."


def _concurrency(properties: Mapping[str, Any]) -> Iterator[str]:
    value = properties.get("concurrency")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        yield f"The 'concurrency' of a pipeline must be a whole number of at least 1, not {value!r}."
