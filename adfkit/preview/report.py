"""The report of a change to a stack: plain data, made from an engine's steps, rendered elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adfkit.preview.artifacts import artifact_of

UNCHANGED = "same"
ORDER = ("delete", "replace", "update", "create")
"""What a reviewer must see first comes first."""
DESTRUCTIVE = frozenset({"delete", "replace"})

STATEFUL = frozenset(
    f"azure-native:{name}"
    for name in (
        "batch:BatchAccount",
        "databricks:Workspace",
        "datafactory:Factory",
        "keyvault:Key",
        "keyvault:Vault",
        "machinelearningservices:Workspace",
        "operationalinsights:Workspace",
        "resources:ResourceGroup",
        "storage:BlobContainer",
        "storage:StorageAccount",
    )
)
"""Types that hold what deploying them again does not bring back: data, keys, the history of runs."""


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """One property that differs; `path` as in `siteConfig.appSettings[2].value`. Secrets come masked."""

    path: str
    kind: str
    old: Any = None
    new: Any = None

    @property
    def replaces(self) -> bool:
        """Whether the resource can't change it in place."""
        return self.kind.endswith("-replace")

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {"path": self.path, "kind": self.kind, "old": self.old, "new": self.new}


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """What happens to one resource. `operation` is Pulumi's word: create, update, replace, delete, same.

    `before` and `after` are all its inputs, where it changes; secrets in them come masked.
    """

    operation: str
    urn: str
    type: str
    name: str
    properties: Sequence[PropertyChange] = ()
    side_effects: Sequence[str] = ()
    """What else happens, as in `the trigger daily is stopped, then started again`."""
    reason: str = ""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None

    @property
    def destroys_state(self) -> bool:
        """Whether what the resource holds is lost."""
        return self.operation in DESTRUCTIVE and self.type in STATEFUL

    def as_json(self) -> dict[str, Any]:
        """For scripts; `diff` is there for a Data Factory artifact."""
        artifact = artifact_of(self.type, self.before, self.after)
        return {
            "operation": self.operation,
            "urn": self.urn,
            "type": self.type,
            "name": self.name,
            "reason": self.reason,
            "destroys_state": self.destroys_state,
            "side_effects": list(self.side_effects),
            "properties": [change.as_json() for change in self.properties],
        } | ({"diff": artifact.diff()} if artifact else {})


@dataclass(frozen=True, slots=True)
class Violation:
    """A resource that breaks a policy; `level` is `mandatory`, which stops a deployment, or `advisory`."""

    policy: str
    level: str
    message: str
    urn: str = ""

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {"policy": self.policy, "level": self.level, "message": self.message, "urn": self.urn}


@dataclass(frozen=True, slots=True)
class Report:
    """All that happens to a stack, as planned (`preview`) or as done."""

    stack: str
    preview: bool
    changes: Sequence[ResourceChange]
    seconds: float
    outputs: Mapping[str, Any] = field(default_factory=dict)
    violations: Sequence[Violation] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    """What ids in values stand for, as in a role definition's GUID; renderers say it beside them."""

    @property
    def counts(self) -> dict[str, int]:
        """Resources by operation, `same` among them."""
        return dict(Counter(change.operation for change in self.changes))

    @property
    def changed(self) -> list[ResourceChange]:
        """The resources that change: lost state first, then destructive operations, then by type and name."""
        changed = [change for change in self.changes if change.operation != UNCHANGED]
        return sorted(
            changed, key=lambda change: (not change.destroys_state, _rank(change.operation), change.type, change.name)
        )

    @property
    def destructive(self) -> list[ResourceChange]:
        """The resources whose data, keys or history are lost."""
        return [change for change in self.changed if change.destroys_state]

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
        """For scripts: summary, counts, what needs care, and the changed resources with their properties."""
        return {
            "stack": self.stack,
            "preview": self.preview,
            "summary": self.summary(),
            "counts": self.counts,
            "destructive": [change.urn for change in self.destructive],
            "violations": [violation.as_json() for violation in self.violations],
            "changes": [change.as_json() for change in self.changed],
            "outputs": dict(self.outputs),
            "seconds": round(self.seconds, 3),
        }


def _rank(operation: str) -> int:
    return ORDER.index(operation) if operation in ORDER else len(ORDER)
