"""What every request meets: ids, hosts, tokens, the error envelope, the request log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from adfkit.local_azure.gateway.hosts import Hosts
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.identity.tokens import TokenSigner
from adfkit.local_azure.service import DataPlane, RequestContext
from tests.conftest import LocalAzure

ARM = "https://management.azure.localhost"
SCOPE = f"{ARM}/.default"


def _subscriptions(token: str | None, **headers: str) -> requests.Response:
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return requests.get(f"{ARM}/subscriptions?api-version=2022-12-01", headers=headers, timeout=10)


def _deployer(local_azure: LocalAzure, client_id: str | None = None) -> Principal:
    stored = json.loads((local_azure.folder / "deployer.json").read_bytes())
    return Principal(stored["object_id"], client_id or stored["client_id"], "x", "ServicePrincipal")


def test_every_answer_carries_its_ids(local_azure: LocalAzure) -> None:
    token = local_azure.credential.get_token(SCOPE).token
    response = _subscriptions(token, **{"x-ms-correlation-request-id": "my-correlation"})
    assert response.status_code == 200
    assert len(response.headers["x-ms-request-id"]) == 36
    assert response.headers["Date"].endswith(" GMT")
    assert response.headers["x-ms-correlation-request-id"] == "my-correlation"


def test_a_request_without_a_token_is_challenged(local_azure: LocalAzure) -> None:
    response = _subscriptions(None)
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "AuthenticationFailed"
    assert "authorization_uri=" in response.headers["WWW-Authenticate"]


def test_another_scheme_is_an_invalid_header(local_azure: LocalAzure) -> None:
    response = _subscriptions(None, Authorization="Basic eDp5")
    assert (response.status_code, response.json()["error"]["code"]) == (401, "AuthenticationFailedInvalidHeader")


def test_bad_tokens_are_refused_each_with_its_code(local_azure: LocalAzure, tmp_path: Path) -> None:
    signer, foreign = TokenSigner(local_azure.folder), TokenSigner(tmp_path)
    deployer = _deployer(local_azure)
    good = signer.issue(deployer, ARM).token
    nobody = Principal("00000000-0000-0000-0000-000000000000", "x", "x", "ServicePrincipal")
    unsigned = jwt.encode(jwt.decode(good, options={"verify_signature": False}), None, "none")
    symmetric = jwt.encode(jwt.decode(good, options={"verify_signature": False}), "k" * 64, "HS256")
    cases = {
        good: (200, None),
        signer.issue(deployer, ARM, lifetime=-60).token: (401, "ExpiredAuthenticationToken"),
        signer.issue(deployer, "https://storage.azure.com").token: (401, "InvalidAuthenticationTokenAudience"),
        foreign.issue(deployer, ARM).token: (401, "InvalidAuthenticationToken"),
        signer.issue(nobody, ARM).token: (401, "InvalidAuthenticationToken"),
        good[:-6] + "AAAAAA": (401, "InvalidAuthenticationToken"),
        unsigned: (401, "InvalidAuthenticationToken"),
        symmetric: (401, "InvalidAuthenticationToken"),
        "not.a.token": (401, "InvalidAuthenticationToken"),
    }
    for token, (status, code) in cases.items():
        response = _subscriptions(token)
        answered = response.json().get("error", {}).get("code")
        assert (response.status_code, answered) == (status, code), response.text


def test_a_token_of_another_issuer_is_refused(local_azure: LocalAzure) -> None:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    claims = jwt.decode(local_azure.credential.get_token(SCOPE).token, options={"verify_signature": False})
    token = jwt.encode({**claims, "iss": "https://sts.windows.net/x/"}, key, "RS256")
    assert _subscriptions(token).json()["error"]["code"] == "InvalidAuthenticationToken"


def test_a_host_without_a_service_says_so(local_azure: LocalAzure) -> None:
    response = requests.get("https://nothing.here.azure.localhost/", timeout=10)
    assert response.status_code == 404
    assert response.json()["error"] == {
        "code": "HostNotFound",
        "message": "No service of local Azure answers at 'nothing.here.azure.localhost'.",
    }


def test_the_request_log_holds_no_secret(local_azure: LocalAzure) -> None:
    token = local_azure.credential.get_token(SCOPE).token
    requests.get(
        f"{ARM}/subscriptions?api-version=2022-12-01&sig=very-secret&code=key&only=here",
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    text = (local_azure.folder / "logs" / "requests.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    (line,) = [line for line in lines if "only=" in line["query"]]
    assert line["query"] == "api-version=2022-12-01&sig=...&code=...&only=..."
    assert line["principal"] == "adfkit deployer"
    assert (line["method"], line["path"], line["status"]) == ("GET", "/subscriptions", 200)
    for secret in ("very-secret", token.rsplit(".", 1)[1], local_azure.environment["AZURE_CLIENT_SECRET"]):
        assert secret not in text
        assert secret not in (local_azure.folder / "logs" / "gateway.log").read_text()


def test_a_literal_label_goes_before_a_named_one() -> None:
    async def handle(_: RequestContext) -> Any: ...

    planes = [
        DataPlane(host=host, audiences=frozenset(), handle=handle)
        for host in ("{app}.azurewebsites", "{account}.blob", "{app}.scm.azurewebsites", "login", "{any}.{thing}")
    ]
    hosts = Hosts(planes)

    def match(name: str) -> tuple[str, dict[str, str]]:
        plane, labels = hosts.match(name)
        return plane.host, labels

    assert match("lake.blob.azure.localhost:443") == ("{account}.blob", {"account": "lake"})
    assert match("App.SCM.azurewebsites.azure.localhost") == ("{app}.scm.azurewebsites", {"app": "app"})
    assert match("login.azure.localhost") == ("login", {})
    assert match("x.y.azure.localhost") == ("{any}.{thing}", {"any": "x", "thing": "y"})
