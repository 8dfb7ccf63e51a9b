"""One real local Azure for the whole run, reached by official clients as any program would reach it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
from azure.identity import ClientSecretCredential

from adfkit.local_azure import daemon

# one cache for every test process, the same that `make up` fills
os.environ.setdefault("ADFKIT_CACHE", str(Path(__file__).parent.parent / ".adfkit" / "cache"))


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
