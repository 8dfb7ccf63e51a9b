"""The `adfkit` command on a local Azure of its own: what the tests of the whole way share."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".adfkit", "__pycache__", ".*_cache", "node_modules", "tests")


@dataclass(frozen=True)
class Way:
    """A project on a local Azure in a folder of its own; every command is a process, as a user starts it."""

    local_folder: Path
    project: Path = field(default=ROOT)

    def adfkit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command; standard output and error as text."""
        return subprocess.run(
            [sys.executable, "-c", "from adfkit.cli.main import main; main()", *arguments],
            cwd=self.project,
            env={**os.environ, "ADFKIT_LOCAL_FOLDER": str(self.local_folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    def json(self, *arguments: str) -> Any:
        """Run a command that must succeed, and read the JSON that it prints."""
        done = self.adfkit(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def refused(self, *arguments: str) -> str:
        """Run a command that must fail as an error of the user's does: exit status 1, no traceback; its error text."""
        done = self.adfkit(*arguments)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        assert "defect of adfkit" not in done.stderr, done.stderr
        return done.stderr

    def copy(self, folder: Path) -> Way:
        """The project copied, to be changed, on the same local Azure and the same state."""
        shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
        return Way(self.local_folder, folder)

    def stop(self) -> None:
        """End the local Azure."""
        assert self.adfkit("local", "stop").returncode == 0
