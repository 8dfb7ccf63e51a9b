"""Sign-in, by the libraries that programs sign in with."""

from __future__ import annotations

import jwt
import msal
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential, DefaultAzureCredential, EnvironmentCredential

from tests.conftest import LocalAzure

LOGIN = "https://login.azure.localhost"


def _token(form: dict[str, str], path: str = "adfs/oauth2/token") -> requests.Response:
    return requests.post(f"{LOGIN}/{path}", data=form, timeout=10)


def _form(local_azure: LocalAzure, **changes: str) -> dict[str, str]:
    form = {
        "grant_type": "client_credentials",
        "client_id": local_azure.environment["AZURE_CLIENT_ID"],
        "client_secret": local_azure.environment["AZURE_CLIENT_SECRET"],
        "scope": "https://management.azure.localhost/.default",
    }
    return {name: value for name, value in {**form, **changes}.items() if value}


@pytest.mark.parametrize(
    ("scope", "audience"),
    [
        ("https://management.azure.localhost/.default", "https://management.azure.localhost"),
        ("https://storage.azure.com/.default", "https://storage.azure.com"),
        ("https://batch.core.windows.net//.default", "https://batch.core.windows.net/"),
        ("https://ml.azure.localhost/.default", "https://ml.azure.localhost"),
    ],
)
def test_azure_identity_gets_a_token_of_the_scopes_audience(local_azure: LocalAzure, scope: str, audience: str) -> None:
    token = EnvironmentCredential().get_token(scope).token
    jwks = jwt.PyJWKSet.from_dict(requests.get(f"{LOGIN}/adfs/discovery/keys", timeout=10).json())
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, jwks[header["kid"]], ["RS256"], audience=audience, issuer=f"{LOGIN}/adfs")
    assert claims["appid"] == local_azure.environment["AZURE_CLIENT_ID"]
    assert claims["tid"] == "ad0f0000-0000-4000-8000-000000000001"
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["oid"] == claims["sub"]


def test_default_azure_credential_works_from_the_environment(local_azure: LocalAzure) -> None:
    assert DefaultAzureCredential().get_token("https://management.azure.localhost/.default").token


def test_msal_signs_in_and_caches(local_azure: LocalAzure) -> None:
    application = msal.ConfidentialClientApplication(
        local_azure.environment["AZURE_CLIENT_ID"],
        authority=f"{local_azure.environment['AZURE_AUTHORITY_HOST']}/adfs",
        client_credential=local_azure.environment["AZURE_CLIENT_SECRET"],
    )
    scopes = ["https://management.azure.localhost/.default"]
    first = application.acquire_token_for_client(scopes)
    assert (first["token_source"], first["token_type"]) == ("identity_provider", "Bearer")
    assert application.acquire_token_for_client(scopes)["token_source"] == "cache"


def test_a_wrong_secret_is_aadsts7000215(local_azure: LocalAzure) -> None:
    credential = ClientSecretCredential("adfs", local_azure.environment["AZURE_CLIENT_ID"], "wrong", authority=LOGIN)
    with pytest.raises(ClientAuthenticationError, match=r"AADSTS7000215: Invalid client secret") as caught:
        credential.get_token("https://management.azure.localhost/.default")
    assert "wrong'" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "status", "error", "number"),
    [
        ({"client_id": "00000000-0000-0000-0000-00000000abcd"}, 400, "unauthorized_client", 700016),
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": ""}, 400, "invalid_request", 900144),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"grant_type": ""}, 400, "invalid_request", 900144),
        ({"scope": ""}, 400, "invalid_request", 900144),
        ({"scope": "https://management.azure.localhost/user_impersonation"}, 400, "invalid_scope", 1002012),
    ],
)
def test_refusals_carry_oauths_code_and_entras_number(
    local_azure: LocalAzure, changes: dict[str, str], status: int, error: str, number: int
) -> None:
    response = _token(_form(local_azure, **changes))
    body = response.json()
    assert (response.status_code, body["error"], body["error_codes"]) == (status, error, [number])
    assert body["error_description"].startswith(f"AADSTS{number}: ")


def test_both_versions_of_the_endpoint_and_basic_authentication(local_azure: LocalAzure) -> None:
    form = _form(local_azure)
    assert _token(form, "ad0f0000-0000-4000-8000-000000000001/oauth2/v2.0/token").status_code == 200
    resource = _token(_form(local_azure, scope="", resource="https://storage.azure.com"))
    assert resource.json()["resource"] == "https://storage.azure.com"
    basic = requests.post(
        f"{LOGIN}/adfs/oauth2/token",
        data={"grant_type": form["grant_type"], "scope": form["scope"]},
        auth=(form["client_id"], form["client_secret"]),
        timeout=10,
    )
    assert basic.status_code == 200


def test_another_tenant_and_another_flow_are_refused_by_name(local_azure: LocalAzure) -> None:
    response = _token(_form(local_azure), "contoso.example/oauth2/token")
    assert (response.status_code, response.json()["error_codes"]) == (400, [90002])
    device = requests.post(f"{LOGIN}/adfs/oauth2/devicecode", data={}, timeout=10)
    assert device.status_code == 501
    assert "/adfs/oauth2/devicecode" in device.json()["error_description"]


def test_the_managed_identity_endpoint_knows_nobody_without_a_secret(local_azure: LocalAzure) -> None:
    for headers in ({}, {"X-IDENTITY-HEADER": "guess"}, {"secret": "guess"}):
        response = requests.get(
            "https://identity.azure.localhost/msi/token?resource=https://storage.azure.com", headers=headers, timeout=10
        )
        assert (response.status_code, response.json()["error"]) == (401, "unauthorized_client")
    posted = {"grant_type": "client_credentials", "client_id": "x", "client_secret": "guess", "resource": "y"}
    response = requests.post("https://identity.azure.localhost/msi/token", data=posted, timeout=10)
    assert (response.status_code, response.json()["error"]) == (401, "unauthorized_client")
    assert "guess" not in response.text
