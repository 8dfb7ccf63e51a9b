"""The nodes of pools on this machine: a folder each, the commands in their path, and what their tasks see."""

from __future__ import annotations

import asyncio
import hashlib
import shlex
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson

from adfkit.local_azure.cloud import host
from adfkit.local_azure.errors import LocalAzureError
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resource_id import parse
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.services.batch.records import now

COMMANDS: Final = Path(__file__).parent / "node_commands"
NO_PACKAGES: Final = (
    "#!/bin/sh\n"
    'echo "apt-get is not run on this machine: install by hand what the task needs (it asked for: $*)" >&2\n'
    "exit 100\n"
)


@dataclass(slots=True)
class Node:
    """A node; `running` holds what its slots are taken by, in slots by task."""

    id: str
    pool: str
    slots: int
    folder: Path
    state: str = "starting"
    since: str = field(default_factory=now)
    running: dict[tuple[str, str, str], int] = field(default_factory=dict)
    tasks_run: int = 0
    tasks_succeeded: int = 0
    start_task: dict[str, object] | None = None

    @property
    def free(self) -> int:
        """Slots that nothing runs in."""
        return self.slots - sum(self.running.values())

    def set_state(self, state: str) -> None:
        """Move to a state."""
        if self.state != state:
            self.state, self.since = state, now()


def make_node(platform: Platform, pool: Resource, index: int) -> Node:
    """The node of that number; the same number is the same node, with its files, after a restart."""
    digest = hashlib.sha256(f"{pool.id.lower()}/{index}".encode()).hexdigest()
    folder = platform.folder / "batch" / digest[:16]
    for name in ("shared", "startup/wd", "workitems"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    slots = int(pool.properties.get("taskSlotsPerNode") or 1)
    return Node(f"tvmps_{digest[:56]}_d", pool.id.lower(), slots, folder)


def task_folder(node: Node, job: str, task: str) -> Path:
    """Where a task's files lie on its node."""
    return node.folder / "workitems" / job / "job-1" / task


class NodeAgent:
    """Makes Python environments for tasks, asked by the command `uv` over a socket that only this user can open."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        # not in the platform's folder: the path of a socket must be short
        self._folder = Path(tempfile.mkdtemp(prefix="adfkit-batch-"))
        self._server: asyncio.Server | None = None
        self.commands = self._folder / "bin"

    async def start(self) -> None:
        """Listen, and write the commands."""
        address = self._folder / "agent"
        self._server = await asyncio.start_unix_server(self._answer, path=str(address))
        self.commands.mkdir()
        python = getattr(sys, "_base_executable", sys.executable)
        program = shlex.join([python, "-I", str(COMMANDS / "uv.py"), str(address)])
        self._write("uv", f'#!/bin/sh\nexec {program} "$@"\n')
        self._write("python3", f'#!/bin/sh\nexec {shlex.quote(python)} "$@"\n')
        self._write("apt-get", NO_PACKAGES)

    async def stop(self) -> None:
        """Stop listening, and remove the commands."""
        if self._server is not None:
            self._server.close()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    def _write(self, name: str, text: str) -> None:
        path = self.commands / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o700)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            requirements = (await reader.read()).decode()
            environment = await self._platform.environments.ensure(requirements, name="the task")
            answer = {"folder": str(environment.folder)}
        except (LocalAzureError, UnicodeDecodeError) as error:
            answer = {"error": str(error)}
        writer.write(orjson.dumps(answer))
        writer.close()


def environment(
    platform: Platform, agent: NodeAgent, account: Resource, pool: Resource, node: Node, folder: Path
) -> dict[str, str]:
    """What a task or start task sees: https://learn.microsoft.com/azure/batch/batch-compute-node-environment-variables"""
    base = platform.client_environment
    return {
        **base,
        "PATH": f"{agent.commands}:{base['PATH']}",
        "HOME": str(folder / "wd"),
        "AZ_BATCH_ACCOUNT_NAME": account.name,
        "AZ_BATCH_ACCOUNT_URL": account_url(account),
        "AZ_BATCH_POOL_ID": parse(pool.id).name,
        "AZ_BATCH_NODE_ID": node.id,
        "AZ_BATCH_NODE_IS_DEDICATED": "true",
        "AZ_BATCH_NODE_ROOT_DIR": str(node.folder),
        "AZ_BATCH_NODE_SHARED_DIR": str(node.folder / "shared"),
        "AZ_BATCH_NODE_STARTUP_DIR": str(node.folder / "startup"),
        "AZ_BATCH_TASK_DIR": str(folder),
        "AZ_BATCH_TASK_WORKING_DIR": str(folder / "wd"),
    }


def account_url(account: Resource) -> str:
    """The base of the account's Batch API."""
    return f"https://{host(account.name, str(account.body['location']), 'batch')}/"
