"""Local Azure as a background process: started, found, killed, started again, reset."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from adfkit.local_azure import daemon
from adfkit.local_azure.errors import LocalAzureError
from adfkit.local_azure.state import Ports

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "local"
    yield folder
    daemon.stop(folder)


def _metadata_status(folder: Path) -> int:
    environment = daemon.environment(folder)
    trust = ssl.create_default_context(cafile=environment["SSL_CERT_FILE"])
    with httpx.Client(proxy=environment["HTTPS_PROXY"], verify=trust, trust_env=False) as client:
        return client.get(environment["ARM_CLOUD_METADATA_URL"]).status_code


def test_a_life(folder: Path) -> None:
    assert not daemon.status(folder).running
    assert daemon.stop(folder) is False
    with pytest.raises(LocalAzureError, match=r"does not run in .* Start it with `adfkit local start`"):
        daemon.environment(folder)

    first = daemon.start(folder)
    assert first.running
    assert daemon.start(folder) == first == daemon.status(folder)
    assert _metadata_status(folder) == 200
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    before = daemon.environment(folder)
    assert first.ports is not None
    taken = Ports(tls=0, proxy=first.ports.proxy + 1)
    with pytest.raises(LocalAzureError, match="runs already, with proxy port"):
        daemon.start(folder, ports=taken)

    assert daemon.stop(folder) is True
    assert not daemon.status(folder).running
    again = daemon.start(folder)
    assert (again.ports, daemon.environment(folder)) == (first.ports, before)

    assert again.pid is not None
    os.kill(again.pid, signal.SIGKILL)
    while daemon.status(folder).running:
        time.sleep(0.01)
    assert (folder / "gateway.json").exists()
    after_kill = daemon.start(folder)
    assert after_kill.pid != again.pid
    assert _metadata_status(folder) == 200

    ca = (folder / "ca" / "ca.pem").read_bytes()
    daemon.reset(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["ca", "gateway.lock"]
    daemon.start(folder)
    assert (folder / "ca" / "ca.pem").read_bytes() == ca
    assert daemon.environment(folder)["AZURE_CLIENT_ID"] != before["AZURE_CLIENT_ID"]


def test_a_taken_port_is_an_error_that_names_it(folder: Path) -> None:
    with socket.socket() as occupied:
        occupied.bind(("127.0.0.1", 0))
        occupied.listen()
        port = occupied.getsockname()[1]
        with pytest.raises(LocalAzureError) as caught:
            daemon.start(folder, ports=Ports(proxy=port))
    assert f"Port {port} on 127.0.0.1 cannot be taken" in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert not daemon.status(folder).running


def test_two_starts_at_once_make_one_gateway(folder: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(daemon.start, [folder, folder])
    assert one == other
    assert one.running


def test_a_second_gateway_of_the_folder_refuses(folder: Path) -> None:
    daemon.start(folder)
    finished = subprocess.run(
        [sys.executable, "-m", "adfkit.local_azure", str(folder)], capture_output=True, text=True, timeout=60
    )
    assert (finished.returncode, finished.stderr) == (1, f"error: local Azure runs already in {folder}\n")


def test_the_environment_reaches_everything_local_and_remembers_what_it_replaced(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ADFKIT_OUTSIDE_ENVIRONMENT", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://corporate:3128")
    monkeypatch.setenv("NO_PROXY", "example.com")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    status = daemon.start(folder)
    assert status.ports is not None
    environment = daemon.environment(folder)
    proxy = f"http://127.0.0.1:{status.ports.proxy}"
    assert {environment[name] for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY")} == {proxy}
    assert environment["NO_PROXY"] == environment["no_proxy"] == "127.0.0.1"
    bundle = str(folder / "ca" / "ca.pem")
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
        assert environment[name] == bundle
    assert environment["AZURE_TENANT_ID"] == "adfs"
    outside = json.loads(environment["ADFKIT_OUTSIDE_ENVIRONMENT"])
    assert (outside["HTTPS_PROXY"], outside["NO_PROXY"], outside["SSL_CERT_FILE"]) == (
        "http://corporate:3128",
        "example.com",
        None,
    )
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert daemon.environment(folder) == environment
