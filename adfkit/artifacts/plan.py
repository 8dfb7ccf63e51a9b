"""What deploying artifacts to a factory would change: computed first, with its reasons; the apply takes no decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from adfkit.artifacts.factory import Factory
from adfkit.artifacts.model import Artifact, Json, Kind, canonical
from adfkit.artifacts.references import in_order, triggers_on
from adfkit.artifacts.sdk_model import READ_ONLY
from adfkit.artifacts.triggers import runs


class Action(StrEnum):
    """What happens to an artifact."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where JSON differs; `old` or `new` is None where there is nothing there."""

    path: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a factory: the artifact, what is different, and what else happens along with it."""

    action: Action
    artifact: Artifact
    differences: tuple[Difference, ...] = ()
    stops: tuple[str, ...] = ()
    """The triggers that run: the artifact itself, or those that stand on it."""

    @property
    def side_effects(self) -> tuple[str, ...]:
        """What else happens, for people."""
        return tuple(f"the trigger {name} is stopped meanwhile" for name in self.stops)

    @property
    def reason(self) -> str:
        """Why it changes, for people."""
        match self.action:
            case Action.CREATE:
                return "it is not in the factory"
            case Action.DELETE:
                return "it is no longer declared"
            case _:
                return f"{', '.join(difference.path for difference in self.differences)} changed"


def plan(desired: Sequence[Artifact], deployed: Sequence[Artifact]) -> list[Change]:
    """The changes that make a factory as desired, in the order to apply them.

    What is referenced is put before what refers to it, and deleted after. What does not change is left out.

    Raises:
        ArtifactError: artifacts refer to each other in a circle.
    """
    present = {artifact.key: artifact for artifact in deployed}
    wanted = {artifact.key for artifact in desired}
    changes = [change for artifact in in_order(desired) if (change := _put(artifact, present.get(artifact.key)))]
    gone = in_order([artifact for artifact in deployed if artifact.key not in wanted])
    changes += [Change(Action.DELETE, artifact) for artifact in reversed(gone)]
    running = {each.name for each in deployed if each.kind is Kind.TRIGGER and runs(each.properties)}
    standing = triggers_on(deployed)
    return [replace(change, stops=_stops(change.artifact, standing, running)) for change in changes]


def apply(changes: Sequence[Change], factory: Factory) -> Iterator[Change]:
    """Carry out changes one by one, each yielded when it is done.

    Raises:
        ArtifactError: the service refused one; those before it are done, and a new plan holds the rest.
    """
    for change in changes:
        artifact = change.artifact
        itself = {artifact.name} if artifact.kind is Kind.TRIGGER else set()
        with factory.triggers.stopped(name for name in change.stops if name not in itself):
            if change.action is Action.DELETE:
                factory.delete(artifact.kind, artifact.name)
            else:
                factory.put(artifact)
        yield change


def differences(old: Any, new: Any, path: str = "$") -> Iterator[Difference]:
    """Where two JSON values differ, as deep as they are both objects or both arrays."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from differences(old.get(key), new.get(key), f"{path}.{key}")
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            yield from differences(before, after, f"{path}[{index}]")
    elif canonical(old) != canonical(new):
        yield Difference(path, old, new)


def _put(artifact: Artifact, present: Artifact | None) -> Change | None:
    if present is None:
        return Change(Action.CREATE, artifact)
    found = tuple(differences(_comparable(present), _comparable(artifact)))
    return Change(Action.UPDATE, artifact, found) if found else None


def _comparable(artifact: Artifact) -> Json:
    """The properties without what the service sets: whether a trigger runs is its operator's business."""
    return {key: value for key, value in artifact.properties.items() if key not in READ_ONLY}


def _stops(artifact: Artifact, standing: Mapping[tuple[Kind, str], list[str]], running: set[str]) -> tuple[str, ...]:
    names = standing.get(artifact.key, []) + ([artifact.name] if artifact.kind is Kind.TRIGGER else [])
    return tuple(name for name in names if name in running)
