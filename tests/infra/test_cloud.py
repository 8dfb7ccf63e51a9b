"""The cloud's endpoints, from its own metadata document, as official clients read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pytest

from infra import cloud
from infra.names import Names

if TYPE_CHECKING:
    from tests.conftest import LocalAzure


def test_the_public_cloud_is_the_one_without_a_metadata_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARM_CLOUD_METADATA_URL", raising=False)
    current = cloud.current()
    assert current.credential_scopes == ["https://management.azure.com/.default"]
    assert current.blob_endpoint("lake") == "https://lake.blob.core.windows.net"
    assert (current.web_host("app"), current.scm_host("app")) == ("app.azurewebsites.net", "app.scm.azurewebsites.net")
    assert current.machine_learning == "https://ml.azure.com"
    assert current.batch_endpoint("e", "westeurope") == "https://e.westeurope.inference.ml.azure.com/jobs"


def test_a_national_cloud_by_its_document() -> None:
    document = {
        "name": "AzureUSGovernment",
        "portal": "https://portal.azure.us",
        "resourceManager": "https://management.usgovcloudapi.net/",
        "authentication": {"loginEndpoint": "https://login.microsoftonline.us"},
        "suffixes": {"storage": "core.usgovcloudapi.net"},
    }
    current = cloud.from_metadata(document)
    assert current.web_host("app") == "app.azurewebsites.us"
    assert current.machine_learning == "https://ml.azure.us"


def test_local_azure_is_another_cloud(local_azure: LocalAzure) -> None:
    current = cloud.current()
    assert current.resource_manager == "https://management.azure.localhost"
    assert current.blob_endpoint("lake") == "https://lake.blob.azure.localhost"
    assert current.web_host("app") == "app.azurewebsites.azure.localhost"
    assert current.batch_endpoint("e", "westeurope") == "https://e.westeurope.inference.ml.azure.localhost/jobs"


def test_a_document_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ARM_CLOUD_METADATA_URL", "http://127.0.0.1:9/metadata/endpoints")
    with pytest.raises(pulumi.RunError, match=r"^ARM_CLOUD_METADATA_URL: http://127.0.0.1:9/.* cannot be read: "):
        cloud.current()


@pytest.mark.parametrize("stack", ["dev", "a-very-long-stack-name", "Pull-Request_123"])
def test_account_names_fit_what_storage_takes(stack: str) -> None:
    names = Names("adfkit", stack, "11111111-2222-4333-8444-555555555555")
    for name in (names.lake, names.services, names.account("batch")):
        assert 3 <= len(name) <= 24
        assert name.isalnum()
        assert name == name.lower()
    assert names.lake != names.services
