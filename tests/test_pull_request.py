"""A pull request that changes a pipeline, a pool's size and a role: the one comment that its reviewer needs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.preview.pull_requests.hosts import TOKEN, GitHubHandler, serve
from tests.whole_way import ROOT, Way

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
CHANGES = (
    ("stacks/Pulumi.local.yaml", "      tasks: 4\n", "      tasks: 8\n"),
    ("stacks/Pulumi.local.yaml", "    maximum_nodes: 2\n", "    maximum_nodes: 6\n"),
    ("infra/access.py", "Role.STORAGE_BLOB_DATA_OWNER,", "Role.STORAGE_BLOB_DATA_CONTRIBUTOR,"),
)
"""File, text, and what the pull request makes of its first occurrence."""


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    way = Way(tmp_path_factory.mktemp("pull-request") / "local")
    try:
        way.json("up")
        yield way
    finally:
        way.stop()


def test_the_comment(way: Way, tmp_path: Path) -> None:
    proposed = way.copy(tmp_path / "project")
    for file, old, new in CHANGES:
        path = proposed.project / file
        text = path.read_text(encoding="utf-8")
        assert old in text, file
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    report = tmp_path / "preview.md"
    done = proposed.adfkit("preview", "--format", "markdown", "--out", str(report))
    assert done.returncode == 0, done.stderr
    comment = _published(report)
    (tmp_path / "comment.md").write_text(comment, encoding="utf-8")

    lines = comment.splitlines()
    assert lines[1].startswith("### Preview of the stack `local`: 1 to replace, 2 to update, ")
    table = [line.split("|")[1:4] for line in lines if line.startswith("| `")]
    assert [(sign.strip(), name.strip()) for sign, name, _ in table] == [
        ("`±` replace", "function-app-owns-services"),
        ("`~` update", "batch-pool"),
        ("`~` update", "pipeline-flights_batch"),
    ]
    changed = [line for line in lines if line.startswith(("+", "-")) and not line.startswith(("+++", "---"))]
    assert any("min(6, ceil(tasks" in line for line in changed)
    assert any('"@range(0, 8)"' in line for line in changed)
    assert "  roleDefinitionId   # forces the replacement" in lines
    assert [line.rpartition("# ")[2] for line in changed if "roleDefinitions" in line] == [
        "Storage Blob Data Owner",
        "Storage Blob Data Contributor",
    ]
    assert len(comment) < GitHubHandler.LIMIT


def _published(report: Path) -> str:
    with serve(GitHubHandler) as server:
        environment = {
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_REPOSITORY": "team/data",
            "GITHUB_API_URL": server.url,
            "GITHUB_REF": "refs/pull/7/merge",
            "GITHUB_RUN_ID": "42",
        }
        line = [sys.executable, str(ROOT / "scripts/comment_preview.py"), "--stack", "local", "--report", str(report)]
        subprocess.run(line, env={**os.environ, **environment}, check=True, timeout=60)
        [comment] = server.bodies
        return comment
