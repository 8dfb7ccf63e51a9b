"""A stack moves between this engine and the Pulumi CLI, and neither sees a change; both count alike."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adfkit.engine import Operation, Stack
from tests.engine.conftest import PASSPHRASE, Workspace
from tests.engine.test_dynamic import NOTES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("pulumi") is None, reason="the Pulumi CLI is not on the PATH"),
]

_PROGRAM = (
    NOTES
    + """
EXTRA = {"token": pulumi.Output.secret("hush"), "n": 3, "list": [1, None]}
class Folder(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("demo:index:Folder", name, None, opts)
        child = ResourceOptions(parent=self)
        self.one = Note(f"{name}-one", "FOLDER/one", "TEXT", child, **EXTRA)
        self.two = Note(f"{name}-two", "FOLDER/two", self.one.length.apply(str), child)
        self.register_outputs({"length": self.two.length})
folder = Folder("NAME", ResourceOptions(aliases=[pulumi.Alias(name="first")]))
moved = Note("moved", "PATH", "x")
Note("after", moved.path.apply(lambda path: f"{path}-after"), "x")
last = Note("last", "FOLDER/last", "x", ResourceOptions(depends_on=[folder], protect=True, ignore_changes=["text"]))
export("length", folder.two.length)
export("token", pulumi.Output.secret({"a": [1, 2.5, True, None]}))
"""
)


class Cli:
    """The CLI on a backend of its own."""

    def __init__(self, workspace: Workspace) -> None:
        self.folder = workspace.folder
        backend = workspace.folder / "backend"
        backend.mkdir()
        self.environment = {
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{backend}",
            "PULUMI_HOME": str(workspace.folder / "pulumi-home"),
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_PYTHON_CMD": sys.executable,
        }

    def __call__(self, *arguments: str) -> str:
        """Run a command."""
        line = ["pulumi", "--non-interactive", "--cwd", str(self.folder), *arguments]
        done = subprocess.run(line, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def changes(self) -> dict[str, int]:
        """The counts of a preview."""
        counts: dict[str, int] = json.loads(self("preview", "--stack", "test", "--json"))["changeSummary"]
        return {word: count for word, count in counts.items() if word not in ("create-replacement", "delete-replaced")}


def _program(folder: Path, name: str = "first", text: str = "hello", path: str = "last") -> str:
    return (
        _PROGRAM.replace("NAME", name)
        .replace("FOLDER", str(folder))
        .replace("TEXT", text)
        .replace("PATH", str(folder / path))
    )


def _counts(stack: Stack) -> dict[str, int]:
    return {operation.value: count for operation, count in stack.preview().changes.items()}


def test_there_and_back(workspace: Workspace, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    assert workspace.up(_program(notes)).ok
    cli = Cli(workspace)
    cli("stack", "init", "test")
    cli("stack", "import", "--stack", "test", "--file", str(workspace.state_file))
    cli("preview", "--stack", "test", "--expect-no-changes")
    outputs = json.loads(cli("stack", "output", "--stack", "test", "--json", "--show-secrets"))
    assert outputs == workspace.stack().outputs(show_secrets=True)

    for revision in (
        _program(notes, text="changed"),
        _program(notes, name="renamed"),
        _program(notes, name="renamed", text="changed"),
        _program(notes, path="elsewhere"),
        NOTES + f"Note('new', {str(notes / 'new')!r}, 'x')\nlast = None",
    ):
        workspace.program(revision)
        if "'new'" not in revision:  # a protected delete is an error in both
            assert cli.changes() == _counts(workspace.stack())

    workspace.program(_program(notes, name="renamed", text="changed"))
    cli("up", "--stack", "test", "--yes", "--skip-preview")
    exported = tmp_path / "exported.json"
    cli("stack", "export", "--stack", "test", "--file", str(exported))
    stack = Stack("test", workspace.folder, exported, PASSPHRASE, workspace.cloud.provider)
    result = stack.up()
    assert result.ok
    assert set(result.changes) == {Operation.SAME}
    assert stack.outputs(show_secrets=True)["token"] == {"a": [1, 2.5, True, None]}


def test_the_same_program_gives_the_same_state(workspace: Workspace, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    assert workspace.up(_program(notes)).ok
    cli = Cli(workspace)
    cli("stack", "init", "test")
    cli("up", "--stack", "test", "--yes", "--skip-preview")
    exported = tmp_path / "exported.json"
    cli("stack", "export", "--stack", "test", "--file", str(exported))
    theirs = Stack("test", workspace.folder, exported, PASSPHRASE, workspace.cloud.provider)
    expected = _comparable(theirs)
    for urn, fields in _comparable(workspace.stack()).items():
        for name, value in fields.items():
            assert (urn, name, value) == (urn, name, expected[urn][name])


def _comparable(stack: Stack) -> dict[str, dict[str, Any]]:
    """The resources, without what differs from run to run or (`extra`) is the CLI's alone."""
    skipped = ("provider", "created", "modified", "extra")
    result = {}
    for state in stack.resources():
        fields = {name: getattr(state, name) for name in state.__dataclass_fields__ if name not in skipped}
        fields["dependencies"] = sorted(state.dependencies)  # the SDK sends a set
        if state.type.startswith("pulumi:providers:"):
            del fields["id"]
        result[state.urn] = fields
    return result
