"""The cloud metadata document, as its readers read it."""

from __future__ import annotations

import pytest
import requests

from tests.conftest import LocalAzure


def _get(version: str | None) -> requests.Response:
    query = f"?api-version={version}" if version else ""
    return requests.get(f"https://management.azure.localhost/metadata/endpoints{query}", timeout=10)


@pytest.mark.slow
def test_azure_ai_ml_finds_the_cloud_by_its_resource_manager(
    local_azure: LocalAzure, monkeypatch: pytest.MonkeyPatch
) -> None:
    from azure.ai.ml import _azure_environments as environments

    monkeypatch.setattr(environments, "_environments", dict(environments._environments))
    monkeypatch.setenv("AZUREML_CURRENT_CLOUD", "")
    monkeypatch.delenv("AZUREML_CURRENT_CLOUD")
    details = environments._get_cloud_details()
    assert details["resource_manager"] == "https://management.azure.localhost/"
    assert details["active_directory"] == "https://login.azure.localhost/"
    assert details["aml_resource_id"] == "https://ml.azure.localhost"
    assert details["storage_endpoint"] == "azure.localhost"


def test_needs_no_token_and_lists_clouds_or_describes_this_one(local_azure: LocalAzure) -> None:
    (cloud,) = _get("2019-05-01").json()
    assert cloud == _get("2022-09-01").json()
    assert cloud["name"] == "AdfkitLocalCloud"
    assert cloud["authentication"]["loginEndpoint"] == "https://login.azure.localhost/"
    assert "https://management.azure.localhost/" in cloud["authentication"]["audiences"]
    old = _get("2015-01-01").json()
    assert old["authentication"]["loginEndpoint"] == "https://login.azure.localhost/"
    assert old["portalEndpoint"] == "https://portal.azure.localhost"


def test_asks_for_an_api_version(local_azure: LocalAzure) -> None:
    response = _get(None)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "MissingApiVersionParameter"
