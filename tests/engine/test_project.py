"""Pulumi.yaml and the stack's settings: what a newcomer gets wrong, and what he is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from adfkit.engine import EngineError, Stack
from adfkit.engine.goal import seconds
from adfkit.engine.project import load_project, load_stack_settings
from tests.engine.conftest import PASSPHRASE, Workspace


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("runtime: python", "`name` is missing."),
        ("name: demo\nruntime: nodejs", "the embedded engine runs Python programs, and `runtime` is 'nodejs'."),
        ("name: demo\nruntime: python\nmain: ..", "`main` must be inside the project's folder"),
        ("name: demo\nruntime: {name: python}\nmain: other", "`main` names no program:"),
        ("- a", "must be a mapping at its top."),
        ("a: [", "is not valid YAML"),
    ],
)
def test_bad_projects(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text(text)
    with pytest.raises(EngineError) as caught:
        load_project(tmp_path)
    assert message in str(caught.value)
    assert str(tmp_path / "Pulumi.yaml") in str(caught.value)


def test_no_project(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"Pulumi\.yaml does not exist\."):
        load_project(tmp_path)


def test_unknown_stack_names_those_that_exist(workspace: Workspace) -> None:
    with pytest.raises(EngineError, match=r"There is no stack 'dev'.*Stacks: test\."):
        load_stack_settings(load_project(workspace.folder), "dev")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("environment: [base]\n", "does not support `environment` (Pulumi ESC) in Pulumi.test.yaml yet"),
        ("secretsprovider: azurekeyvault://x\n", "the secrets provider 'azurekeyvault://x'"),
        ("config: []\n", "`config` must be a mapping, not list."),
    ],
)
def test_bad_settings(workspace: Workspace, text: str, message: str) -> None:
    workspace.settings(text)
    with pytest.raises(EngineError) as caught:
        load_stack_settings(load_project(workspace.folder), "test")
    assert message in str(caught.value)


def test_secret_that_does_not_open_names_its_key(workspace: Workspace) -> None:
    workspace.settings("config: {demo:token: {secure: damaged}}\n")
    workspace.program("")
    with pytest.raises(EngineError, match=r"Pulumi\.test\.yaml: demo:token: A secret cannot be decrypted"):
        workspace.stack().preview()


def test_configuration_with_defaults_of_the_project(workspace: Workspace) -> None:
    text = (workspace.folder / "Pulumi.yaml").read_text()
    config = "config: {a: {type: string, default: project}, b: {value: both}, 'mem:region': north, c: {type: string}}\n"
    (workspace.folder / "Pulumi.yaml").write_text(text + config)
    workspace.settings("config: {b: stack, when: 2013-01-31, nothing: }\n")
    result = workspace.up(
        """
        config = pulumi.Config()
        export("values", [config.require("a"), config.require("b"), config.require("when"), config.get("c")])
        Thing("a")
        """
    )
    assert result.outputs == {"values": ["project", "stack", "2013-01-31", None]}
    assert next(iter(workspace.cloud.resources.values()))["echo"] == "a::north"


def test_program_runs_in_its_own_folder_as_under_the_pulumi_cli(workspace: Workspace) -> None:
    before = Path.cwd()
    result = workspace.up(
        """
        from pathlib import Path
        export("cwd", str(Path.cwd()))
        export("root", pulumi.get_root_directory())
        export("names", [pulumi.get_project(), pulumi.get_stack(), pulumi.get_organization()])
        """
    )
    assert result.outputs["cwd"] == str(workspace.folder / "program")
    assert result.outputs["root"] == str(workspace.folder)
    assert result.outputs["names"] == ["demo", "test", "organization"]
    assert Path.cwd() == before


def test_relative_paths(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace.folder)
    workspace.program('Thing("a")')
    stack = Stack("test", Path(), Path("state/test.json"), PASSPHRASE, workspace.cloud.provider)
    assert stack.up().ok
    assert workspace.names() == ["a"]


def test_durations() -> None:
    assert seconds("1h30m", "x") == 5400
    assert seconds("500ms", "x") == 0.5
    with pytest.raises(
        EngineError, match=r"^custom_timeouts\.create: 'soon' is no duration; write it as 30s, 5m or 1h30m\."
    ):
        seconds("soon", "custom_timeouts.create")
