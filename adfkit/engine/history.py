"""The history of a stack: one line of JSON a run in `<state file>.history`, with the keys of `pulumi stack history`.

It tells when, what and how it ended, and no property values: the state file has the resources themselves.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import orjson

from adfkit.engine.errors import EngineError
from adfkit.engine.events import Result
from adfkit.engine.state import now

Kind = Literal["update", "refresh", "destroy"]


@dataclass(frozen=True, slots=True)
class Update:
    """One run; the field names are the CLI's."""

    version: int
    kind: Kind
    startTime: str
    endTime: str
    result: Literal["succeeded", "failed"]
    resourceChanges: Mapping[str, int]


def _path(state_file: Path) -> Path:
    return state_file.with_name(f"{state_file.name}.history")


def read_history(state_file: Path) -> list[Update]:
    """The runs, the latest first.

    Raises:
        EngineError: the file is damaged or cannot be read; the text names it and the line.
    """
    path = _path(state_file)
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise EngineError(f"The history {path} cannot be read: {error.strerror}.") from error
    updates = []
    for number, line in enumerate(lines, 1):
        try:
            updates.append(Update(**orjson.loads(line)))
        except (ValueError, TypeError) as error:
            raise EngineError(f"{path}:{number} is no entry of a stack's history: {error}.") from error
    return updates[::-1]


def add_to_history(state_file: Path, kind: Kind, start_time: str, result: Result) -> None:
    """Note a run that ended; the caller holds the stack's lock.

    Raises:
        EngineError: as `read_history`, or the file cannot be written.
    """
    update = Update(
        version=len(read_history(state_file)) + 1,
        kind=kind,
        startTime=start_time,
        endTime=now(),
        result="succeeded" if result.ok else "failed",
        resourceChanges={operation.value: count for operation, count in result.changes.items()},
    )
    path = _path(state_file)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
            file.write(orjson.dumps(asdict(update)) + b"\n")
    except OSError as error:
        raise EngineError(f"The history {path} cannot be written: {error.strerror}.") from error
