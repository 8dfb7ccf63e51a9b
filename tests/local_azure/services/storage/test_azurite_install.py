"""Azurite as locked, on machines with Node.js and without."""

from __future__ import annotations

import json
import os
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from adfkit.local_azure.errors import LocalAzureError
from adfkit.local_azure.services.storage.azurite import install

PACKAGE = files("adfkit.local_azure.services.storage.azurite")


def test_the_lock_pins_everything_and_names_no_registry() -> None:
    manifest = json.loads(PACKAGE.joinpath("package.json").read_bytes())
    lock = json.loads(PACKAGE.joinpath("package-lock.json").read_bytes())
    packages = {path: package for path, package in lock["packages"].items() if path}
    assert packages["node_modules/azurite"]["version"] == manifest["dependencies"]["azurite"]
    for path, package in packages.items():
        assert package.get("integrity"), path
        assert "resolved" not in package, path


def test_the_wheels_node_and_npm_serve_where_the_machine_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    command = install._npm()
    assert command[0] == str(install.node())
    for argv in ([str(install.node()), "--version"], [*command, "--version"]):
        finished = subprocess.run(argv, capture_output=True, text=True, check=True)
        assert int(finished.stdout.strip().lstrip("v").split(".")[0]) >= 10


def test_the_machines_own_npm_goes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/nowhere")
    assert install._npm() == [str(npm)]


@pytest.mark.slow
def test_an_unreachable_registry_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADFKIT_CACHE", str(tmp_path))
    monkeypatch.setenv("npm_config_registry", "http://user:secret@127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    with pytest.raises(LocalAzureError) as caught:
        install.install_azurite()
    assert "could not be installed. Is the npm registry reachable?" in str(caught.value)
    assert "ECONNREFUSED" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert [path.suffix for path in sorted((tmp_path / "azurite").iterdir())] == [".draft", ".lock"]


def test_a_finished_installation_is_used_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADFKIT_CACHE", str(tmp_path))
    made: list[Path] = []

    def fake_install(_: dict[str, bytes], folder: Path) -> None:
        made.append(folder)
        folder.mkdir()

    monkeypatch.setattr(install, "_install", fake_install)
    assert install.install_azurite() == install.install_azurite() == made[0]
    assert len(made) == 1
