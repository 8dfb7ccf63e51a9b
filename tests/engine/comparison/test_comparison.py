"""Operation by operation, this engine decides as the Pulumi CLI does.

`recorded.json` is what the CLI decided; with ADFKIT_RECORD set, and a `pulumi` on the PATH, it is written anew.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from adfkit.engine import Operation, Result
from tests.engine.conftest import Workspace
from tests.engine.test_interchange import Cli

FOLDER = Path(__file__).parent
RECORDED = FOLDER / "recorded.json"
REVISIONS: list[dict[str, Any]] = yaml.safe_load((FOLDER / "revisions.yaml").read_text())
HEAD = "import pulumi\nfrom pulumi import ResourceOptions, export\nfrom items import Group, Item\n"
OURS_ALONE = {"discard": "delete"}  # what is left alone in the cloud (retainOnDelete) is a delete to the CLI
PARTS_OF_A_REPLACEMENT = ("create-replacement", "delete-replaced")


def _program(workspace: Workspace, revision: dict[str, Any]) -> None:
    shutil.copy(FOLDER / "items.py", workspace.folder / "program")
    (workspace.folder / "program" / "__main__.py").write_text(HEAD + revision["program"])


def _told(steps: list[tuple[str, str, list[str]]], counts: dict[str, int]) -> dict[str, Any]:
    """Operations by URN (the CLI leaves out what stays the same), why a resource is replaced, and all counts."""
    return {
        "operations": {urn: operation for operation, urn, _ in sorted(steps) if operation != "same"},
        "replaced because of": {urn: reasons for operation, urn, reasons in sorted(steps) if operation == "replace"},
        "counts": dict(sorted(counts.items())),
    }


def _ours(result: Result) -> dict[str, Any]:
    assert result.ok, result.errors
    steps = [
        (
            OURS_ALONE.get(step.operation.value, step.operation.value),
            step.urn,
            sorted(change.path for change in step.changes if change.replaces),
        )
        for step in result.steps
    ]
    return _told(steps, dict(Counter(operation for operation, _, _ in steps)))


def _theirs(cli: Cli, targets: list[str]) -> dict[str, Any]:
    options = [part for target in targets for part in ("--target", f"**::{target}")]
    told = json.loads(cli("preview", "--stack", "test", "--json", *options))
    steps = [(step["op"], step["urn"], sorted(step.get("replaceReasons") or [])) for step in told["steps"]]
    counts = {word: count for word, count in told["changeSummary"].items() if word not in PARTS_OF_A_REPLACEMENT}
    return _told([step for step in steps if step[0] not in PARTS_OF_A_REPLACEMENT], counts)


def test_as_the_cli_recorded(workspace: Workspace) -> None:
    recorded = json.loads(RECORDED.read_text())
    assert [one["title"] for one in recorded] == [one["title"] for one in REVISIONS]
    for revision, theirs in zip(REVISIONS, recorded, strict=True):
        _program(workspace, revision)
        targets = revision.get("targets", [])
        ours = {"title": revision["title"], **_ours(workspace.stack().preview(targets=targets))}
        assert ours == theirs
        if not targets:
            assert workspace.stack().up().ok
            assert {step.operation for step in workspace.stack().preview().steps} == {Operation.SAME}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(shutil.which("pulumi") is None, reason="the Pulumi CLI is not on the PATH")
def test_the_cli_decides_as_recorded(workspace: Workspace) -> None:
    cli = Cli(workspace)
    cli("stack", "init", "test")
    found = []
    for revision in REVISIONS:
        _program(workspace, revision)
        targets = revision.get("targets", [])
        found.append({"title": revision["title"], **_theirs(cli, targets)})
        if not targets:
            cli("up", "--stack", "test", "--yes", "--skip-preview")
    if os.environ.get("ADFKIT_RECORD"):
        RECORDED.write_text(json.dumps(found, indent=2) + "\n")
    assert found == json.loads(RECORDED.read_text())
