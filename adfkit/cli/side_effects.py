"""What a change of artifacts does beside: the triggers that run and are stopped meanwhile, asked from the factory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from adfkit.preview.artifacts import TYPE

if TYPE_CHECKING:
    from adfkit.cli.platform import Platform
    from adfkit.engine import Step


def of_steps(platform: Platform, steps: Iterable[Step]) -> Mapping[str, tuple[str, ...]]:
    """The side effects of steps that change deployed artifacts, by URN."""
    from adfkit.artifacts.model import Kind
    from adfkit.artifacts.references import triggers_on
    from adfkit.artifacts.triggers import runs
    from adfkit.engine import Operation

    changing = (Operation.UPDATE, Operation.REPLACE, Operation.DELETE)
    changed = [step for step in steps if step.type == TYPE and step.operation in changing]
    if not changed:
        return {}
    deployed = platform.factory.list()
    running = {each.name for each in deployed if each.kind is Kind.TRIGGER and runs(each.properties)}
    standing = triggers_on(deployed)
    told: dict[str, tuple[str, ...]] = {}
    for step in changed:
        kind, _, name = step.name.partition("-")
        itself = [name] if kind == Kind.TRIGGER.value else []
        stopped = [each for each in itself + standing.get((Kind(kind), name.lower()), []) if each in running]
        again = "" if itself and step.operation is Operation.DELETE else ", then started again"
        if stopped:
            told[step.urn] = tuple(f"the trigger {each} is stopped{again}" for each in stopped)
    return told
