"""Child processes of local Azure: each gets a complete environment and ends with the gateway, even a killed one."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

OUTSIDE_VARIABLE: Final = "ADFKIT_OUTSIDE_ENVIRONMENT"
"""JSON of what the variables of `adfkit local env` replaced (null: unset before), so that tools that must reach the
outside (pip, uv, npm) still can."""
_PR_SET_PDEATHSIG: Final = 1


class Processes:
    """Starts children and ends them; each leads a process group of its own."""

    def __init__(self, grace: float = 5.0) -> None:
        """`grace`: seconds between terminate and kill."""
        self._grace = grace
        self._children: set[asyncio.subprocess.Process] = set()

    async def spawn(
        self,
        argv: Sequence[str],
        *,
        env: dict[str, str],
        cwd: Path,
        stdin: int = asyncio.subprocess.DEVNULL,
        stdout: int = asyncio.subprocess.DEVNULL,
        stderr: int = asyncio.subprocess.DEVNULL,
    ) -> asyncio.subprocess.Process:
        """Start a process with exactly this environment.

        Call it on the gateway's event loop: Linux kills a child when the *thread* that made it ends.
        """
        child = await asyncio.create_subprocess_exec(
            *argv,
            env=env,
            cwd=cwd,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=_die_with_parent(os.getpid()),
        )
        self._children = {known for known in self._children if known.returncode is None}
        self._children.add(child)
        return child

    async def end(self, child: asyncio.subprocess.Process) -> None:
        """Terminate a child with its process group, kill it where it does not follow, and wait for its end."""
        if child.returncode is None:
            _signal_group(child, signal.SIGTERM)
            try:
                await asyncio.wait_for(child.wait(), self._grace)
            except TimeoutError:
                _signal_group(child, signal.SIGKILL)
                await child.wait()
        self._children.discard(child)

    async def stop(self) -> None:
        """End every child."""
        await asyncio.gather(*(self.end(child) for child in list(self._children)))


def original_environment() -> dict[str, str]:
    """The environment of this process without what `adfkit local env` put into it: the way to the outside."""
    environment = dict(os.environ)
    outside: dict[str, str | None] = json.loads(environment.pop(OUTSIDE_VARIABLE, "{}"))
    for name, value in outside.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    return environment


def _signal_group(child: asyncio.subprocess.Process, number: signal.Signals) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return  # it ended in between


def _die_with_parent(parent: int) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def before_exec() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent ended before the request took hold
            os._exit(1)

    return before_exec
