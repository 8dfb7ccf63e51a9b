"""A project in a temporary folder whose program each test writes, revision by revision."""

from __future__ import annotations

import json
import shutil
import textwrap
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from adfkit.engine import Event, Result, Stack
from adfkit.engine.passphrase import PassphraseCrypter
from tests.engine.memory_provider import MemoryCloud

PASSPHRASE = "open sesame"
PROGRAMS = Path(__file__).parent / "programs"


@lru_cache
def _salt_line() -> str:
    return PassphraseCrypter(PASSPHRASE).salt_line


class Workspace:
    """A project with the stack `test`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cloud = MemoryCloud()
        self.state_file = folder / "state" / "test.json"
        self.events: list[Event] = []
        (folder / "Pulumi.yaml").write_text("name: demo\nruntime: python\nmain: program\nstackConfigDir: stacks\n")
        (folder / "stacks").mkdir()
        self.settings("")
        shutil.copytree(PROGRAMS, folder / "program", ignore=shutil.ignore_patterns("__pycache__"))
        self.program("")

    def settings(self, text: str) -> None:
        """Write the stack's settings file."""
        salt = f"encryptionsalt: {_salt_line()}\n"  # one for all tests, since a key takes half a second to derive
        (self.folder / "stacks" / "Pulumi.test.yaml").write_text(salt + textwrap.dedent(text))

    def program(self, text: str) -> None:
        """Write the next revision of the program."""
        source = "import pulumi\nfrom pulumi import ResourceOptions, export\nfrom mem import Group, Provider, Thing\n"
        (self.folder / "program" / "__main__.py").write_text(source + textwrap.dedent(text))

    def stack(self, parallel: int = 16) -> Stack:
        """The stack, as a new process would open it."""
        return Stack("test", self.folder, self.state_file, PASSPHRASE, self.cloud.provider, parallel)

    def up(self, text: str | None = None) -> Result:
        """Deploy a revision."""
        return self._run("up", text)

    def preview(self, text: str | None = None) -> Result:
        """Preview a revision."""
        return self._run("preview", text)

    def _run(self, command: str, text: str | None) -> Result:
        if text is not None:
            self.program(text)
        self.events = []
        result: Result = getattr(self.stack(), command)(self.events.append)
        if self.state_file.exists():
            check_order(self.state())
        return result

    def state(self) -> dict[str, Any]:
        """The deployment in the state file."""
        deployment: dict[str, Any] = json.loads(self.state_file.read_text())["deployment"]
        return deployment

    def names(self) -> list[str]:
        """The logical names in the state, but for the stack and default providers."""
        hidden = ("pulumi:pulumi:Stack", "pulumi:providers:mem")
        return [
            one["urn"].rsplit("::", 1)[-1] for one in self.state().get("resources", []) if one["type"] not in hidden
        ]


def check_order(deployment: dict[str, Any]) -> None:
    """What the Pulumi CLI demands of a state: everything comes after what it needs, and is there once."""
    seen: set[str] = set()
    live: set[str] = set()
    for resource in deployment["resources"]:
        needed = {
            resource.get("parent", ""),
            resource.get("provider", "").rpartition("::")[0],
            *resource.get("dependencies", []),
        }
        needed.update(*resource.get("propertyDependencies", {}).values())
        assert needed - {""} <= seen, resource["urn"]
        seen.add(resource["urn"])
        if not resource.get("delete"):
            assert resource["urn"] not in live
            live.add(resource["urn"])


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A fresh project."""
    return Workspace(tmp_path)


def counts(result: Result) -> dict[str, int]:
    """The result's changes by the operation's word, without what stays the same."""
    return {operation.value: count for operation, count in result.changes.items() if operation.value != "same"}


def errors(result: Result) -> list[str]:
    """The messages of the result's errors."""
    return [one.message for one in result.errors]
