"""The official CLI is driven, or named where it is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adfkit.engine import EngineError
from adfkit.engine.pulumi_cli import preview_json, run_pulumi


def test_absent(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="The Pulumi CLI is not on the PATH") as caught:
        run_pulumi("up", "dev", tmp_path, environment={"PATH": str(tmp_path)})
    assert "https://www.pulumi.com/docs/iac/download-install/" in str(caught.value)


@pytest.mark.parametrize(
    ("command", "yes", "line"),
    [
        ("up", False, "up --stack dev --cwd {folder} --diff"),
        ("destroy", True, "destroy --stack dev --cwd {folder} --yes --diff"),
    ],
)
def test_command_line(tmp_path: Path, command: str, yes: bool, line: str) -> None:
    program = tmp_path / "pulumi"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\nexit 7\n')
    program.chmod(0o755)
    status = run_pulumi(command, "dev", tmp_path, yes=yes, arguments=["--diff"], environment={"PATH": str(tmp_path)})
    assert status == 7
    assert (tmp_path / "called").read_text().strip() == line.format(folder=tmp_path)


def _says(folder: Path, text: str, status: int) -> None:
    (folder / "output").write_text(text)
    program = folder / "pulumi"
    program.write_text(f'#!/bin/sh\necho "$@" > {folder}/called\ncat {folder}/output\nexit {status}\n')
    program.chmod(0o755)


def test_preview_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    _says(tmp_path, '{"steps": []}', 0)
    assert preview_json("dev", tmp_path) == {"steps": []}
    assert (tmp_path / "called").read_text().strip() == f"preview --json --stack dev --cwd {tmp_path}"


@pytest.mark.parametrize("output", ["not JSON", '{"diagnostics": [{"severity": "error", "message": "no such stack"}]}'])
def test_preview_json_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    _says(tmp_path, output, 255)
    with pytest.raises(EngineError, match="`pulumi preview --stack dev` failed") as caught:
        preview_json("dev", tmp_path)
    assert ("no such stack" in str(caught.value)) == ("no such stack" in output)
