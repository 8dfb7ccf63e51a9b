"""Children: a complete environment, and an end with their parent."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adfkit.local_azure.processes import OUTSIDE_VARIABLE, Processes, original_environment

PARENT = """
import asyncio, sys
from pathlib import Path
from adfkit.local_azure.processes import Processes

async def main():
    child = await Processes().spawn([sys.executable, "-c", "import time; time.sleep(600)"], env={}, cwd=Path("."))
    print(child.pid, flush=True)
    await child.wait()

asyncio.run(main())
"""


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's parent-death signal is Linux's")
def test_children_of_a_killed_parent_end() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert _is_alive(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while _is_alive(child):
        assert time.monotonic() < deadline, "the child outlived its killed parent"
        time.sleep(0.02)


def test_a_child_sees_only_the_environment_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET_OF_THIS_PROCESS", "x")

    async def run() -> bytes:
        child = await Processes().spawn(
            [sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"],
            env={"GIVEN": "1"},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
        )
        output, _ = await child.communicate()
        return output

    environment = json.loads(asyncio.run(run()))
    environment.pop("LC_CTYPE", None)  # Python itself sets it in the C locale
    assert environment == {"GIVEN": "1"}


def test_stop_ends_children_that_ignore_the_terminate_signal(tmp_path: Path) -> None:
    ignore = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    code = f"{ignore}; print('ready', flush=True); time.sleep(600)"

    async def run() -> tuple[int | None, int | None]:
        processes = Processes(grace=0.2)
        stubborn = await processes.spawn([sys.executable, "-c", code], env={}, cwd=tmp_path, stdout=subprocess.PIPE)
        polite = await processes.spawn([sys.executable, "-c", "import time; time.sleep(600)"], env={}, cwd=tmp_path)
        assert stubborn.stdout is not None
        await stubborn.stdout.readline()
        await processes.stop()
        return stubborn.returncode, polite.returncode

    assert asyncio.run(run()) == (-signal.SIGKILL, -signal.SIGTERM)


def test_the_original_environment_is_what_stood_before_local_azure(monkeypatch: pytest.MonkeyPatch) -> None:
    outside = {"HTTPS_PROXY": "http://corporate:3128", "SSL_CERT_FILE": None}
    monkeypatch.setenv(OUTSIDE_VARIABLE, json.dumps(outside))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("SSL_CERT_FILE", "ca.pem")
    original = original_environment()
    assert original["HTTPS_PROXY"] == "http://corporate:3128"
    assert "SSL_CERT_FILE" not in original
    assert OUTSIDE_VARIABLE not in original
    assert original["PATH"] == os.environ["PATH"]
