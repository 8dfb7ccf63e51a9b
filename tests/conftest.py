"""One real local Azure for the whole run, reached by official clients as any program would reach it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
from azure.identity import ClientSecretCredential

from adfkit.local_azure import daemon
from tests.pulumi_event_loops import Policy

# one cache for every test process, the same that `make up` fills
os.environ.setdefault("ADFKIT_CACHE", str(Path(__file__).parent.parent / ".adfkit" / "cache"))

asyncio.set_event_loop_policy(Policy())


@dataclass(frozen=True)
class LocalAzure:
    """A running local Azure; `environment` is what `adfkit local env` prints."""

    folder: Path
    environment: dict[str, str]
    credential: ClientSecretCredential


@pytest.fixture(scope="session")
def local_azure_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    """The gateway of this test process (one for each xdist worker), on free ports."""
    folder = tmp_path_factory.mktemp("local-azure")
    daemon.start(folder)
    environment = daemon.environment(folder)
    credential = ClientSecretCredential(
        environment["AZURE_TENANT_ID"],
        environment["AZURE_CLIENT_ID"],
        environment["AZURE_CLIENT_SECRET"],
        authority=environment["AZURE_AUTHORITY_HOST"],
    )
    try:
        yield LocalAzure(folder, environment, credential)
    finally:
        daemon.stop(folder)


@pytest.fixture
def local_azure(local_azure_session: LocalAzure) -> Iterator[LocalAzure]:
    """Local Azure, with this process' environment pointing at it while the test runs."""
    with mock.patch.dict(os.environ, local_azure_session.environment):
        yield local_azure_session


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever needs a running local Azure is slow, in the sense of `make test-fast`."""
    for item in items:
        if "local_azure_session" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


def pytest_sessionfinish() -> None:
    """The last moment at which an event loop can be closed without a warning."""
    policy = asyncio.get_event_loop_policy()
    assert isinstance(policy, Policy), "a test has left another event loop policy behind"
    policy.close()
