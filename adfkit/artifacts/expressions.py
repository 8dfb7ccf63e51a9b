"""Whether the expressions of an artifact hold: their syntax, and that what they refer to is there where they stand."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from adfkit.artifacts.activities import CONTAINERS, dependencies, scopes
from adfkit.artifacts.errors import Problem
from adfkit.artifacts.model import Artifact, Json, Kind
from adfkit.expressions import Context, ExpressionSyntaxError, check, references
from adfkit.expressions.references import live_strings

OUTSIDE_PIPELINES = ("dataset", "linkedService")
"""Functions that have no meaning in a pipeline."""


def check_expressions(artifact: Artifact) -> Iterator[Problem]:
    """Problems of an artifact's expressions.

    Data flows are left out, whose scripts have a language of their own, and linked services without parameters, which
    the service takes as they are.
    """
    match artifact.kind:
        case Kind.PIPELINE:
            yield from _Pipeline(artifact).check()
        case Kind.DATASET:
            yield from _found(artifact, artifact.properties, Context(dataset_parameters=_names(artifact)), "$")
        case Kind.LINKED_SERVICE if artifact.properties.get("parameters"):
            yield from _found(artifact, artifact.properties, Context(linked_service_parameters=_names(artifact)), "$")
        case Kind.TRIGGER:
            yield from _found(artifact, artifact.properties, Context(), "$")
        case _:
            return


def _found(artifact: Artifact, tree: Any, context: Context, path: str) -> Iterator[Problem]:
    for problem in check(tree, context, path):
        yield Problem(artifact.source, str(artifact), problem.path, problem.error.render())


def _names(artifact: Artifact, key: str = "parameters") -> Collection[str]:
    found = artifact.properties.get(key)
    return tuple(found) if isinstance(found, dict) else ()


class _Pipeline:
    """Walks a pipeline: an activity sees the outputs of those that it comes after, its containers' included."""

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact
        self._all = {name.lower() for name in _inside(artifact.properties)}

    def check(self) -> Iterator[Problem]:
        properties = self._artifact.properties
        outer = {key: value for key, value in properties.items() if key != "activities"}
        yield from self._check(outer, "$", frozenset(), iterating=False)
        yield from self._scope(properties.get("activities"), "$.activities", frozenset(), iterating=False)

    def _scope(self, activities: Any, path: str, visible: frozenset[str], *, iterating: bool) -> Iterator[Problem]:
        if not isinstance(activities, list):
            return
        before = _before([each for each in activities if isinstance(each, dict)])
        for index, activity in enumerate(activities):
            if isinstance(activity, dict):
                seen = visible | before.get(str(activity.get("name")), frozenset())
                yield from self._activity(activity, f"{path}[{index}]", seen, iterating=iterating)

    def _activity(self, activity: Json, path: str, visible: frozenset[str], *, iterating: bool) -> Iterator[Problem]:
        kind, properties = activity.get("type"), activity.get("typeProperties")
        own = {key: value for key, value in activity.items() if key != "typeProperties"}
        yield from self._check(own, path, visible, iterating=iterating)
        if not isinstance(properties, dict):
            return
        own = {key: value for key, value in properties.items() if key not in (*CONTAINERS, "cases")}
        # the condition of an Until looks at what ran inside
        seen = visible | frozenset(_inside(properties)) if kind == "Until" else visible
        yield from self._check(own, f"{path}.typeProperties", seen, iterating=iterating or kind == "Filter")
        inner = iterating or kind == "ForEach"
        for key in CONTAINERS:
            yield from self._scope(properties.get(key), f"{path}.typeProperties.{key}", visible, iterating=inner)
        cases = properties.get("cases")
        for index, case in enumerate(cases if isinstance(cases, list) else ()):
            place = f"{path}.typeProperties.cases[{index}].activities"
            if isinstance(case, dict):
                yield from self._scope(case.get("activities"), place, visible, iterating=inner)

    def _check(self, tree: Any, path: str, visible: frozenset[str], *, iterating: bool) -> Iterator[Problem]:
        context = Context(
            parameters=_names(self._artifact),
            variables=_names(self._artifact, "variables"),
            iterating=iterating,
            unavailable=OUTSIDE_PIPELINES,
        )
        yield from _found(self._artifact, tree, context, path)
        seen = {name.lower() for name in visible}
        for place, text in live_strings(tree, path):
            for name in _activities(text):
                if name.lower() not in seen:
                    message = self._invisible(name, visible)
                    yield Problem(self._artifact.source, str(self._artifact), place, message)

    def _invisible(self, name: str, visible: frozenset[str]) -> str:
        if name.lower() in self._all:
            return f"the output of the activity '{name}' cannot be read here: it is not among those that ran before"
        known = f"there are {', '.join(sorted(visible))}" if visible else "there is none"
        return f"the activity '{name}' does not exist; of those that ran before, {known}"


def _activities(text: str) -> tuple[str, ...]:
    """The activities that a live string refers to; none where it is no valid expression, which is told elsewhere."""
    try:
        return references(text).activities
    except ExpressionSyntaxError:
        return ()


def _inside(properties: Json) -> Iterator[str]:
    """The names of all activities in a pipeline's or an activity's properties, however deep."""
    for scope in scopes(properties):
        for activity in scope.activities:
            if isinstance(activity, dict):
                yield str(activity.get("name"))


def _before(activities: list[Json]) -> dict[str, frozenset[str]]:
    """For each activity by name, those that it comes after, direct or not, and those inside of them.

    What ran inside a ForEach is not among them: it ran many times.
    """
    direct = {
        str(activity.get("name")): {str(dependency.get("activity")) for dependency in dependencies(activity)}
        for activity in activities
    }
    inside = {
        str(activity.get("name")): set(_inside(activity["typeProperties"]))
        for activity in activities
        if activity.get("type") != "ForEach" and isinstance(activity.get("typeProperties"), dict)
    }
    found: dict[str, frozenset[str]] = {}
    for name in direct:
        reached: set[str] = set()
        pending = list(direct[name])
        while pending:
            current = pending.pop()
            if current not in reached:
                reached.add(current)
                pending.extend(direct.get(current, ()))
        found[name] = frozenset(reached.union(*(inside.get(each, set()) for each in reached)))
    return found
