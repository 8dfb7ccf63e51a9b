"""What a run took is measured of its processes, and of it alone."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from transforms.hosts.measure import Measurement

BLOCK = 200_000_000
needs_proc = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks are reset on Linux only")


def test_it_counts_the_seconds() -> None:
    measurement = Measurement()
    time.sleep(0.05)
    assert 0.05 <= measurement.taken()["seconds"] < 60


def test_the_peak_stays_when_the_memory_is_given_back() -> None:
    measurement = Measurement()
    block = bytearray(b"x") * BLOCK
    del block
    assert BLOCK < measurement.taken()["peak_memory_bytes"] < 100 * BLOCK


@needs_proc
def test_what_was_before_does_not_count() -> None:
    block = bytearray(b"x") * BLOCK
    with_block = Measurement().taken()["peak_memory_bytes"]
    del block
    assert Measurement().taken()["peak_memory_bytes"] < with_block


STARTS_ANOTHER = f"""
import subprocess, sys
from transforms.hosts.measure import Measurement
alone = Measurement().taken()["peak_memory_bytes"]
other = "block = bytearray(b'x') * {BLOCK}; print(len(block), flush=True); input()"
with subprocess.Popen([sys.executable, "-c", other], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
    child.stdout.readline()
    print(Measurement().taken()["peak_memory_bytes"] - alone)
    child.communicate(b"\\n")
"""


@needs_proc
def test_a_process_that_it_started_counts() -> None:
    # by a process of its own: one that has run other tests gives memory back whenever it likes
    done = subprocess.run([sys.executable, "-c", STARTS_ANOTHER], capture_output=True, text=True, check=True)
    assert int(done.stdout) > BLOCK // 2
