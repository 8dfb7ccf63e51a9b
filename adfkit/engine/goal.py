"""What the program wants of one resource: a registration, in the engine's own types."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from adfkit.engine import urn as urns
from adfkit.engine.errors import EngineError
from adfkit.engine.properties import Properties, with_secret_keys
from adfkit.engine.state import ResourceState, now

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Alias:
    """A name that the resource may have had: a whole URN, or the parts that were different."""

    urn: str = ""
    name: str = ""
    type: str = ""
    stack: str = ""
    project: str = ""
    parent: str = ""
    no_parent: bool = False


@dataclass(slots=True)
class Goal:
    """One registration."""

    urn: str
    type: str
    name: str
    custom: bool
    inputs: Properties = field(default_factory=dict)
    parent: str = ""
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    provider: str = ""
    protect: bool = False
    delete_before_replace: bool | None = None
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    aliases: list[Alias] = field(default_factory=list)
    additional_secret_outputs: list[str] = field(default_factory=list)
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    retain_on_delete: bool = False
    deleted_with: str = ""
    location: str = ""
    import_id: str = ""
    """The id of what exists already and is to be managed (the option import_)."""
    internal: bool = False
    """A resource of the engine's own, such as a default provider: in the state, and not shown."""

    def state(
        self, inputs: Properties, outputs: Properties, id: str = "", previous: ResourceState | None = None
    ) -> ResourceState:
        """The resource's state after a step; `previous` is the same resource before it."""
        changed = previous is None or previous.inputs != inputs or previous.outputs != outputs
        return ResourceState(
            urn=self.urn,
            type=self.type,
            custom=self.custom,
            id=id,
            inputs=inputs,
            outputs=with_secret_keys(outputs, self.additional_secret_outputs),
            parent=self.parent,
            dependencies=sorted(self.dependencies),
            property_dependencies={key: sorted(value) for key, value in sorted(self.property_dependencies.items())},
            provider=self.provider,
            protect=self.protect,
            additional_secret_outputs=sorted(self.additional_secret_outputs),
            custom_timeouts=self.custom_timeouts,
            retain_on_delete=self.retain_on_delete,
            deleted_with=self.deleted_with,
            ignore_changes=list(self.ignore_changes),
            replace_on_changes=list(self.replace_on_changes),
            created=previous.created if previous is not None else now(),
            modified=previous.modified if previous is not None and not changed else now(),
            extra=dict(previous.extra) if previous is not None else {},
        )


def seconds(duration: str, option: str) -> float:
    """The seconds of a duration as `5m` or `1h30m`.

    Raises:
        EngineError: it is no duration.
    """
    if not duration or _DURATION.sub("", duration):
        raise EngineError(f"{option}: {duration!r} is no duration; write it as 30s, 5m or 1h30m.")
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(duration))


def alias_urns(goal: Goal, stack: str, project: str, parent_before: str) -> list[str]:
    """The URNs under which the state may know the resource, most specific first.

    `parent_before` is the URN that its parent was found under, where that was renamed in this run: a child of a renamed
    parent is then known under the old parent's type, and under the old parent's name where its own begins with it.
    """
    own = [_alias_urn(alias, goal, stack, project) for alias in goal.aliases]
    inherited = []
    if parent_before:
        for urn in [goal.urn, *own]:
            inherited.append(_inherited(urn, goal.parent, parent_before, stack, project))
    return [urn for urn in dict.fromkeys([*own, *inherited]) if urn != goal.urn]


def _alias_urn(alias: Alias, goal: Goal, stack: str, project: str) -> str:
    if alias.urn:
        return alias.urn
    parent = "" if alias.no_parent else alias.parent or goal.parent
    return urns.create(
        alias.stack or stack, alias.project or project, parent, alias.type or goal.type, alias.name or goal.name
    )


def _inherited(urn: str, parent: str, parent_before: str, stack: str, project: str) -> str:
    name, parent_name = urns.name_of(urn), urns.name_of(parent)
    if name.startswith(parent_name):
        name = urns.name_of(parent_before) + name.removeprefix(parent_name)
    return urns.create(stack, project, parent_before, urns.type_of(urn), name)
