"""Artifacts as Pulumi resources: what counts as a change, and the order in which they deploy."""

from __future__ import annotations

import base64
from typing import Any

import dill

from adfkit.artifacts.model import Artifact, Kind, canonical
from adfkit.artifacts.references import in_order
from infra import artifacts
from infra.artifacts import ArtifactProvider

PROPS: dict[str, Any] = {
    "subscription_id": "s",
    "resource_group": "g",
    "factory": "f",
    "kind": "pipeline",
    "name": "flights",
    "properties": {"activities": [{"name": "a", "retry": 2}]},
    "source": "adf_templates/pipelines/ingestion.json.j2",
}


def test_numbers_that_the_wire_made_doubles_are_no_change() -> None:
    old = {**PROPS, "properties": {"activities": [{"name": "a", "retry": 2.0}]}}
    assert ArtifactProvider().diff("id", old, PROPS).changes is False
    assert canonical(old["properties"]) == '{"activities":[{"name":"a","retry":2}]}'  # as it is sent


def test_another_order_of_keys_or_another_template_file_is_no_change() -> None:
    moved = {**PROPS, "source": "other.json.j2", "properties": {"activities": [{"retry": 2, "name": "a"}]}}
    assert ArtifactProvider().diff("id", PROPS, moved).changes is False


def test_another_value_is_an_update_and_another_name_a_replacement() -> None:
    updated = {**PROPS, "properties": {"activities": []}}
    diff = ArtifactProvider().diff("id", PROPS, updated)
    assert (diff.changes, diff.replaces) == (True, [])
    diff = ArtifactProvider().diff("id", PROPS, {**PROPS, "name": "delays"})
    assert (diff.changes, diff.replaces, diff.delete_before_replace) == (True, ["name"], True)


def test_the_provider_is_serialised_once_and_small() -> None:
    serialised = artifacts._serialized_provider()
    assert serialised is artifacts._serialized_provider()
    assert len(serialised) < 200  # by reference: the code is no part of the state
    assert isinstance(dill.loads(base64.b64decode(serialised)), ArtifactProvider)
    assert b"infra.artifacts" in base64.b64decode(serialised)


def test_what_is_referenced_comes_first() -> None:
    def artifact(kind: Kind, name: str, *needs: tuple[Kind, str]) -> Artifact:
        return Artifact(kind, name, {"r": [{"type": k.reference_type, "referenceName": n} for k, n in needs]}, "x")

    given = [
        artifact(Kind.TRIGGER, "daily", (Kind.PIPELINE, "outer")),
        artifact(Kind.PIPELINE, "outer", (Kind.PIPELINE, "Inner")),
        artifact(Kind.PIPELINE, "inner", (Kind.DATASET, "d"), (Kind.DATA_FLOW, "flow")),
        artifact(Kind.DATA_FLOW, "flow", (Kind.DATASET, "d")),
        artifact(Kind.DATASET, "d", (Kind.LINKED_SERVICE, "lake")),
        artifact(Kind.LINKED_SERVICE, "lake", (Kind.LINKED_SERVICE, "vault")),
        artifact(Kind.LINKED_SERVICE, "vault"),
    ]
    expected = ["vault", "lake", "d", "flow", "inner", "outer", "daily"]
    assert [each.name for each in in_order(given)] == expected
    assert [each.name for each in in_order(reversed(given))] == expected
