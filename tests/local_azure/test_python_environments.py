"""Environments are built once, hold only what was asked for, and say what could not be had."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adfkit.local_azure.processes import Processes
from adfkit.local_azure.python_environments import EnvironmentBuildError, PythonEnvironments

pytestmark = pytest.mark.slow
SMALL = "iniconfig==2.1.0\n"
WRONG_HASH = f"iniconfig==2.1.0 --hash=sha256:{'0' * 64}\n"


@asynccontextmanager
async def environments(folder: Path) -> AsyncIterator[PythonEnvironments]:
    processes = Processes()
    try:
        yield PythonEnvironments(processes, folder)
    finally:
        await processes.stop()


def imports(python: Path, module: str) -> bool:
    return subprocess.run([python, "-c", f"import {module}"], capture_output=True, cwd="/").returncode == 0


def test_an_environment_holds_what_was_asked_for_and_nothing_of_ours(tmp_path: Path) -> None:
    async def build() -> Path:
        async with environments(tmp_path) as made:
            return (await made.ensure(SMALL)).python

    python = asyncio.run(build())
    assert imports(python, "iniconfig")
    assert not imports(python, "adfkit")
    assert not imports(python, "pulumi")


def test_callers_at_the_same_time_share_one_build(tmp_path: Path) -> None:
    async def build() -> set[Path]:
        async with environments(tmp_path) as one, environments(tmp_path) as other:
            made = await asyncio.gather(*(maker.ensure("") for maker in (one, one, other)))
        return {environment.folder for environment in made}

    (folder,) = asyncio.run(build())
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == [folder]


def test_the_second_call_builds_nothing(tmp_path: Path) -> None:
    async def build() -> tuple[int, int]:
        async with environments(tmp_path) as made:
            first = (await made.ensure("")).folder.stat().st_ctime_ns
            return first, (await made.ensure("")).folder.stat().st_ctime_ns

    first, second = asyncio.run(build())
    assert first == second


@pytest.mark.parametrize(
    ("requirements", "says"),
    [
        ("adfkit-has-no-such-package==1\n", "adfkit-has-no-such-package"),
        (WRONG_HASH, "iniconfig"),
        ("a b c\n", "a b c"),
    ],
    ids=["unknown package", "wrong hash", "not a requirement"],
)
def test_a_failed_build_says_why_and_leaves_nothing(tmp_path: Path, requirements: str, says: str) -> None:
    async def build() -> None:
        async with environments(tmp_path) as made:
            await made.ensure(requirements, name="the function app 'fa'")

    with pytest.raises(
        EnvironmentBuildError, match="requirements of the function app 'fa' could not be installed"
    ) as raised:
        asyncio.run(build())
    assert says in str(raised.value)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_a_credential_in_an_address_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    requirements = "--index-url http://someone:hush@127.0.0.1:9/simple\nadfkit-has-no-such-package==1\n"

    async def build() -> None:
        async with environments(tmp_path) as made:
            await made.ensure(requirements)

    with pytest.raises(EnvironmentBuildError) as raised:
        asyncio.run(build())
    assert "127.0.0.1" in str(raised.value)
    assert "hush" not in str(raised.value)
