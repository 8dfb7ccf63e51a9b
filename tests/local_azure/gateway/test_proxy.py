"""The proxy lets nothing leave the machine."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

import pytest
import requests

from tests.conftest import LocalAzure


def _proxy(local_azure: LocalAzure) -> tuple[str, int]:
    proxy = urlsplit(local_azure.environment["HTTPS_PROXY"])
    assert proxy.hostname == "127.0.0.1"
    assert proxy.port is not None
    return proxy.hostname, proxy.port


def _ask(local_azure: LocalAzure, request: bytes) -> bytes:
    with socket.create_connection(_proxy(local_azure), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


@pytest.mark.parametrize(
    ("request_line", "explanation"),
    [
        (b"CONNECT pypi.org:443 HTTP/1.1", b"'pypi.org' is not below azure.localhost"),
        (b"CONNECT management.azure.com:443 HTTP/1.1", b"'management.azure.com' is not below"),
        (b"CONNECT azure.localhost.example.com:443 HTTP/1.1", b"'azure.localhost.example.com' is not below"),
        (b"CONNECT evilazure.localhost:443 HTTP/1.1", b"'evilazure.localhost' is not below"),
        (b"CONNECT 127.0.0.1:22 HTTP/1.1", b"'127.0.0.1' is not below"),
        (b"CONNECT management.azure.localhost:22 HTTP/1.1", b"on port 443 only"),
        (b"GET http://example.com/?secret=x HTTP/1.1", b"not GET http://example.com/."),
    ],
)
def test_refuses_what_is_not_of_this_cloud(local_azure: LocalAzure, request_line: bytes, explanation: bytes) -> None:
    answer = _ask(local_azure, request_line + b"\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert explanation in answer


def test_a_client_with_the_environment_cannot_reach_the_outside(local_azure: LocalAzure) -> None:
    for url in ("https://pypi.org/", "http://example.com/"):
        with pytest.raises(requests.RequestException) as caught:
            requests.get(url, timeout=10).raise_for_status()
        assert "403" in str(caught.value)


def test_each_host_has_its_certificate_however_deep(local_azure: LocalAzure) -> None:
    context = ssl.create_default_context(cafile=local_azure.environment["SSL_CERT_FILE"])
    for name in ("management.azure.localhost", "flights.westeurope.inference.ml.azure.localhost"):
        with socket.create_connection(_proxy(local_azure), timeout=10) as connection:
            connection.sendall(f"CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n".encode())
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
            with context.wrap_socket(connection, server_hostname=name) as tls:
                names = tls.getpeercert()["subjectAltName"]  # type: ignore[index]
        assert names == (("DNS", name),)


def test_the_tls_port_refuses_names_of_other_clouds(local_azure: LocalAzure) -> None:
    context = ssl.create_default_context(cafile=local_azure.environment["SSL_CERT_FILE"])
    name = "management.azure.localhost"
    with socket.create_connection(_proxy(local_azure), timeout=10) as connection:
        connection.sendall(f"CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n".encode())
        connection.recv(4096)
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(connection, server_hostname="management.azure.com")


def test_listens_on_loopback_only(local_azure: LocalAzure) -> None:
    _, port = _proxy(local_azure)
    for address in _addresses_of_this_machine():
        with pytest.raises(OSError), socket.create_connection((address, port), timeout=5):
            pass


def _addresses_of_this_machine() -> set[str]:
    infos = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    return {str(info[4][0]) for info in infos if not str(info[4][0]).startswith("127.")}
