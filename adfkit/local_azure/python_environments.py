"""Python environments made from the text of a requirements file: built by uv, cached by hash, shared between runs.

What runs in the cloud (a function app, a step of an ML job) brings its requirements; its environment holds these and
nothing of ours, so that a requirement which is missing in Azure is missing here.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import platform as machine
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import uv

from adfkit.local_azure.errors import LocalAzureError
from adfkit.local_azure.processes import original_environment

if TYPE_CHECKING:
    from adfkit.local_azure.processes import Processes

LOCK_POLL_SECONDS: Final = 0.1
# what would make uv look at another environment than the one that is being built
FOREIGN_VARIABLES: Final = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "UV_PYTHON", "UV_SYSTEM_PYTHON")
CREDENTIALS_IN_URL: Final = re.compile(r"(?<=://)[^/\s@]+@")


class EnvironmentBuildError(LocalAzureError):
    """Requirements that could not be installed; the text holds uv's own message."""


@dataclass(frozen=True, slots=True)
class PythonEnvironment:
    """A finished virtual environment: its interpreter, and its folder (never to be written to: others share it)."""

    python: Path
    folder: Path


class PythonEnvironments:
    """Makes each environment once, however many callers or processes ask for it at the same time."""

    def __init__(self, processes: Processes, folder: Path | None = None) -> None:
        """`folder` holds the environments; by default `environments` in adfkit's cache folder."""
        self._processes = processes
        self._folder = folder or cache_folder() / "environments"
        self._locks: dict[str, asyncio.Lock] = {}

    async def ensure(self, requirements: str, *, name: str = "") -> PythonEnvironment:
        """The environment that holds exactly these requirements, built if it is not there yet.

        Args:
            requirements: the text of a requirements file. Where it gives hashes, every package must match one.
            name: what needs the environment, for the error's text.

        Raises:
            EnvironmentBuildError: uv could not find, verify or install a requirement.
        """
        key = environment_key(requirements)
        environment = _environment(self._folder / key)
        if environment.folder.exists():
            return environment
        async with self._locks.setdefault(key, asyncio.Lock()), _file_lock(self._folder / f"{key}.lock"):
            if not environment.folder.exists():
                await self._build(requirements, environment.folder, name)
        return environment

    async def _build(self, requirements: str, folder: Path, name: str) -> None:
        """Build beside the final place and move there when done: a folder that exists is complete."""
        building = folder.with_name(f"{folder.name}.building")
        await asyncio.to_thread(
            shutil.rmtree, building, ignore_errors=True
        )  # what a killed process left; we hold the lock
        try:
            await self._uv(["venv", "--no-project", "--relocatable", "--python", sys.executable, str(building)], name)
            (building / "requirements.txt").write_text(requirements, encoding="utf-8")
            arguments = ["pip", "install", "--python", str(_environment(building).python), "--compile-bytecode"]
            if "--hash=" in requirements:
                arguments.append("--require-hashes")
            if requirements.strip():
                await self._uv([*arguments, "-r", str(building / "requirements.txt")], name)
            building.rename(folder)
        finally:
            await asyncio.to_thread(shutil.rmtree, building, ignore_errors=True)

    async def _uv(self, arguments: list[str], name: str) -> None:
        environment = {key: value for key, value in original_environment().items() if key not in FOREIGN_VARIABLES}
        process = await self._processes.spawn(
            [uv.find_uv_bin(), *arguments, "--quiet", "--color", "never"],
            env=environment,
            cwd=self._folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        if process.returncode != 0:
            text = CREDENTIALS_IN_URL.sub("***@", output.decode(errors="replace")).strip()
            wanted = f" of {name}" if name else ""
            raise EnvironmentBuildError(f"The requirements{wanted} could not be installed. {text}")


def cache_folder() -> Path:
    """Where adfkit keeps what can be made again: `ADFKIT_CACHE`, else `adfkit` in the user's cache folder."""
    environment = original_environment()
    if chosen := environment.get("ADFKIT_CACHE"):
        return Path(chosen).expanduser().resolve()
    if machine.system() == "Darwin":
        return Path.home() / "Library" / "Caches" / "adfkit"
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "adfkit"


def environment_key(requirements: str) -> str:
    """SHA-256 over the interpreter, the machine and the requirements' text."""
    base = f"{machine.python_implementation()} {machine.python_version()} {machine.system()} {machine.machine()}"
    return hashlib.sha256(f"{base} {sys.base_prefix}\n{requirements}".encode()).hexdigest()


def _environment(folder: Path) -> PythonEnvironment:
    return PythonEnvironment(python=folder / "bin" / "python", folder=folder)


@asynccontextmanager
async def _file_lock(path: Path) -> AsyncIterator[None]:
    """Hold a lock that other processes see; the system frees it when this process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not _try_lock(descriptor):  # noqa: ASYNC110  (another process frees it, so no event tells)
            await asyncio.sleep(LOCK_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
