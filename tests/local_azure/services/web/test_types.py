"""Microsoft.Web through Resource Manager: what App Service refuses, computes, hides and keeps."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest


def put(web: Any, path: tuple[str, ...] = (), value: Any = None, **settings: str) -> Any:
    """PUT a new site whose body has one value changed (None removes it)."""
    body = web.site(**settings)
    inner = body
    for name in path[:-1]:
        inner = inner[name]
    if path and value is None:
        del inner[path[-1]]
    elif path:
        inner[path[-1]] = value
    return web.arm("PUT", web.site_id(f"fa-{uuid4().hex[:10]}"), json=body)


CONFIG = ("properties", "functionAppConfig")
STORAGE = (*CONFIG, "deployment", "storage")


@pytest.mark.parametrize(
    ("path", "value", "status", "code", "says"),
    [
        (CONFIG, None, 400, "BadRequest", "which is required for Flex Consumption sites"),
        ((*CONFIG, "deployment"), None, 400, "BadRequest", "Site.FunctionAppConfig.Deployment.Storage is invalid."),
        ((*STORAGE, "value"), "packages", 400, "BadRequest", "Site.FunctionAppConfig.Deployment.Storage.Value is"),
        ((*STORAGE, "authentication"), None, 400, "BadRequest", "Deployment.Storage.Authentication.Type is invalid"),
        (
            (*STORAGE, "authentication"),
            {"type": "StorageAccountConnectionString"},
            501,
            "NotImplemented",
            "the deployment storage authentication 'StorageAccountConnectionString'",
        ),
        ((*CONFIG, "runtime", "name"), "node", 501, "NotImplemented", "the function app runtime 'node'"),
        ((*CONFIG, "runtime", "version"), "2.7", 400, "BadRequest", "'2.7' must be one of 3.10, 3.11, 3.12, 3.13."),
        ((*CONFIG, "scaleAndConcurrency", "instanceMemoryMB"), 1000, 400, "BadRequest", "one of 512, 2048, 4096"),
        ((*CONFIG, "scaleAndConcurrency", "maximumInstanceCount"), 0, 400, "BadRequest", "between 1 and 1000"),
        (("kind",), "app,linux", 501, "NotImplemented", "a site of the kind 'app,linux'"),
        (("properties", "serverFarmId"), "/subscriptions/s/x/missing", 404, "NotFound", "ServerFarm with name missing"),
    ],
)
def test_what_flex_consumption_refuses(
    web: Any, path: tuple[str, ...], value: Any, status: int, code: str, says: str
) -> None:
    response = put(web, path, value)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert says in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("name", "value", "status", "says"),
    [
        ("FUNCTIONS_WORKER_RUNTIME", "python", 400, "(Site.SiteConfig.AppSettings.FUNCTIONS_WORKER_RUNTIME)"),
        ("SECRET", "@Microsoft.KeyVault(SecretUri=x)", 501, "the reference in the app setting 'SECRET'"),
    ],
)
def test_app_settings_that_are_refused(web: Any, name: str, value: str, status: int, says: str) -> None:
    response = put(web, **{name: value})
    assert response.status_code == status
    assert says in response.json()["error"]["message"]


def test_a_site_shows_its_hosts_and_hides_its_settings(web: Any) -> None:
    app = web.app(granted=False, SECRET="hush")
    shown = web.arm("GET", app.id)
    properties = shown.json()["properties"]
    assert properties["defaultHostName"] == app.host
    assert properties["enabledHostNames"] == [app.host, app.scm_host]
    assert (properties["state"], properties["functionAppConfig"]["runtime"]["version"]) == ("Running", "3.11")
    assert "hush" not in shown.text
    assert "hush" not in web.arm("GET", f"{app.id}/config").text
    assert web.arm("POST", f"{app.id}/config/appsettings/list").json()["properties"] == {"SECRET": "hush"}
    body = web.site()
    del body["properties"]["siteConfig"]["appSettings"]
    assert web.arm("PUT", app.id, json=body).status_code == 200
    assert web.arm("POST", f"{app.id}/config/appsettings/list").json()["properties"] == {"SECRET": "hush"}


def test_a_host_name_belongs_to_one_site(web: Any) -> None:
    app = web.app(granted=False)
    group = f"rg-{uuid4().hex[:8]}"
    web.resources.resource_groups.create_or_update(group, {"location": "westeurope"})
    response = web.arm("PUT", app.id.replace(web.group, group), json=web.site())
    assert response.status_code == 409
    assert response.json()["error"]["message"] == f"Website with given name {app.name} already exists."


def test_a_plan_in_use_stays(web: Any) -> None:
    app = web.app(granted=False)
    response = web.arm("DELETE", web.plan_id)
    assert (response.status_code, app.name in response.json()["error"]["message"]) == (409, True)
    assert web.arm("GET", web.plan_id).json()["properties"]["numberOfSites"] >= 1


@pytest.mark.parametrize(
    ("sku", "reserved", "status", "says"),
    [("Y1", True, 501, "the App Service plan SKU 'Y1'"), ("FC1", False, 400, "properties.reserved must be true")],
)
def test_a_plan_other_than_flex_consumption(web: Any, sku: str, reserved: bool, status: int, says: str) -> None:
    body = {"location": "westeurope", "sku": {"name": sku}, "properties": {"reserved": reserved}}
    response = web.arm("PUT", f"{web.plan_id}-other", json=body)
    assert (response.status_code, says in response.json()["error"]["message"]) == (status, True)


@pytest.mark.parametrize(
    ("name", "properties", "says"),
    [
        ("authsettingsV2", {"identityProviders": {"google": {"enabled": True}}}, "the identity provider 'google'"),
        (
            "authsettingsV2",
            {"globalValidation": {"unauthenticatedClientAction": "RedirectToLoginPage"}},
            "'RedirectToLoginPage'",
        ),
        ("logs", {}, "the configuration 'logs'"),
    ],
)
def test_configuration_that_is_not_supported_is_named(
    web: Any, name: str, properties: dict[str, Any], says: str
) -> None:
    response = web.app(granted=False).set_config(name, properties)
    assert (response.status_code, says in response.json()["error"]["message"]) == (501, True)


def test_a_stopped_site_answers_no_one_and_a_deleted_one_is_gone(web: Any) -> None:
    app = web.app()
    app.publish(
        "import azure.functions as func\napp = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)\n"
        "@app.route(route='one/{id}')\ndef one(req: func.HttpRequest) -> str:\n    return req.route_params['id']\n",
        host='{"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}',
    )
    assert app.call("GET", "/one/1").text == "1"
    (function,) = web.arm("GET", f"{app.id}/functions").json()["value"]
    assert function["properties"]["invoke_url_template"] == f"https://{app.host}/one/{{id}}"
    assert web.arm("GET", f"{app.id}/functions/one").json() == function
    assert web.arm("GET", f"{app.id}/functions/two").status_code == 404
    assert web.arm("POST", f"{app.id}/stop").status_code == 200
    assert app.call("GET", "/one/1").status_code == 403
    assert web.arm("POST", f"{app.id}/start").status_code == 200
    assert app.call("GET", "/one/1").text == "1"
    assert web.arm("DELETE", app.id).status_code == 200
    assert app.call("GET", "/one/1").status_code == 404
    assert app.log() == []
