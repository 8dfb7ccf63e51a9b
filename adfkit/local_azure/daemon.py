"""Local Azure as a background process of a folder: start, stop, status, environment, reset."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adfkit.local_azure.environment import deployer_environment
from adfkit.local_azure.errors import LocalAzureError
from adfkit.local_azure.gateway.certificates import CA_FOLDER
from adfkit.local_azure.identity import Deployer
from adfkit.local_azure.state import PORTS_FILE, STATE_FILE, GatewayState, Ports

LOCK_FILE: Final = "gateway.lock"
LOG_FILE: Final = "logs/gateway.log"
_START_TIMEOUT: Final = 60.0
_STOP_TIMEOUT: Final = 20.0
_POLL: Final = 0.05
_KEPT_BY_RESET: Final = frozenset({CA_FOLDER, "cache", LOCK_FILE})


@dataclass(frozen=True, slots=True)
class Status:
    """Whether the gateway of a folder runs; the rest is None where it does not."""

    folder: Path
    running: bool
    pid: int | None = None
    ports: Ports | None = None
    version: str | None = None
    log: Path | None = None


def default_folder(project: Path) -> Path:
    """`ADFKIT_LOCAL_FOLDER`, else `.adfkit/local` in the project."""
    chosen = os.environ.get("ADFKIT_LOCAL_FOLDER")
    return Path(chosen).expanduser().resolve() if chosen else project.resolve() / ".adfkit" / "local"


def start(folder: Path, *, ports: Ports | None = None) -> Status:
    """Start the gateway and wait until it is ready; one that runs already is left as it is.

    Without `ports` it takes those of its last run where they are free, so that a shell with its variables stays valid.

    Raises:
        LocalAzureError: it did not come up; the text holds the end of its log. Or it runs on other ports than asked.
    """
    current = status(folder)
    if current.running:
        return _require_ports(current, ports)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = folder / LOG_FILE
    log.parent.mkdir(parents=True, exist_ok=True)
    chosen = ports or _last_ports(folder)
    (folder / STATE_FILE).unlink(missing_ok=True)
    with log.open("ab") as output:
        offset = output.tell()
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "adfkit.local_azure", str(folder)),
                *("--tls-port", str(chosen.tls), "--proxy-port", str(chosen.proxy)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            start_new_session=True,
        )
    ready = _wait(lambda: process.poll() is not None or GatewayState.read(folder) is not None, _START_TIMEOUT)
    if process.poll() is not None and _is_locked(folder):  # another start came first: wait for its gateway
        ready = _wait(lambda: not _is_locked(folder) or GatewayState.read(folder) is not None, _START_TIMEOUT)
    current = status(folder)
    if ready and current.running:
        process.returncode = 0  # it outlives this process on purpose: no warning that it still runs
        return _require_ports(current, ports)
    reason = "ended at once" if process.poll() is not None else "was not ready in time"
    process.kill()
    process.wait()
    said = log.read_bytes()[offset:].decode("utf-8", "replace").strip().splitlines()[-15:]
    raise LocalAzureError(f"Local Azure {reason}. Its log {log} ends with:\n" + "\n".join(said))


def stop(folder: Path) -> bool:
    """End the gateway of a folder with all its children; returns whether one ran."""
    current = status(folder)
    if not current.running or current.pid is None:
        return False
    _signal(current.pid, signal.SIGTERM)
    if not _wait(lambda: not _is_locked(folder), _STOP_TIMEOUT):
        _signal(current.pid, signal.SIGKILL)
        if not _wait(lambda: not _is_locked(folder), _STOP_TIMEOUT):
            raise LocalAzureError(f"The gateway (process {current.pid}) does not end.")
    (folder / STATE_FILE).unlink(missing_ok=True)
    return True


def status(folder: Path) -> Status:
    """Whether the gateway of a folder runs. The lock that it holds decides: a file left by a killed one does not."""
    state = GatewayState.read(folder) if _is_locked(folder) else None
    if state is None:
        return Status(folder, running=False)
    return Status(folder, True, state.pid, state.ports, state.version, folder / LOG_FILE)


def environment(folder: Path) -> dict[str, str]:
    """The variables that point official clients at the running local Azure, with the deployer's credentials.

    Raises:
        LocalAzureError: it does not run.
    """
    current = status(folder)
    deployer = Deployer.load(folder)
    if current.ports is None or deployer is None:
        raise LocalAzureError(f"Local Azure does not run in {folder}. Start it with `adfkit local start`.")
    return deployer_environment(folder, current.ports.proxy, deployer)


def reset(folder: Path) -> None:
    """Stop local Azure and delete all that it holds, but for its certificate authority and its caches."""
    stop(folder)
    if not folder.exists():
        return
    for entry in folder.iterdir():
        if entry.name in _KEPT_BY_RESET:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _require_ports(current: Status, asked: Ports | None) -> Status:
    if asked is not None and current.ports is not None:
        for name in ("tls", "proxy"):
            wanted, has = getattr(asked, name), getattr(current.ports, name)
            if wanted not in (0, has):
                raise LocalAzureError(
                    f"Local Azure runs already, with {name} port {has} instead of {wanted}. Stop it first with "
                    "`adfkit local stop`."
                )
    return current


def _last_ports(folder: Path) -> Ports:
    """The ports of the last run where they are free now, else free ones."""
    path = folder / PORTS_FILE
    if not path.exists():
        return Ports()
    last = Ports(**json.loads(path.read_bytes()))
    return last if all(_is_free(port) for port in (last.tls, last.proxy)) else Ports()


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _is_locked(folder: Path) -> bool:
    path = folder / LOCK_FILE
    if not path.exists():
        return False
    with path.open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _wait(condition: Callable[[], bool], timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # it ended in between
