"""A first deployment of each stack, previewed on a machine without any Azure: exactly these resources."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.whole_way import ROOT

SNAPSHOTS = Path(__file__).parent / "snapshots"
STACKS = sorted(path.name.split(".")[1] for path in (ROOT / "stacks").glob("Pulumi.*.yaml"))
pytestmark = pytest.mark.slow


def preview(stack: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Preview in a process of its own, with nothing in the environment that would reach an Azure."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AZURE_", "ARM_"))}
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from adfkit.cli.main import main; main()",
            "preview",
            "--offline",
            "--stack",
            stack,
            *arguments,
        ],
        cwd=ROOT,
        env=environment | {"HTTPS_PROXY": "http://127.0.0.1:9", "PULUMI_CONFIG_PASSPHRASE": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


@pytest.mark.parametrize("stack", STACKS)
def test_the_resources_of_a_stack(stack: str) -> None:
    done = preview(stack, "--json")
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    found = sorted(f"{change['type']} {change['name']}" for change in report["changes"])
    assert report["counts"] == {"create": len(found)}
    snapshot = SNAPSHOTS / f"{stack}.txt"
    if os.environ.get("ADFKIT_UPDATE_SNAPSHOTS"):
        snapshot.write_text("\n".join(found) + "\n", encoding="utf-8")
    assert found == snapshot.read_text(encoding="utf-8").splitlines(), "ADFKIT_UPDATE_SNAPSHOTS=1 writes it anew"


def test_the_report_goes_to_a_file_as_markdown(tmp_path: Path) -> None:
    done = preview("local", "--format", "markdown", "--out", str(tmp_path / "report.md"))
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert text.startswith("### Preview of the stack `local`: ")
    assert "| `+` create | lake | azure-native:storage:StorageAccount | it is new in the program |" in text


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    done = preview("local", "--out", str(tmp_path / "no" / "report.md"))
    assert done.returncode == 1
    assert "--out:" in done.stderr
    assert "Traceback" not in done.stderr
