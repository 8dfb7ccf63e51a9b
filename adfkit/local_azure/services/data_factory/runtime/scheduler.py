"""Runs a block of activities in the order of their dependencies, and says how the block as a whole ended.

The rules: https://learn.microsoft.com/azure/data-factory/tutorial-pipeline-failure-error-handling
An activity runs once every dependency has ended and all are met (each by any of its conditions); it is skipped where
one is not met. A block succeeds if all its leaves did, where a skipped leaf stands for what it depends on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from adfkit.local_azure.services.data_factory.runtime.errors import ActivityError
from adfkit.local_azure.services.data_factory.runtime.outcomes import BlockOutcome, Failed, Outcome, Skipped, matches

Definition = Mapping[str, Any]
Run = Callable[[Definition], Awaitable[Outcome]]
Skip = Callable[[Definition], None]


async def run_block(activities: Sequence[Definition], run: Run, skip: Skip) -> BlockOutcome:
    """Run a block to its end; `run` executes one activity, `skip` is told of each that is not.

    Activities that stand ready run beside each other. Cancelling this cancels all that run and waits for them.
    """
    outcomes: dict[str, Outcome] = {}
    waiting = list(activities)
    running: dict[asyncio.Task[Outcome], str] = {}
    try:
        while True:
            waiting = _advance(waiting, outcomes, running, run, skip)
            if not running:
                break
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                outcomes[_key(running.pop(task))] = task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return _outcome(activities, outcomes)


def _advance(
    waiting: list[Definition],
    outcomes: dict[str, Outcome],
    running: dict[asyncio.Task[Outcome], str],
    run: Run,
    skip: Skip,
) -> list[Definition]:
    """Start what is ready and skip what can no longer run; returns what still waits."""
    moved = True
    while moved:
        moved, rest = False, []
        for definition in waiting:
            ready = _is_ready(definition, outcomes)
            if ready is None:
                rest.append(definition)
            elif ready:
                running[asyncio.ensure_future(run(definition))] = definition["name"]
            else:
                outcomes[_key(definition["name"])] = Skipped({"status": "Skipped"})
                skip(definition)
                moved = True
        waiting = rest
    return waiting


def _is_ready(definition: Definition, outcomes: Mapping[str, Outcome]) -> bool | None:
    """True to run, False to skip, None to wait on."""
    met = True
    for dependency in dependencies(definition):
        outcome = outcomes.get(_key(dependency["activity"]))
        if outcome is None:
            return None
        met = met and matches(outcome, dependency.get("dependencyConditions") or [])
    return met


def _outcome(activities: Sequence[Definition], outcomes: Mapping[str, Outcome]) -> BlockOutcome:
    by_key = {_key(activity["name"]): activity for activity in activities}
    parents = {_key(dependency["activity"]) for activity in activities for dependency in dependencies(activity)}
    failures: dict[str, ActivityError] = {}
    to_judge = [key for key in by_key if key not in parents]
    judged: set[str] = set()
    while to_judge:
        key = to_judge.pop(0)
        if key in judged:
            continue
        judged.add(key)
        outcome = outcomes[key]
        if isinstance(outcome, Failed):
            failures[by_key[key]["name"]] = outcome.error
        elif isinstance(outcome, Skipped):
            to_judge.extend(_key(dependency["activity"]) for dependency in dependencies(by_key[key]))
    return BlockOutcome(failures)


def dependencies(definition: Definition) -> Sequence[Mapping[str, Any]]:
    """An activity's `dependsOn`, empty where it has none."""
    found: Sequence[Mapping[str, Any]] = definition.get("dependsOn") or ()
    return found


def _key(name: str) -> str:
    return name.lower()
