"""The command `uv` of a local node: `uv run --no-project --with-requirements FILE COMMAND...`.

On a node in Azure it is uv itself, which fetches packages from the index. A local run cannot leave the machine, so here
local Azure makes the environment, from the same file, and keeps it for the next task. Runs as a program of its own.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

USAGE = "a local node knows 'uv run --no-project --with-requirements FILE COMMAND...' only"


def main(agent: str, arguments: list[str]) -> None:
    """Become the command, in the environment of the requirements."""
    match arguments:
        case ["run", "--no-project", "--with-requirements", file, *command] if command:
            pass
        case _:
            fail(f"{USAGE}; it was called as 'uv {' '.join(arguments)}'")
    try:
        requirements = Path(file).read_bytes()
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    answer = ask(agent, requirements)
    if "error" in answer:
        fail(answer["error"])
    folder = Path(answer["folder"])
    os.environ["VIRTUAL_ENV"] = str(folder)
    os.environ["PATH"] = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    try:
        os.execvp(command[0], command)  # noqa: S606 - what it was called for
    except OSError as error:
        fail(f"{command[0]}: {error.strerror}")


def ask(agent: str, requirements: bytes) -> dict[str, str]:
    """The environment's folder, or the error, from the node's agent."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(agent)
        connection.sendall(requirements)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            return dict(json.load(answer))


def fail(message: str) -> None:
    """Say it and end."""
    sys.exit(f"error: {message}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
