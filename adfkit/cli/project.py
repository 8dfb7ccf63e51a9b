"""The project that a command works on: its folder, its stacks, and where its local state lies."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

LOCAL_STACK = "local"


class CliError(Exception):
    """What the user asked for cannot be done; the text says what is wrong, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with a `Pulumi.yaml`."""

    folder: Path

    @property
    def local_folder(self) -> Path:
        """Where local Azure keeps everything: `.adfkit/local`, or what ADFKIT_LOCAL_FOLDER says."""
        override = os.environ.get("ADFKIT_LOCAL_FOLDER")
        return Path(override).absolute() if override else self.folder / ".adfkit" / "local"

    @property
    def state_folder(self) -> Path:
        """Where the embedded engine keeps its stacks: beside local Azure, since they describe what is in it."""
        return self.local_folder.parent / "stacks"

    def state_file(self, stack: str) -> Path:
        """The checkpoint of a stack of the embedded engine."""
        return self.state_folder / f"{stack}.json"

    def stack_file(self, stack: str) -> Path:
        """The stack's settings.

        Raises:
            CliError: there is no such stack; the text lists those that there are.
        """
        path = self.folder / "stacks" / f"Pulumi.{stack}.yaml"
        if not path.is_file():
            known = sorted(file.name.split(".")[1] for file in path.parent.glob("Pulumi.*.yaml"))
            raise CliError(f"there is no stack '{stack}': {path} does not exist. Stacks here: {', '.join(known)}.")
        return path

    def use_own_cache(self) -> None:
        """Let local Azure cache environments and tools in the project, where `make clean` finds them.

        ADFKIT_CACHE names another folder, for instance one that several clones share.
        """
        os.environ.setdefault("ADFKIT_CACHE", str(self.folder / ".adfkit" / "cache"))

    def passphrase(self) -> str:
        """The passphrase that encrypts the secrets of a stack of the embedded engine.

        As the Pulumi CLI does, PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE come first; else one is
        made once and kept beside the state, readable by its owner alone.
        """
        if (given := os.environ.get("PULUMI_CONFIG_PASSPHRASE")) is not None:
            return given
        if (file := os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE")) is not None:
            return Path(file).read_text(encoding="utf-8").strip()
        path = self.state_folder / "passphrase"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
                out.write(secrets.token_urlsafe(32))
        return path.read_text(encoding="utf-8").strip()


def find_project(start: Path | None = None) -> Project:
    """The project of the current folder or the nearest one above it.

    Raises:
        CliError: no `Pulumi.yaml` there.
    """
    start = start or Path.cwd()
    for folder in (start, *start.parents):
        if (folder / "Pulumi.yaml").is_file():
            return Project(folder)
    raise CliError(f"there is no Pulumi.yaml in {start} or above it: run adfkit inside a project folder.")
