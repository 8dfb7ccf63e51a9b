"""Templates that are broken, and the exact error of each; templates that are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adfkit.artifacts.errors import ArtifactError
from adfkit.artifacts.model import Kind
from adfkit.artifacts.render import render

FLIGHTS = {"flights": {"source": "landing", "technique": "azure_function"}}

BROKEN: list[tuple[str, dict[str, str], str]] = [
    (
        "undefined value",
        {"datasets/a.json.j2": '{"name": "a",\n "properties": {"x": {{ lake.name | json }} } }'},
        "templates/datasets/a.json.j2:2: 'lake' is undefined",
    ),
    (
        "undefined value that is only tested",
        {"datasets/a.json.j2": "{% if missing %}x{% endif %}"},
        "templates/datasets/a.json.j2:1: 'missing' is undefined",
    ),
    (
        "undefined member in a macro",
        {
            "macros/m.j2": "{% macro m() %}\n{{ ingestion.sorce | json }}\n{% endmacro %}",
            "pipelines/ingestion.json.j2": '{% import "macros/m.j2" as m with context %}\n{{ m.m() }}',
        },
        "templates/macros/m.j2:2 (ingestion flights): 'dict object' has no attribute 'sorce'",
    ),
    (
        "syntax",
        {"datasets/a.json.j2": '{"name": "a",\n\n {% if %}'},
        "templates/datasets/a.json.j2:3: Expected an expression, got 'end of statement block'",
    ),
    (
        "unknown filter",
        {"datasets/a.json.j2": "{{ 1 | jsn }}"},
        "templates/datasets/a.json.j2:1: No filter named 'jsn'.",
    ),
    (
        "macro that is not there",
        {"datasets/a.json.j2": '{% import "macros/none.j2" as m %}'},
        "templates/datasets/a.json.j2:1: there is no template 'macros/none.j2'",
    ),
    (
        "operation on wrong types",
        {"datasets/a.json.j2": "{{ 'a' + 1 }}"},
        'templates/datasets/a.json.j2:1: TypeError: can only concatenate str (not "int") to str',
    ),
    (
        "no JSON",
        {"datasets/a.json.j2": '{"name": "a",\n "properties": {"a": 1,}}'},
        "templates/datasets/a.json.j2: no valid JSON: line 2, column 24: Expecting property name enclosed in double "
        'quotes: "properties": {"a": 1,}}',
    ),
    (
        "key twice",
        {"datasets/a.json.j2": '{"name": "a", "properties": {"a": 1, "a": 2}}'},
        "templates/datasets/a.json.j2: the key 'a' stands twice in one object",
    ),
    (
        "no object",
        {"datasets/a.json.j2": "[1]"},
        "templates/datasets/a.json.j2: an artifact is an object with 'name' and 'properties', not an array",
    ),
    (
        "no name",
        {"datasets/a.json.j2": '{"properties": {}}'},
        "templates/datasets/a.json.j2: 'name' is missing or no text",
    ),
    (
        "no properties",
        {"linked_services/a.json.j2": '{"name": "a"}'},
        "templates/linked_services/a.json.j2: linked service a: 'properties' is missing or no object",
    ),
    (
        "one name twice",
        {
            "datasets/a.json.j2": '{"name": "same", "properties": {}}',
            "datasets/b.json.j2": '{"name": "Same", "properties": {}}',
        },
        "templates/datasets/b.json.j2: dataset Same is rendered by templates/datasets/a.json.j2 too",
    ),
]


def _folder(root: Path, files: dict[str, str]) -> Path:
    folder = root / "templates"
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize(("files", "expected"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_broken_template_is_named_with_its_line(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    with pytest.raises(ArtifactError) as raised:
        render(_folder(tmp_path, files), {}, FLIGHTS)
    assert str(raised.value) == expected


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="there is no such folder of templates"):
        render(tmp_path / "nowhere", {})


def test_each_kind_and_each_ingestion(tmp_path: Path) -> None:
    files = {
        "pipelines/ingestion.json.j2": (
            '{"name": {{ ingestion.name | json }}, "properties": {"s": {{ ingestion.source | json }}}}'
        ),
        "pipelines/other.json.j2": '{"name": "other", "properties": {}}',
        "datasets/a.json.j2": '{"name": "a", "properties": {"n": {{ n | json }}}}',
        "linked_services/none.json.j2": "{% if n > 1 %}no JSON{% endif %}\n",
        "data_flows/f.json.j2": '{"name": "f", "properties": {}}',
        "triggers/t.json.j2": '{"name": "t", "properties": {}}',
    }
    ingestions: dict[str, dict[str, Any]] = {"x": {"source": "sx"}, "y": {"source": "sy"}}
    found = {(each.kind, each.name): each for each in render(_folder(tmp_path, files), {"n": 1}, ingestions)}
    assert set(found) == {
        (Kind.DATASET, "a"),
        (Kind.DATA_FLOW, "f"),
        (Kind.PIPELINE, "x"),
        (Kind.PIPELINE, "y"),
        (Kind.PIPELINE, "other"),
        (Kind.TRIGGER, "t"),
    }
    assert found[Kind.PIPELINE, "y"].properties == {"s": "sy"}
    assert found[Kind.PIPELINE, "y"].source == "templates/pipelines/ingestion.json.j2 (ingestion y)"


@pytest.mark.parametrize(
    "text", ['quote " and \\ backslash', "line\nbreak", "ünïcode", "@{x}", "{{ not a template }}", "</script>"]
)
def test_the_filter_json_quotes_whatever_a_text_holds(tmp_path: Path, text: str) -> None:
    body = '{"name": "a", "properties": {"x": {{ x | json }}, "y": {{ {"z": x} | json_text | json }}}}'
    files = {"datasets/a.json.j2": body}
    (artifact,) = render(_folder(tmp_path, files), {"x": text})
    assert artifact.properties["x"] == text
    assert json.loads(artifact.properties["y"]) == {"z": text}
