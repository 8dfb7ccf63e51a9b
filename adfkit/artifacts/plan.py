"""What deploying artifacts to a factory would change: computed first, with its reasons; the apply takes no decision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from adfkit.artifacts.factory import RUNTIME_STATE, STARTED, Factory
from adfkit.artifacts.model import Artifact, Json, Kind, canonical
from adfkit.artifacts.references import in_order
from adfkit.artifacts.sdk_model import READ_ONLY


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
    side_effects: tuple[str, ...] = ()

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
    changes += [Change(Action.DELETE, artifact, (), _stops(artifact)) for artifact in reversed(gone)]
    return changes


def apply(changes: Sequence[Change], factory: Factory) -> Iterator[Change]:
    """Carry out changes one by one, each yielded when it is done.

    Raises:
        ArtifactError: the service refused one; those before it are done, and a new plan holds the rest.
    """
    for change in changes:
        if change.action is Action.DELETE:
            factory.delete(change.artifact.kind, change.artifact.name)
        else:
            factory.put(change.artifact)
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
    return Change(Action.UPDATE, artifact, found, _stops(present)) if found else None


def _comparable(artifact: Artifact) -> Json:
    """The properties without what the service sets; of a trigger, whether it runs."""
    properties = {key: value for key, value in artifact.properties.items() if key not in READ_ONLY}
    if artifact.kind is Kind.TRIGGER and artifact.properties.get(RUNTIME_STATE) == STARTED:
        properties[RUNTIME_STATE] = STARTED
    return properties


def _stops(artifact: Artifact) -> tuple[str, ...]:
    running = artifact.kind is Kind.TRIGGER and artifact.properties.get(RUNTIME_STATE) == STARTED
    return (f"the trigger {artifact.name} is stopped meanwhile",) if running else ()
