"""What artifacts refer to, wherever it stands in their JSON, and the order of deployment that follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from adfkit.artifacts.errors import ArtifactError
from adfkit.artifacts.model import Artifact, Kind

_KINDS = {kind.reference_type: kind for kind in Kind}
BUILT_IN = frozenset({(Kind.INTEGRATION_RUNTIME, "autoresolveintegrationruntime")})
"""What every factory has without declaring it."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to an artifact, and the JSON path where it stands, as in `$.activities[0].inputs[0]`."""

    kind: Kind
    name: str
    path: str

    @property
    def key(self) -> tuple[Kind, str]:
        """The key of the artifact that is meant."""
        return self.kind, self.name.lower()


def references(artifact: Artifact) -> list[Reference]:
    """Every reference of an artifact by a fixed name; one whose name is an expression is known at run time only."""
    return list(_walk(artifact.properties, "$"))


def _walk(value: Any, path: str) -> Iterator[Reference]:
    if isinstance(value, dict):
        kind, name = value.get("type"), value.get("referenceName")
        if isinstance(kind, str) and isinstance(name, str) and kind in _KINDS and not name.startswith("@"):
            yield Reference(_KINDS[kind], name, path)
        for key, item in value.items():
            yield from _walk(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, f"{path}[{index}]")


def triggers_on(artifacts: Iterable[Artifact]) -> dict[tuple[Kind, str], list[str]]:
    """For each artifact that triggers stand on, at any distance, the names of these triggers, sorted."""
    by_key = {artifact.key: artifact for artifact in artifacts}
    found: dict[tuple[Kind, str], set[str]] = {}
    for trigger in by_key.values():
        if trigger.kind is not Kind.TRIGGER:
            continue
        reached, pending = {trigger.key}, [trigger]
        while pending:
            keys = {reference.key for reference in references(pending.pop())} & by_key.keys() - reached
            reached |= keys
            pending += [by_key[key] for key in keys]
        for key in reached - {trigger.key}:
            found.setdefault(key, set()).add(trigger.name)
    return {key: sorted(names) for key, names in found.items()}


def in_order(artifacts: Iterable[Artifact]) -> list[Artifact]:
    """The artifacts so that each comes after all that it refers to; among equals by kind and name.

    Raises:
        ArtifactError: artifacts refer to each other in a circle; the text names them.
    """
    by_key = {artifact.key: artifact for artifact in artifacts}
    ranks = {kind: rank for rank, kind in enumerate(Kind)}
    sorter: TopologicalSorter[tuple[Kind, str]] = TopologicalSorter()
    for key, artifact in by_key.items():
        sorter.add(key, *(found.key for found in references(artifact) if found.key in by_key))
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " -> ".join(str(by_key[key]) for key in error.args[1])
        raise ArtifactError(f"{by_key[error.args[1][0]].source}: artifacts refer to each other: {circle}") from None
    ordered: list[Artifact] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda key: (ranks[key[0]], key[1]))
        ordered.extend(by_key[key] for key in ready)
        sorter.done(*ready)
    return ordered
