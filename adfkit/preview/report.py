"""The report of a change to a stack: plain data, made from the engine's steps, rendered elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

UNCHANGED = "same"
ORDER = ("delete", "replace", "update", "create")
"""What a reviewer must see first comes first."""


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """One property that differs; `path` as in `siteConfig.appSettings[2].value`. Secrets come masked."""

    path: str
    kind: str
    old: Any = None
    new: Any = None


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """What happens to one resource. `operation` is Pulumi's word: create, update, replace, delete, same."""

    operation: str
    urn: str
    type: str
    name: str
    properties: Sequence[PropertyChange] = ()
    side_effects: Sequence[str] = ()
    """What else happens, as in `the trigger daily is stopped, then started again`."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that happens to a stack, as planned (`preview`) or as done."""

    stack: str
    preview: bool
    changes: Sequence[ResourceChange]
    seconds: float
    outputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """Resources by operation, `same` among them."""
        return dict(Counter(change.operation for change in self.changes))

    @property
    def changed(self) -> list[ResourceChange]:
        """The resources that change: destructive operations first, then by type and name."""
        changed = [change for change in self.changes if change.operation != UNCHANGED]
        return sorted(changed, key=lambda change: (_rank(change.operation), change.type, change.name))

    def summary(self) -> str:
        """One line, as in `3 to create, 1 to update, 40 unchanged`; `no changes` where nothing changes."""
        counts = self.counts
        unchanged = counts.pop(UNCHANGED, 0)
        if not counts:
            return f"no changes ({unchanged} unchanged)"
        verb = "to {}" if self.preview else "{}d"
        parts = [f"{counts[operation]} {verb.format(operation)}" for operation in sorted(counts, key=_rank)]
        return ", ".join([*parts, f"{unchanged} unchanged"])

    def as_json(self) -> dict[str, Any]:
        """For scripts: summary, counts, and the changed resources with their properties."""
        return {
            "stack": self.stack,
            "preview": self.preview,
            "summary": self.summary(),
            "counts": self.counts,
            "changes": [
                {
                    "operation": change.operation,
                    "urn": change.urn,
                    "type": change.type,
                    "name": change.name,
                    "side_effects": list(change.side_effects),
                    "properties": [
                        {"path": item.path, "kind": item.kind, "old": item.old, "new": item.new}
                        for item in change.properties
                    ],
                }
                for change in self.changed
            ],
            "outputs": dict(self.outputs),
            "seconds": round(self.seconds, 3),
        }


def _rank(operation: str) -> int:
    return ORDER.index(operation) if operation in ORDER else len(ORDER)
