"""The environment as programs in other languages read it."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from adfkit.local_azure.services.storage.azurite.install import node
from tests.conftest import LocalAzure

FETCH = """
const url = process.argv[1];
fetch(url).then(async (r) => console.log(JSON.stringify([r.status, await r.text()])),
                (e) => console.log(JSON.stringify([0, String(e.cause ?? e)])));
"""


def _node(local_azure: LocalAzure, url: str) -> tuple[int, str]:
    finished = subprocess.run(
        [str(node()), "-e", FETCH, url],
        env=local_azure.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    status, text = json.loads(finished.stdout)
    return status, text


def test_node_reaches_the_cloud_and_nothing_else(local_azure: LocalAzure) -> None:
    status, text = _node(local_azure, local_azure.environment["ARM_CLOUD_METADATA_URL"])
    assert status == 200
    assert json.loads(text)[0]["name"] == "AdfkitLocalCloud"
    status, text = _node(local_azure, "https://pypi.org/")
    assert status == 0, text


@pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl")
def test_curl_reaches_the_cloud_and_nothing_else(local_azure: LocalAzure) -> None:
    curl = [str(shutil.which("curl")), "--silent", "--show-error"]
    url = local_azure.environment["ARM_CLOUD_METADATA_URL"]
    reached = subprocess.run([*curl, url], env=local_azure.environment, capture_output=True, text=True, check=False)
    assert json.loads(reached.stdout)[0]["name"] == "AdfkitLocalCloud", reached.stderr
    refused = subprocess.run(
        [*curl, "https://pypi.org/"], env=local_azure.environment, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 56
    assert "403" in refused.stderr
