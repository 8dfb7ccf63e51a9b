"""The package of the Function app: what it holds, when it changes, and how its publishing fails."""

from __future__ import annotations

import io
import tomllib
import zipfile
from collections.abc import Callable
from typing import Any

import httpx
import pulumi
import pytest

from infra import function_package
from infra.function_package import PROVIDER, PublishError

FILES = function_package.package_files(["flights"])


def test_the_package_holds_the_host_and_its_transforms() -> None:
    assert {"function_app.py", "host.json", "requirements.txt", "transforms/flights/transform.py"} < set(FILES)
    assert not [path for path in FILES if "__pycache__" in path or path.endswith((".md", ".in"))]
    assert tomllib.loads(FILES["transforms/flights/transform.toml"].decode())["name"] == "flights"


def test_the_requirements_are_locked_with_hashes_and_name_no_address() -> None:
    lines = FILES["requirements.txt"].decode().splitlines()
    pinned = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert {"azure-functions", "azure-identity", "azure-storage-blob", "narwhals", "polars"} <= {
        line.partition("==")[0] for line in pinned
    }
    assert all("==" in line and line.endswith("\\") for line in pinned)
    assert not [line for line in lines if "://" in line or "--index" in line]


def test_a_transform_that_is_not_there_is_named() -> None:
    with pytest.raises(pulumi.RunError, match="transforms/fligths: there is no such transform"):
        function_package.package_files(["fligths"])


def test_the_archive_depends_on_the_files_alone() -> None:
    turned = dict(reversed(FILES.items()))
    assert function_package.zipped(turned) == function_package.zipped(FILES)
    assert function_package.content_sha256(turned) == function_package.content_sha256(FILES)
    with zipfile.ZipFile(io.BytesIO(function_package.zipped(FILES))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == FILES


PROPS: dict[str, Any] = {
    "scm_host": "app.scm.example",
    "app_principal_id": "one",
    "scope": "s",
    "transforms": ["flights"],
    "role_propagation_seconds": 0,
    "content_sha256": function_package.content_sha256(FILES),
}


@pytest.mark.parametrize(
    ("change", "publishes"),
    [
        ({}, False),
        ({"role_propagation_seconds": 300}, False),
        ({"content_sha256": "other"}, True),
        ({"app_principal_id": "two"}, True),
        ({"scm_host": "other.scm.example"}, True),
    ],
)
def test_what_publishes_again(change: dict[str, Any], publishes: bool) -> None:
    assert PROVIDER.diff("id", {**PROPS, "deployment_id": "d"}, {**PROPS, **change}).changes is publishes


def test_files_that_changed_since_the_program_ran_are_not_published() -> None:
    with pytest.raises(PublishError, match="have changed since the program read them"):
        PROVIDER.create({**PROPS, "content_sha256": "older"})


Answer = tuple[int, Any]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """A deployment site that gives these answers, one a request; returns what it was asked."""
    original = httpx.Client

    def serve(*answers: Answer) -> list[str]:
        asked: list[str] = []
        left = list(answers)

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(f"{request.method} {request.url.raw_path.decode()}")
            status, body = left.pop(0)
            return httpx.Response(status, json=body)

        transport = httpx.MockTransport(answer)
        monkeypatch.setattr(httpx, "Client", lambda **_: original(transport=transport))
        monkeypatch.setattr(function_package, "POLL_SECONDS", 0)
        return asked

    return serve


def publish() -> str:
    return function_package.publish("app.scm.example", b"zip", lambda: "token")


def test_publishing_waits_until_the_site_is_up_again(site: Callable[..., list[str]]) -> None:
    building, done, other = ({"id": id, "status": status} for id, status in (("d1", 1), ("d1", 4), ("d0", 4)))
    asked = site((202, "d1"), (200, building), (503, None), (404, None), (200, other), (404, None), (200, done))
    assert publish() == "d1"
    id, latest = "GET /api/deployments/d1", "GET /api/deployments/latest"
    assert asked == ["POST /api/publish?RemoteBuild=true&Deployer=adfkit", id, id, id, latest, id, latest]


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        (((403, {"error": "no"}),), "https://app.scm.example did not take the package: HTTP 403"),
        (((202, "d1"), (200, {"id": "d1", "status": 3, "status_text": "no module x"})), "d1 .*is failed: no module x"),
        (((202, "d1"), (200, {"id": "d1", "status": -1})), "is cancelled: no reason given"),
        (((202, "d1"), (401, None)), "does not tell of the deployment d1: HTTP 401"),
    ],
)
def test_a_failed_publishing_says_what_the_site_said(
    site: Callable[..., list[str]], answers: tuple[Answer, ...], says: str
) -> None:
    site(*answers)
    with pytest.raises(PublishError, match=says):
        publish()
