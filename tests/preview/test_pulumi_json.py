"""The same report from what the Pulumi CLI prints; the document's shape is that of version 3.260.0."""

from __future__ import annotations

from typing import Any

import pytest

from adfkit.preview.pulumi_json import PreviewError, read

ARTIFACT = "pulumi-python:dynamic/adfkit:Artifact"


def state(name: str, inputs: dict[str, Any]) -> dict[str, Any]:
    return {"urn": f"urn:pulumi:t::demo::{ARTIFACT}::{name}", "type": ARTIFACT, "custom": True, "inputs": inputs}


def step(op: str, name: str, old: dict[str, Any] | None, new: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    found = {"op": op, "urn": f"urn:pulumi:t::demo::{ARTIFACT}::{name}", "detailedDiff": None, **more}
    if old is not None:
        found["oldState"] = state(name, old)
    if new is not None:
        found["newState"] = state(name, new)
    return found


OLD = {"kind": "pipeline", "name": "p", "properties": {"a": [1]}, "s": "[secret]", "__provider": "gASV"}
NEW = {"kind": "pipeline", "name": "p", "properties": {"a": [2]}, "s": "[secret]", "__provider": "gASX"}
DOCUMENT = {
    "duration": 4_300_000_000,
    "changeSummary": {"replace": 1, "same": 1, "update": 1},
    "steps": [
        {"op": "same", "urn": "urn:pulumi:t::demo::pulumi:pulumi:Stack::s", "oldState": {"type": "s"}},
        step("update", "a", OLD, NEW, diffReasons=["properties"]),
        step("create-replacement", "b", OLD, NEW),
        step("replace", "b", OLD, NEW | {"kind": "dataset"}, replaceReasons=["kind"]),
        step("delete-replaced", "b", OLD, None),
        step("delete", "c", OLD, None),
    ],
}  # fmt: skip


def test_the_report() -> None:
    report = read("t", DOCUMENT)
    assert report.counts == {"same": 1, "update": 1, "replace": 1, "delete": 1}
    assert report.seconds == 4.3
    [deleted, replaced, updated] = report.changed
    assert (deleted.name, replaced.name, updated.name) == ("c", "b", "a")
    assert updated.reason == "properties changed"
    [item] = updated.properties
    assert (item.path, item.kind, item.old, item.new) == ("properties.a[0]", "update", 1, 2)
    assert [item.path for item in replaced.properties if item.replaces] == ["kind"]
    assert "gASV" not in repr(report)
    assert "-    1" in report.as_json()["changes"][2]["diff"]


def test_plain_secrets_of_the_state_are_masked() -> None:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": '"hush"'}
    report = read("t", {"steps": [step("update", "a", OLD | {"s": secret}, NEW)]})
    assert "hush" not in repr(report)


@pytest.mark.parametrize("document", [[], {}, {"steps": None}, "x"])
def test_another_document_is_refused(document: Any) -> None:
    with pytest.raises(PreviewError, match="pulumi preview --json"):
        read("t", document)
