"""Edits of a stack's settings file that leave the rest of its text, comments included, as it is.

https://www.pulumi.com/docs/iac/concepts/config/
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import yaml

from adfkit.engine.errors import EngineError

CONFIG: Final = "config"
SALT: Final = "encryptionsalt"
_Path = tuple[str, ...]


def set_value(text: str, path: _Path, value: Any) -> str:
    """The text with the value at a path of keys; mappings on the way are made.

    Raises:
        EngineError: something on the way is no mapping, or is one in braces.
    """

    def put(document: dict[str, Any]) -> None:
        for key in path[:-1]:
            inner = document.get(key) or {}
            if not isinstance(inner, dict):
                raise EngineError(f"{key} is no mapping.")
            document[key] = inner
            document = inner
        document[path[-1]] = value

    return _checked(text, put, lambda root: _set(text, root, path, value))


def remove(text: str, path: _Path) -> str:
    """The text without the entry at a path of keys.

    Raises:
        EngineError: there is none, or the mapping is in braces.
    """

    def take(document: dict[str, Any]) -> None:
        for key in path[:-1]:
            document = document[key]
        del document[path[-1]]

    return _checked(text, take, lambda root: _remove(text, root, path))


def _checked(text: str, change: Callable[[dict[str, Any]], None], edit: Callable[[yaml.MappingNode], str]) -> str:
    """The edited text, which must mean what the changed document says."""
    wanted = copy.deepcopy(yaml.safe_load(text) or {})
    try:
        change(wanted)
    except (KeyError, TypeError, AttributeError) as error:
        raise EngineError("There is no such value.") from error
    root = yaml.compose(text, Loader=yaml.SafeLoader) or yaml.compose("{}", Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise EngineError("It must be a mapping at its top.")
    edited = edit(root)
    if (yaml.safe_load(edited) or {}) != wanted:
        raise EngineError("It cannot be edited without loss; change it by hand.")
    return edited


def _set(text: str, root: yaml.MappingNode, path: _Path, value: Any) -> str:
    mapping = root
    for depth, key in enumerate(path):
        entry = _entry(mapping, key)
        if entry is None:
            return _add(text, mapping, _nested(path[depth:], value))
        found = entry[1]
        if depth == len(path) - 1:
            return _replace(text, entry, {key: value})
        if not isinstance(found, yaml.MappingNode) or not found.value:
            return _replace(text, entry, {key: _nested(path[depth + 1 :], value)})
        mapping = found
    return text


def _remove(text: str, root: yaml.MappingNode, path: _Path) -> str:
    mapping, parent = root, None
    for key in path[:-1]:
        parent = _entry(mapping, key)
        if parent is None or not isinstance(parent[1], yaml.MappingNode):
            raise EngineError("There is no such value.")
        mapping = parent[1]
    entry = _entry(mapping, path[-1])
    if entry is None:
        raise EngineError("There is no such value.")
    if parent is not None and len(mapping.value) == 1:
        return _replace(text, parent, {path[-2]: {}})
    if mapping.flow_style:
        raise EngineError("A mapping in braces cannot be edited; change it by hand.")
    start = text.rfind("\n", 0, entry[0].start_mark.index) + 1
    return text[:start] + text[_line_end(text, _end(text, entry[1])) :]


def _entry(mapping: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    for name, value in mapping.value:
        if name.value == key:
            return name, value
    return None


def _replace(text: str, entry: tuple[yaml.Node, yaml.Node], content: dict[str, Any]) -> str:
    start = entry[0].start_mark
    end = max(_end(text, entry[1]), text.index(":", entry[0].end_mark.index) + 1)
    return text[: start.index] + _rendered(content, start.column) + text[end:]


def _add(text: str, mapping: yaml.MappingNode, content: dict[str, Any]) -> str:
    """The text with an entry behind the last one of a mapping."""
    if not mapping.value:  # the file has none at all: entries of others are replaced, not added to
        return f"{text.rstrip()}\n{_rendered(content, 0)}\n".lstrip()
    if mapping.flow_style:
        raise EngineError("A mapping in braces cannot be edited; change it by hand.")
    column = mapping.value[0][0].start_mark.column
    end = _line_end(text, _end(text, mapping.value[-1][1]))
    before = text[:end] if text[:end].endswith("\n") else f"{text[:end]}\n"
    return f"{before}{' ' * column}{_rendered(content, column)}\n{text[end:]}"


def _nested(path: _Path, value: Any) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    return dict(value)


def _rendered(content: dict[str, Any], column: int) -> str:
    lines = yaml.safe_dump(content, width=10**9, allow_unicode=True, sort_keys=False).rstrip().split("\n")
    return f"\n{' ' * column}".join(lines)


def _end(text: str, node: yaml.Node) -> int:
    """Where a node's own text ends: a block's mark is only at the token after it, behind comments."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    return len(text[: node.end_mark.index].rstrip())


def _line_end(text: str, index: int) -> int:
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def edit(path: Path, change: Callable[[str], str]) -> None:
    """Rewrite a settings file, whole or not at all.

    Raises:
        EngineError: the change is refused, or the file cannot be written; the text names it.
    """
    try:
        text = path.read_text("utf-8")
        changed = change(text)
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_text(changed, "utf-8")
        temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    except OSError as error:
        raise EngineError(f"{path} cannot be changed: {error.strerror}.") from error
    except EngineError as error:
        raise EngineError(f"{path}: {error}") from error
