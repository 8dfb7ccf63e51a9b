"""The order in which transformations run, and who reads what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from adfkit.data_flows.errors import ScriptError
from adfkit.data_flows.syntax import CacheCall, Script, Transformation, walk


@dataclass(frozen=True, slots=True)
class Graph:
    """Transformations, each after what it reads: its inputs, and cached sinks that its expressions look into."""

    order: Sequence[Transformation]
    _readers: dict[str, int]

    @classmethod
    def of(cls, script: Script) -> Graph:
        """Raises ScriptError where transformations read each other in a circle, or a cached sink is not there."""
        by_name = {node.name: node for node in script.transformations}
        sorter: TopologicalSorter[str] = TopologicalSorter()
        readers: dict[str, int] = {}
        for node in script.transformations:
            sorter.add(node.name, *(reference.name for reference in node.inputs), *_caches(node, by_name))
            for reference in node.inputs:
                readers[str(reference)] = readers.get(str(reference), 0) + 1
        try:
            return cls([by_name[name] for name in sorter.static_order()], readers)
        except CycleError as error:
            raise ScriptError(f"transformations read each other: {', '.join(error.args[1])}") from error

    def readers(self, stream: str) -> int:
        """How many transformations read a stream."""
        return self._readers.get(stream, 0)


def _caches(node: Transformation, by_name: dict[str, Transformation]) -> set[str]:
    found = set()
    for argument in node.arguments:
        for part in walk(argument):
            if isinstance(part, CacheCall):
                if by_name.get(part.sink) is None or by_name[part.sink].kind != "sink":
                    raise ScriptError(f"there is no cached sink '{part.sink}'", part.line)
                found.add(part.sink)
    return found
