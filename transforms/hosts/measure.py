"""What a run took: its time and its memory, which every manifest says under `measured`."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TypedDict

PROC = Path("/proc")


class Measured(TypedDict):
    """Seconds of wall time, and the most memory that was resident at once, in bytes."""

    seconds: float
    peak_memory_bytes: int


class Measurement:
    """Measures this process, and the processes that it has started, from the moment that this is made.

    Without `reset` its memory is that since the last which was made with it: for what runs beside others in a process.
    Where the system keeps no peak that can be reset (it takes Linux), it is the peak of this process's whole life.
    """

    def __init__(self, *, reset: bool = True) -> None:
        self._began = time.monotonic()
        self._known = _reset_peaks() if reset else PROC.is_dir()

    def taken(self) -> Measured:
        """What it has taken until now."""
        peak = sum(_peak(process) for process in _processes()) if self._known else _life_peak()
        return Measured(seconds=round(time.monotonic() - self._began, 3), peak_memory_bytes=peak)


def _reset_peaks() -> bool:
    """Set the peaks of this process and those that it started to what they hold now: see proc_pid_clear_refs(5)."""
    try:
        for process in _processes():
            (process / "clear_refs").write_text("5")
    except OSError:  # another system, or one that forbids it
        return False
    return True


def _peak(process: Path) -> int:
    try:
        status = (process / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):  # it has ended since it was listed
        return 0
    kilobytes = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(kilobytes[0]) * 1024 if kilobytes else 0  # one that has ended but was not waited for has no memory


def _processes() -> list[Path]:
    """The folders in /proc of this process and all that descend from it."""
    children: dict[int, list[int]] = defaultdict(list)
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children[parent].append(int(stat.parent.name))
    found = [os.getpid()]
    for process in found:
        found += children[process]
    return [PROC / str(process) for process in found]


def _life_peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
