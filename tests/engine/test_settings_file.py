"""Edits of a settings file keep everything else in it."""

from __future__ import annotations

import pytest

from adfkit.engine import EngineError
from adfkit.engine.settings_file import remove, set_value

TEXT = """\
# The environment.
config:
  demo:name: one  # the short name
  # what machines there are
  demo:machines:
    size: small
    # never more
    most: 4

  demo:last: [1, 2]
  # the end
# the very end
"""


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (("demo:name",), "two", "demo:name: one  #", "demo:name: two  #"),
        (("demo:name",), "3", "demo:name: one  #", "demo:name: '3'  #"),
        (("demo:machines", "size"), "large", "size: small", "size: large"),
        (("demo:machines", "most"), 5, "most: 4", "most: 5"),
        (("demo:machines", "least"), 1, "most: 4\n", "most: 4\n    least: 1\n"),
        (("demo:new",), "x: y # z", "[1, 2]\n", "[1, 2]\n  demo:new: 'x: y # z'\n"),
        (("demo:new", "a", "b"), True, "[1, 2]\n", "[1, 2]\n  demo:new:\n    a:\n      b: true\n"),
        (("demo:last",), {"secure": "v1:x"}, "demo:last: [1, 2]", "demo:last:\n    secure: v1:x"),
        (("demo:machines",), "none", "machines:\n    size: small\n    # never more\n    most: 4", "machines: none"),
    ],
)
def test_set(path: tuple[str, ...], value: object, old: str, new: str) -> None:
    assert old in TEXT
    assert set_value(TEXT, ("config", *path), value) == TEXT.replace(old, new)


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        (("demo:name",), "  demo:name: one  # the short name\n"),
        (("demo:machines", "most"), "    most: 4\n"),
        (("demo:machines",), "  demo:machines:\n    size: small\n    # never more\n    most: 4\n"),
        (("demo:last",), "  demo:last: [1, 2]\n"),
    ],
)
def test_remove(path: tuple[str, ...], gone: str) -> None:
    assert remove(TEXT, ("config", *path)) == TEXT.replace(gone, "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "config:\n  demo:a: b\n"),
        ("# alone\n", "# alone\nconfig:\n  demo:a: b\n"),
        ("config:\n", "config:\n  demo:a: b\n"),
        ("config: {}\nencryptionsalt: v1\n", "config:\n  demo:a: b\nencryptionsalt: v1\n"),
        ("encryptionsalt: v1", "encryptionsalt: v1\nconfig:\n  demo:a: b\n"),
        ("config:\n  demo:x:\n", "config:\n  demo:x:\n  demo:a: b\n"),
    ],
)
def test_first_value(text: str, expected: str) -> None:
    assert set_value(text, ("config", "demo:a"), "b") == expected


def test_last_value() -> None:
    assert remove("config:\n  a:b: c\nother: 1\n", ("config", "a:b")) == "config: {}\nother: 1\n"


def test_text_of_several_lines() -> None:
    text = set_value(TEXT, ("config", "demo:key"), "-----\nline\n\nend\n")
    assert set_value(text, ("config", "demo:key"), "x") == TEXT.replace("[1, 2]\n", "[1, 2]\n  demo:key: x\n")


def test_refusals() -> None:
    with pytest.raises(EngineError, match="There is no such value"):
        remove(TEXT, ("config", "demo:nothing"))
    with pytest.raises(EngineError, match=r"demo:name is no mapping"):
        set_value(TEXT, ("config", "demo:name", "a"), "b")
    with pytest.raises(EngineError, match="A mapping in braces"):
        set_value("config: {a:b: c}\n", ("config", "demo:a"), "b")
