"""One run at a time on a stack: a lock file that names the process which holds it.

The lock itself is the kernel's (flock), so it ends with its process, however that ends; a file left behind locks
nothing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from adfkit.engine.errors import EngineError


def _open(path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+")
    except OSError as error:
        raise EngineError(f"The lock file {path} cannot be opened: {error.strerror}.") from error


@contextmanager
def stack_lock(state_file: Path) -> Iterator[None]:
    """Hold the lock `<state file>.lock`.

    Raises:
        EngineError: another process, named by its id, is deploying this stack; or the file cannot be opened.
    """
    path = state_file.with_name(f"{state_file.name}.lock")
    with _open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise EngineError(
                f"Another deployment of this stack is running: process {holder} holds {path}. Wait for it, or end it."
            ) from error
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            file.seek(0)
            file.truncate()
