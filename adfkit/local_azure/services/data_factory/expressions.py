"""What the service checks of expressions before it stores an artifact: syntax, functions, and the names they use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from adfkit.expressions import Context, Problem, check, references
from adfkit.local_azure.services.data_factory.structure import BLOCK_KEYS, Definition, blocks

LIVE_PARTS: Final = (
    "typeProperties",
    "policy",
    "userProperties",
    "linkedServiceName",
    "pipelines",
    "inputs",
    "outputs",
)
"""The parts of an artifact or an activity whose strings are evaluated; a description is text whatever it holds."""


def artifact_problems(properties: Mapping[str, Any]) -> list[str]:
    """What is wrong with the expressions of an artifact that is no pipeline."""
    return [str(problem) for problem in _live_problems(properties, Context(system_variables=None), "properties")]


def pipeline_problems(properties: Mapping[str, Any]) -> list[str]:
    """What is wrong with the expressions of a pipeline."""
    context = Context(variables=tuple(properties.get("variables") or {}), iterating=False)
    found = list(_block_problems(properties["activities"], context, (), "properties.activities"))
    missing = [] if found else _undeclared_parameters(properties)
    return [*missing, *(str(problem) for problem in found)]


def _undeclared_parameters(properties: Mapping[str, Any]) -> list[str]:
    """One problem for all parameters that are used and not declared, as the service has it."""
    declared = {name.lower() for name in properties.get("parameters") or {}}
    live = [activity.get(part) for activity in properties["activities"] for part in LIVE_PARTS]
    missing = [name for name in references(live).parameters if name.lower() not in declared]
    names = ",".join(f"'{name}'" for name in missing)
    return [f"Missing parameter definition for {names}"] if missing else []


def _block_problems(
    activities: Sequence[Definition], context: Context, outer: tuple[str, ...], path: str
) -> Iterator[Problem]:
    by_key = {activity["name"].lower(): activity for activity in activities}
    for index, activity in enumerate(activities):
        visible = (*outer, *_ancestors(activity, by_key))
        yield from _activity_problems(activity, replace(context, activities=visible), f"{path}[{index}]")


def _activity_problems(activity: Definition, context: Context, path: str) -> Iterator[Problem]:
    kind, properties = activity["type"], activity.get("typeProperties") or {}
    own = {key: value for key, value in properties.items() if key not in BLOCK_KEYS}
    outer = tuple(context.activities or ())
    inner = replace(context, iterating=True) if kind == "ForEach" else context
    if kind == "Until":  # its condition sees what its activities did
        condition = replace(
            context, activities=(*outer, *(each["name"] for each in properties.get("activities") or ()))
        )
        yield from check(own.pop("expression", None), condition, f"{path}.typeProperties.expression")
    if kind == "Filter":
        filtered = replace(context, iterating=True)
        yield from check(own.pop("condition", None), filtered, f"{path}.typeProperties.condition")
    yield from _live_problems({**activity, "typeProperties": own}, context, path)
    for where, block in blocks(activity):
        yield from _block_problems(block, inner, outer, f"{path}.{where}")


def _live_problems(owner: Mapping[str, Any], context: Context, path: str) -> Iterator[Problem]:
    for part in LIVE_PARTS:
        if part in owner:
            yield from check(owner[part], context, f"{path}.{part}")


def _ancestors(activity: Definition, by_key: Mapping[str, Definition]) -> list[str]:
    """What has run before an activity of a block: whatever it depends on, and what those containers hold."""
    found: dict[str, list[str]] = {}
    remaining = _parents(activity)
    while remaining:
        key = remaining.pop()
        if key not in found and key in by_key:
            found[key] = [by_key[key]["name"], *_inner_names(by_key[key])]
            remaining.extend(_parents(by_key[key]))
    return [name for names in found.values() for name in names]


def _parents(activity: Definition) -> list[str]:
    return [str(each.get("activity")).lower() for each in activity.get("dependsOn") or ()]


def _inner_names(activity: Definition) -> Iterator[str]:
    if activity["type"] != "ForEach":
        for _, block in blocks(activity):
            for inner in block:
                yield inner["name"]
                yield from _inner_names(inner)
