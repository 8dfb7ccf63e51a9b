"""The official CLI is driven, or named where it is absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from adfkit.engine import EngineError
from adfkit.engine.pulumi_cli import run_pulumi


def test_absent(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="The Pulumi CLI is not on the PATH") as caught:
        run_pulumi("up", "dev", tmp_path, environment={"PATH": str(tmp_path)})
    assert "https://www.pulumi.com/docs/iac/download-install/" in str(caught.value)


@pytest.mark.parametrize(
    ("command", "yes", "line"),
    [
        ("preview", True, "preview --stack dev --cwd {folder} --diff"),
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
