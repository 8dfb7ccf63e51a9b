"""Targets: the resources that a run is limited to (`--target`), by URN or by name."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from adfkit.engine import urn as urns
from adfkit.engine.errors import EngineError
from adfkit.engine.state import ResourceState


class Targets:
    """Which resources a run may change; without any pattern, all of them."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        """Take patterns: a URN or the logical name of a resource, `*` in either standing for any text."""
        self._patterns = tuple(patterns)
        self._met: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def __contains__(self, urn: str) -> bool:
        """Whether the resource may be changed."""
        if not self._patterns:
            return True
        met = {pattern for pattern in self._patterns if _meets(pattern, urn)}
        self._met |= met
        return bool(met)

    def implies(self, urn: str) -> bool:
        """Whether a new resource is made though it is no target: the stack and the default providers, as in the CLI."""
        type = urns.type_of(urn)
        return urn in self or type == urns.STACK_TYPE or urns.is_default_provider(urn)

    def check_met(self) -> None:
        """Refuse a pattern that no resource has met.

        Raises:
            EngineError: the text names it.
        """
        missing = [pattern for pattern in self._patterns if pattern not in self._met]
        if missing:
            raise EngineError(f"--target: no resource of this stack has the name or URN {', '.join(missing)}.")

    def check_deletable(self, states: Iterable[ResourceState]) -> None:
        """Refuse to delete a target on which a resource that is none stands.

        Raises:
            EngineError: the text names both.
        """
        states = list(states)
        going = {state.urn for state in states if state.urn in self}
        for state in states:
            needed = sorted(going & state.needs())
            if needed and state.urn not in going:
                raise EngineError(
                    f"{needed[0]} cannot be deleted: {state.urn} depends on it, and is no target. Target both."
                )


def _meets(pattern: str, urn: str) -> bool:
    text = urn if pattern.startswith("urn:") else urns.name_of(urn)
    return fnmatchcase(text, pattern.replace("[", "[[]").replace("?", "[?]"))  # `*` alone is special
