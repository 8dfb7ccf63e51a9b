"""What a change of artifacts does beside: the triggers that run and are stopped meanwhile, asked from the factory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from adfkit.preview.artifacts import TYPE

if TYPE_CHECKING:
    from adfkit.artifacts.model import Kind
    from adfkit.cli.platform import Platform
    from adfkit.preview.report import Report, ResourceChange

CHANGING = frozenset({"update", "replace", "delete"})


def told(report: Report, platform: Platform) -> Report:
    """The report with the side effects of its changes of deployed artifacts."""
    from adfkit.artifacts.model import Kind
    from adfkit.artifacts.references import triggers_on
    from adfkit.artifacts.triggers import runs

    if not any(_is_changing(change) for change in report.changes):
        return report
    deployed = platform.factory.list()
    running = {each.name for each in deployed if each.kind is Kind.TRIGGER and runs(each.properties)}
    standing = triggers_on(deployed)
    return replace(report, changes=[_with_effects(change, standing, running) for change in report.changes])


def _with_effects(
    change: ResourceChange, standing: Mapping[tuple[Kind, str], list[str]], running: Collection[str]
) -> ResourceChange:
    from adfkit.artifacts.model import Kind

    if not _is_changing(change):
        return change
    kind, _, name = change.name.partition("-")
    itself = [name] if kind == Kind.TRIGGER.value else []
    stopped = [each for each in itself + standing.get((Kind(kind), name.lower()), []) if each in running]
    again = "" if itself and change.operation == "delete" else ", then started again"
    return replace(change, side_effects=tuple(f"the trigger {each} is stopped{again}" for each in stopped))


def _is_changing(change: ResourceChange) -> bool:
    return change.type == TYPE and change.operation in CHANGING
