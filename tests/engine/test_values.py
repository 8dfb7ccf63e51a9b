"""Property values, paths and differences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adfkit.engine import EngineError, paths
from adfkit.engine.diff import forcing, structural_diff, without
from adfkit.engine.properties import (
    UNKNOWN,
    Properties,
    Secret,
    asset,
    marshal,
    plain,
    redacted,
    unmarshal,
    with_secrets_of,
)
from adfkit.engine.provider import DiffKind

VALUES: Properties = {
    "none": None,
    "integer": 3,
    "float": 1.5,
    "flag": True,
    "text": "x",
    "list": [1, {"a": Secret([1])}, []],
    "map": {},
    "secret": Secret({"a": {"b": "c"}}),
    "unknown": UNKNOWN,
    "secret unknown": Secret(UNKNOWN),
}


def test_values_survive_the_wire() -> None:
    there = unmarshal(marshal(VALUES))
    assert there == VALUES
    assert isinstance(there["integer"], int)


def test_plain_and_redacted() -> None:
    bag = {"a": [Secret({"b": Secret(1)})], "c": UNKNOWN}
    assert plain(bag) == {"a": [{"b": 1}], "c": UNKNOWN}
    assert redacted(bag) == {"a": ["[secret]"], "c": UNKNOWN}
    assert "hush" not in repr(Secret("hush"))


@pytest.mark.parametrize(
    ("returned", "reference", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": Secret(1)}, {"a": Secret(1), "b": 2}),
        ({"a": {"b": 1}}, {"a": {"b": Secret(1)}}, {"a": {"b": Secret(1)}}),
        ({"a": [1, 2]}, {"a": [1, Secret(2)]}, {"a": Secret([1, 2])}),
        ({"b": 1}, {"a": Secret(1)}, {"b": 1}),
    ],
)
def test_secrets_are_found_again_under_their_keys(returned: Properties, reference: Any, expected: Properties) -> None:
    assert with_secrets_of(returned, reference) == expected


@pytest.mark.parametrize("text", ["a", "a.b", "a[0].b", 'a["x.y"][2]', "a.*.b", '["root.key"].b', 'a["say \\"hi\\""]'])
def test_paths_read_and_write(text: str) -> None:
    assert paths.render(paths.parse(text)) == text.replace("[*]", ".*")


def test_wildcard_of_a_list() -> None:
    assert paths.parse("a[*].b") == ("a", "*", "b")


def test_bad_path() -> None:
    with pytest.raises(EngineError, match="goes wrong at character 1"):
        paths.parse("a[x]")


@pytest.mark.parametrize(
    ("pattern", "old", "new", "kept"),
    [
        ("a", {"a": 1}, {"a": 2, "b": 3}, {"a": 1, "b": 3}),
        ("a", {}, {"a": 2}, {}),
        ("a", {"a": 1}, {}, {"a": 1}),
        ("a.b", {"a": {"b": 1}}, {"a": {"b": 2, "c": 3}}, {"a": {"b": 1, "c": 3}}),
        ("a[0]", {"a": [1, 2]}, {"a": [3, 4]}, {"a": [1, 4]}),
        ("a[*].b", {"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 3}, {"b": 4}]}, {"a": [{"b": 1}, {"b": 2}]}),
        ("*", {"a": 1}, {"a": 2}, {"a": 1}),
        ("a.b", {"a": Secret({"b": 1})}, {"a": Secret({"b": 2})}, {"a": Secret({"b": 1})}),
    ],
)
def test_ignored_paths_keep_their_old_values(pattern: str, old: Properties, new: Properties, kept: Properties) -> None:
    assert paths.keep_old([pattern], old, new) == kept


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1.0}, {}),
        ({"a": 1}, {"a": True}, {"a": DiffKind.UPDATE}),
        ({"a": [1]}, {"a": [1, 2]}, {"a[1]": DiffKind.ADD}),
        ({"a": {"x.y": 1}}, {"a": {}}, {'a["x.y"]': DiffKind.DELETE}),
        ({"a": Secret(1)}, {"a": Secret(2)}, {"a": DiffKind.UPDATE}),
        ({"a": Secret(1)}, {"a": Secret(1)}, {}),
        ({"a": 1}, {"a": UNKNOWN}, {"a": DiffKind.UPDATE}),
        ({"a": {}}, {"a": []}, {"a": DiffKind.UPDATE}),
    ],
)
def test_differences(old: Properties, new: Properties, expected: dict[str, DiffKind]) -> None:
    assert structural_diff(old, new) == expected


def test_options_over_differences() -> None:
    detailed = {"a.b": DiffKind.UPDATE, "c": DiffKind.ADD}
    assert without(detailed, ["a"]) == {"c": DiffKind.ADD}
    assert without(detailed, ["a.b.deeper"]) == detailed
    assert forcing(detailed, ["c"]) == {"a.b": DiffKind.UPDATE, "c": DiffKind.ADD_REPLACE}


def test_assets(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("one")
    first = asset({"path": str(file)})
    assert first["hash"] == asset({"text": "one"})["hash"]
    file.write_text("two")
    assert asset({"path": str(file)})["hash"] != first["hash"]
    with pytest.raises(EngineError, match=r"The asset .*gone cannot be read: No such file"):
        asset({"path": str(tmp_path / "gone")})
