"""Property paths such as `a.b[0]["c.d"]` and `rules[*].name`: parse, read, write, match.

Follows https://www.pulumi.com/docs/iac/concepts/resources/options/ignorechanges/ (property paths).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from adfkit.engine.errors import EngineError
from adfkit.engine.properties import Properties, Secret

Path = tuple[str | int, ...]
_TOKEN: Final = re.compile(r'\.?([^.\[\]"]+)|\[(\d+)\]|\[\*\]|\["((?:[^"\\]|\\.)*)"\]')
_PLAIN_KEY: Final = re.compile(r'[^.\[\]"]+')
MISSING: Final = object()


def parse(text: str) -> Path:
    """The keys and indexes of a path; the wildcard is the key `*`.

    Raises:
        EngineError: the text is no property path.
    """
    path: list[str | int] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise EngineError(f"{text!r} is no property path (as in a.b[0]): it goes wrong at character {position}.")
        key, index, quoted = match.groups()
        if index is not None:
            path.append(int(index))
        elif quoted is not None:
            path.append(re.sub(r"\\(.)", r"\1", quoted))
        else:
            path.append(key if key is not None else "*")
        position = match.end()
    return tuple(path)


def render(path: Iterable[str | int]) -> str:
    """The text of a path."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            escaped = part.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{escaped}"]'
    return text


def get(value: Any, path: Sequence[str | int]) -> Any:
    """The value at a path without wildcards, or `MISSING`; a secret on the way makes the result a secret."""
    for position, part in enumerate(path):
        if isinstance(value, Secret):
            inner = get(value.value, path[position:])
            return inner if inner is MISSING or isinstance(inner, Secret) else Secret(inner)
        if isinstance(value, Mapping) and str(part) in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return MISSING
    return value


def covers(pattern: Path, path: Path) -> bool:
    """Whether `path` is at, inside or around what `pattern` (with wildcards) selects."""
    return all(one in ("*", other) for one, other in zip(pattern, path, strict=False))


def keep_old(patterns: Iterable[str], old: Properties, new: Properties) -> Properties:
    """`new` with the values of `old` at the paths (the option ignoreChanges); what `old` lacks is taken out."""
    result: Any = copy.deepcopy(new)
    for pattern in patterns:
        result = _keep(parse(pattern), old, result)
    kept: Properties = result
    return kept


def _keep(path: Path, old: Any, new: Any) -> Any:
    if not path:
        return copy.deepcopy(old)
    if isinstance(new, Secret) and isinstance(old, Secret):
        return Secret(_keep(path, old.value, new.value))
    if isinstance(new, list) and isinstance(old, list):
        return _keep_in_list(path, old, new)
    if not isinstance(new, dict) or not isinstance(old, dict):
        return new
    keys = set(old) | set(new) if path[0] == "*" else {str(path[0])}
    result = dict(new)
    for key in keys:
        if key in old and (key in new or len(path) == 1):
            result[key] = _keep(path[1:], old[key], new.get(key))
        elif key not in old and len(path) == 1:
            result.pop(key, None)
    return result


def _keep_in_list(path: Path, old: list[Any], new: list[Any]) -> list[Any]:
    if path == ("*",):
        return copy.deepcopy(old)
    indexes = range(min(len(old), len(new))) if path[0] == "*" else [path[0]]
    result = list(new)
    for index in indexes:
        if isinstance(index, int) and index < len(old) and index < len(new):
            result[index] = _keep(path[1:], old[index], new[index])
    return result
