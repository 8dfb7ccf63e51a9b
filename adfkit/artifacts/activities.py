"""The activities of a pipeline: where they nest, and whether their names and dependencies hold together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from adfkit.artifacts.errors import Problem
from adfkit.artifacts.model import Artifact, Json, Kind

CONDITIONS = ("Succeeded", "Failed", "Skipped", "Completed")
CONTAINERS = ("activities", "ifTrueActivities", "ifFalseActivities", "defaultActivities")
"""Keys of an activity's `typeProperties` under which other activities stand; the cases of a Switch hold some too."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Activities that stand side by side and can depend on each other, and the JSON path of their list."""

    activities: list[Any]
    path: str


def scopes(properties: Json, path: str = "$") -> Iterator[Scope]:
    """Every list of activities of a pipeline's properties, the outer before the inner."""
    for key in CONTAINERS:
        activities = properties.get(key)
        if isinstance(activities, list):
            yield Scope(activities, f"{path}.{key}")
            for index, activity in enumerate(activities):
                inner = activity.get("typeProperties") if isinstance(activity, dict) else None
                if isinstance(inner, dict):
                    yield from scopes(inner, f"{path}.{key}[{index}].typeProperties")
    cases = properties.get("cases")
    if isinstance(cases, list):
        for index, case in enumerate(cases):
            if isinstance(case, dict):
                yield from scopes(case, f"{path}.cases[{index}]")


def check_activities(artifact: Artifact) -> Iterator[Problem]:
    """Names are unique in the pipeline, dependencies are activities beside, and none depends on itself."""
    if artifact.kind is not Kind.PIPELINE:
        return
    seen: dict[str, str] = {}
    for scope in scopes(artifact.properties):
        for index, activity in enumerate(scope.activities):
            name = activity.get("name") if isinstance(activity, dict) else None
            if isinstance(name, str):
                path = f"{scope.path}[{index}]"
                first = seen.setdefault(name.lower(), path)
                if first != path:
                    message = f"an activity named '{name}' stands at {first} already"
                    yield Problem(artifact.source, str(artifact), path, message)
        for where, message in _dependency_problems(scope):
            yield Problem(artifact.source, str(artifact), where, message)


def _dependency_problems(scope: Scope) -> Iterator[tuple[str, str]]:
    activities = [activity for activity in scope.activities if isinstance(activity, dict)]
    names = dict.fromkeys(str(activity.get("name")) for activity in activities)
    graph: dict[str, list[str]] = {name: [] for name in names}
    for index, activity in enumerate(scope.activities):
        for position, dependency in enumerate(dependencies(activity)):
            path = f"{scope.path}[{index}].dependsOn[{position}]"
            target = dependency.get("activity")
            if target not in names:
                beside = ", ".join(sorted(names.keys() - {str(activity.get("name"))})) or "none"
                yield path, f"depends on '{target}', which is no activity beside it; there are {beside}"
            else:
                graph[str(activity.get("name"))].append(str(target))
            for condition in dependency.get("dependencyConditions") or ():
                if condition not in CONDITIONS:
                    yield path, f"'{condition}' is not one of {', '.join(CONDITIONS)}"
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield scope.path, f"activities depend on each other in a circle: {' -> '.join(error.args[1])}"


def dependencies(activity: Any) -> list[Json]:
    """The entries of an activity's `dependsOn`."""
    found = activity.get("dependsOn") if isinstance(activity, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
