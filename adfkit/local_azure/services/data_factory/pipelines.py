"""What the service checks of a pipeline before it stores it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from adfkit.expressions import ExpressionError, parse_template
from adfkit.local_azure.services.data_factory.runtime.activities.registry import ACTIVITIES
from adfkit.local_azure.services.data_factory.runtime.records import Json

CONDITIONS: Final = frozenset({"succeeded", "failed", "skipped", "completed"})
LOOPS: Final = frozenset({"ForEach", "Until"})
_BLOCKS: Final = ("activities", "ifTrueActivities", "ifFalseActivities", "defaultActivities")
Definition = Mapping[str, Any]


def problems(name: str, properties: Mapping[str, Any]) -> list[str]:
    """What is wrong with a pipeline's `properties`, in the order of its activities; empty where nothing is."""
    activities = properties.get("activities") or []
    if not isinstance(activities, list):
        return [f"The 'activities' of pipeline '{name}' must be an array."]
    found = [problem for problem in _shape(activities, "properties.activities")]
    if found:
        return found  # what follows stands on names and types
    return [
        *_names(activities),
        *_blocks(activities),
        *_activities(activities, inside=None),
        *_variables(properties, activities),
        *expression_problems(properties, "properties"),
        *_concurrency(properties),
    ]


def walk(activities: Sequence[Definition]) -> Iterator[Definition]:
    """Every activity, containers before what they hold."""
    for activity in activities:
        yield activity
        for block in blocks(activity):
            yield from walk(block)


def blocks(activity: Definition) -> Iterator[Sequence[Definition]]:
    """The blocks that a container holds."""
    properties = activity.get("typeProperties") or {}
    for key in _BLOCKS:
        if properties.get(key):
            yield properties[key]
    for case in properties.get("cases") or ():
        yield case.get("activities") or ()


def expression_problems(value: Any, path: str) -> Iterator[str]:
    """Live strings that are no expressions, each with its JSON path."""
    if isinstance(value, str):
        try:
            parse_template(value)
        except ExpressionError as error:
            yield f"{path}: {error}"
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from expression_problems(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from expression_problems(item, f"{path}[{index}]")


def _shape(activities: Any, path: str) -> Iterator[str]:
    for index, activity in enumerate(activities):
        here = f"{path}[{index}]"
        if not isinstance(activity, dict):
            yield f"{here}: an activity must be an object."
        elif not isinstance(activity.get("name"), str) or not activity["name"]:
            yield f"{here}: an activity must have a 'name'."
        elif not isinstance(activity.get("type"), str):
            yield f"{here}: the activity '{activity['name']}' must have a 'type'."
        elif not isinstance(activity.get("typeProperties", {}), dict):
            yield f"{here}: the 'typeProperties' of activity '{activity['name']}' must be an object."
        else:
            for number, block in enumerate(blocks(activity)):
                yield from _shape(block, f"{here}.block[{number}]")


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
        for block in blocks(activity):
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


def _activities(activities: Sequence[Definition], inside: str | None) -> Iterator[str]:
    for activity in activities:
        name, kind = activity["name"], activity["type"]
        known = ACTIVITIES.get(kind)
        properties = activity.get("typeProperties") or {}
        for required in known.required if known else ():
            if properties.get(required) is None:
                yield f"The activity '{name}' of type '{kind}' lacks the required property '{required}'."
        if inside and kind in LOOPS:
            yield f"The activity '{name}' of type '{kind}' cannot stand inside the loop '{inside}'."
        for block in blocks(activity):
            yield from _activities(block, activity["name"] if kind in LOOPS else inside)


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
