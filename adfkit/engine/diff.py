"""Differences between property bags: by structure, where the engine compares itself, and as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from adfkit.engine import paths
from adfkit.engine.events import PropertyChange
from adfkit.engine.properties import Properties, Secret, redacted
from adfkit.engine.provider import DiffKind

_REPLACING = {
    DiffKind.ADD: DiffKind.ADD_REPLACE,
    DiffKind.DELETE: DiffKind.DELETE_REPLACE,
    DiffKind.UPDATE: DiffKind.UPDATE_REPLACE,
}


def structural_diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, DiffKind]:
    """Every path at which two bags differ; a list that changed its length differs at its new or missing elements."""
    found: dict[str, DiffKind] = {}
    _compare((), old, new, found)
    return found


def _compare(path: paths.Path, old: Any, new: Any, found: dict[str, DiffKind]) -> None:
    if isinstance(old, Secret) and isinstance(new, Secret):
        if old.value != new.value:
            found[paths.render(path)] = DiffKind.UPDATE
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            if key not in old:
                found[paths.render((*path, key))] = DiffKind.ADD
            elif key not in new:
                found[paths.render((*path, key))] = DiffKind.DELETE
            else:
                _compare((*path, key), old[key], new[key], found)
    elif isinstance(old, list) and isinstance(new, list):
        for index, (one, other) in enumerate(zip(old, new, strict=False)):
            _compare((*path, index), one, other, found)
        for index in range(len(old), len(new)):
            found[paths.render((*path, index))] = DiffKind.ADD
        for index in range(len(new), len(old)):
            found[paths.render((*path, index))] = DiffKind.DELETE
    elif not _equal(old, new):
        found[paths.render(path)] = DiffKind.UPDATE


def _equal(old: Any, new: Any) -> bool:
    """Equality of JSON values: True is not 1."""
    return isinstance(old, bool) == isinstance(new, bool) and bool(old == new)


def without(detailed: Mapping[str, DiffKind], ignored: Iterable[str]) -> dict[str, DiffKind]:
    """The differences that ignoreChanges does not cover."""
    patterns = [paths.parse(one) for one in ignored]
    return {
        path: kind
        for path, kind in detailed.items()
        if not any(
            len(pattern) <= len(paths.parse(path)) and paths.covers(pattern, paths.parse(path)) for pattern in patterns
        )
    }


def forcing(detailed: Mapping[str, DiffKind], replace_on_changes: Iterable[str]) -> dict[str, DiffKind]:
    """The differences, of which those that replaceOnChanges covers force a replacement."""
    patterns = [paths.parse(one) for one in replace_on_changes]
    return {
        path: _REPLACING.get(kind, kind)
        if any(paths.covers(pattern, paths.parse(path)) for pattern in patterns)
        else kind
        for path, kind in detailed.items()
    }


def property_changes(
    detailed: Mapping[str, DiffKind], old_inputs: Properties, old_outputs: Properties, new_inputs: Properties
) -> tuple[PropertyChange, ...]:
    """The differences with their old and new values, for people."""
    changes = []
    for path, kind in sorted(detailed.items()):
        steps = paths.parse(path)
        old = paths.get(old_inputs, steps)
        if old is paths.MISSING:
            old = paths.get(old_outputs, steps)
        changes.append(PropertyChange(path, kind, _shown(old), _shown(paths.get(new_inputs, steps))))
    return tuple(changes)


def _shown(value: Any) -> Any:
    return None if value is paths.MISSING else redacted(value)
