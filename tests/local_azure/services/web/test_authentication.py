"""App Service authentication: only the principals that the settings allow may call, with a token for the app."""

from __future__ import annotations

from typing import Any

import httpx
import jwt
import pytest
from azure.identity import ClientSecretCredential

CLIENT_ID = "11111111-2222-4333-8444-555555555555"
AUDIENCE = f"api://{CLIENT_ID}"
CODE = """
import azure.functions as func
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="who")
def who(req: func.HttpRequest) -> str:
    return req.headers.get("x-ms-client-principal-id", "nobody")
"""


def settings(*principals: str) -> dict[str, Any]:
    """What the Pulumi program sets."""
    return {
        "platform": {"enabled": True, "runtimeVersion": "~1"},
        "globalValidation": {"requireAuthentication": True, "unauthenticatedClientAction": "Return401"},
        "identityProviders": {
            "azureActiveDirectory": {
                "enabled": True,
                "registration": {"clientId": CLIENT_ID},
                "validation": {
                    "allowedAudiences": [AUDIENCE],
                    "defaultAuthorizationPolicy": {"allowedPrincipals": {"identities": list(principals)}},
                },
            }
        },
    }


def token(credential: ClientSecretCredential, audience: str) -> dict[str, str]:
    return {"authorization": f"Bearer {credential.get_token(f'{audience}/.default').token}"}


@pytest.fixture(scope="module")
def app(made_web_cloud: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in made_web_cloud.local_azure.environment.items():
            patch.setenv(name, value)
        made = made_web_cloud.app()
        made.publish(CODE)
    return made


@pytest.fixture
def deployer_id(web: Any) -> str:
    claims: dict[str, Any] = jwt.decode(web.arm_token(), options={"verify_signature": False})
    return str(claims["oid"])


def test_a_stranger_is_refused(web: Any, app: Any, deployer_id: str) -> None:
    assert app.set_config("authsettingsV2", settings(deployer_id)).status_code in (200, 201)
    response = app.call("GET", "/api/who")
    assert (response.status_code, "has no bearer token" in response.text) == (401, True)
    assert response.headers["www-authenticate"] == f'Bearer realm="{app.host}"'


def test_an_allowed_principal_is_known_to_the_function(web: Any, app: Any, deployer_id: str) -> None:
    app.set_config("authsettingsV2", settings(deployer_id))
    headers = token(web.local_azure.credential, AUDIENCE) | {"x-ms-client-principal-id": "forged"}
    response = app.call("GET", "/api/who", headers=headers)
    assert (response.status_code, response.text) == (200, deployer_id)


def test_a_token_for_another_audience_is_refused(web: Any, app: Any, deployer_id: str) -> None:
    app.set_config("authsettingsV2", settings(deployer_id))
    response = app.call("GET", "/api/who", headers=token(web.local_azure.credential, "https://storage.azure.com"))
    assert response.status_code == 401
    assert app.call("GET", "/api/who", headers={"authorization": "Bearer nonsense"}).status_code == 401


def test_another_principal_is_forbidden(web: Any, app: Any, deployer_id: str) -> None:
    app.set_config("authsettingsV2", settings(app.principal_id))
    response = app.call("GET", "/api/who", headers=token(web.local_azure.credential, AUDIENCE))
    assert response.status_code == 403
    assert f"its object id '{deployer_id}' is not among the allowed principals" in response.text


def test_only_who_may_publish_reaches_the_deployment_site(web: Any, app: Any) -> None:
    url = f"https://{app.scm_host}/api/deployments/latest"
    with httpx.Client() as client:
        assert client.get(url).status_code == 401
        found = client.get(url, headers={"authorization": f"Bearer {web.arm_token()}"}).json()
    assert (found["status"], found["complete"], found["site_name"]) == (4, True, app.name)
