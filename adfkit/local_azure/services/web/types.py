"""The resource types of Microsoft.Web that function apps on Flex Consumption need.

https://learn.microsoft.com/azure/templates/microsoft.web/sites
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from adfkit.local_azure.errors import AzureError, not_implemented
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import ArmRequest, ArmResponse, DeleteHook, Handler, Json, ResourceType
from adfkit.local_azure.services.web import errors, keys, validation
from adfkit.local_azure.services.web.history import History
from adfkit.local_azure.services.web.models import CONFIG, FUNCTIONS, PLANS, SITES, host_name

API_VERSIONS: Final = frozenset(
    {
        "2021-02-01",
        "2022-03-01",
        "2022-09-01",
        "2023-01-01",
        "2023-12-01",
        "2024-04-01",
        "2024-11-01",
        "2025-03-01",
        "2025-05-01",
    }
)
SITE_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,58}[A-Za-z0-9])?")
PLAN_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,60}")
Told = Callable[[str], Awaitable[None]]


def resource_types(history: History, restart: Told, deleted: Told) -> tuple[ResourceType, ...]:
    """The types; `restart` is told the id of a site whose worker must end, `deleted` that of a site that goes."""
    return (
        ResourceType(
            name=PLANS, api_versions=API_VERSIONS, name_pattern=PLAN_NAME, put=_put_plan, show=_show_plan, delete=_free
        ),
        ResourceType(
            name=SITES,
            api_versions=API_VERSIONS,
            name_pattern=SITE_NAME,
            put=_put_site,
            show=_show_site,
            delete=_site_delete(deleted),
            actions={"restart": _restart(restart), "start": _switch(restart, True), "stop": _switch(restart, False)},
        ),
        ResourceType(
            name=CONFIG,
            api_versions=API_VERSIONS,
            put=_put_config,
            get=_get_config,
            list=_list_configs,
            delete=_refuse_config_delete,
            actions={"list": _list_config},
        ),
        ResourceType(
            name=FUNCTIONS,
            api_versions=API_VERSIONS,
            put=None,
            get=_get_function(history),
            list=_list_functions(history),
            actions={"listkeys": keys.list_function_keys(history)},
        ),
        *keys.resource_types(history, API_VERSIONS),
    )


async def _put_plan(request: ArmRequest) -> Json:
    validation.check_plan(request.body)
    return request.body


def _show_plan(platform: Platform, resource: Resource) -> Json:
    sites = _sites_of(platform, resource.id)
    sku = dict(resource.body.get("sku") or {})
    sku |= {"size": sku["name"], "family": "FC", "capacity": sku.get("capacity", 0)}
    properties = {
        **resource.properties,
        "status": "Ready",
        "numberOfSites": len(sites),
        "provisioningState": "Succeeded",
    }
    return {**resource.body, "sku": sku, "properties": properties}


async def _free(request: ArmRequest) -> None:
    sites = _sites_of(request.platform, request.id.text)
    if sites:
        raise errors.plan_in_use(request.id.name, ", ".join(site.name for site in sites))


def _sites_of(platform: Platform, plan: str) -> list[Resource]:
    return [
        site
        for site in platform.resources.of_type(SITES)
        if str(site.properties.get("serverFarmId", "")).lower() == plan.lower()
    ]


async def _put_site(request: ArmRequest) -> Json:
    body = dict(request.body)
    properties = dict(body.get("properties") or {})
    resources = request.platform.resources
    for site in resources.of_type(SITES):
        if site.name.lower() == request.id.name.lower() and site.id.lower() != request.id.key:
            raise errors.name_taken(request.id.name)
    plan = str(properties.get("serverFarmId") or "")
    if not plan or resources.get(plan) is None:
        raise errors.plan_not_found(plan.rpartition("/")[2] or "''")
    site_config = dict(properties.get("siteConfig") or {})
    settings = site_config.pop("appSettings", None)
    validation.check_site(body, properties)
    own = f"{request.id.text}/config/appsettings"
    values = validation.app_settings(settings or ())
    # kept apart, as in Azure: reading a site does not show its settings, and a PUT without them leaves them
    if settings is not None or resources.get(own) is None:
        resources.put(own, {"properties": values})
    stopped = request.existing is not None and request.existing.body.get("state") == "Stopped"
    state = {"state": "Stopped"} if stopped else {}
    return {**body, **state, "properties": {**properties, "siteConfig": site_config}}


def _show_site(_: Platform, resource: Resource) -> Json:
    host = host_name(resource.name)
    scm = host.replace(".", ".scm.", 1)
    stopped = resource.body.get("state") == "Stopped"
    computed = {
        "state": "Stopped" if stopped else "Running",
        "hostNames": [host],
        "defaultHostName": host,
        "enabled": resource.properties.get("enabled") is not False,
        "enabledHostNames": [host, scm],
        "hostNameSslStates": [
            {"name": host, "sslState": "Disabled", "hostType": "Standard"},
            {"name": scm, "sslState": "Disabled", "hostType": "Repository"},
        ],
        "repositorySiteName": resource.name,
        "usageState": "Normal",
        "availabilityState": "Normal",
        "lastModifiedTimeUtc": resource.updated_at,
        "resourceGroup": resource.id.split("/")[4],
        "outboundIpAddresses": "127.0.0.1",
        "possibleOutboundIpAddresses": "127.0.0.1",
        "sku": "FlexConsumption",
    }
    body = {key: value for key, value in resource.body.items() if key != "state"}
    return {**body, "properties": {**resource.properties, **computed}}


def _site_delete(deleted: Told) -> DeleteHook:
    async def delete(request: ArmRequest) -> None:
        await deleted(request.id.text)

    return delete


def _restart(restart: Told) -> Handler:
    async def act(request: ArmRequest) -> ArmResponse:
        await restart(request.require().id)
        return ArmResponse()

    return act


def _switch(restart: Told, on: bool) -> Handler:
    async def switch(request: ArmRequest) -> ArmResponse:
        site = request.require()
        body = {**site.body, "state": "Running" if on else "Stopped"}
        request.platform.resources.put(site.id, body)
        await restart(site.id)
        return ArmResponse()

    return switch


async def _put_config(request: ArmRequest) -> Json:
    name = request.id.name.lower()
    properties = dict(request.body.get("properties") or {})
    if name == "appsettings":
        validation.check_app_settings(properties)
    elif name == "authsettingsv2":
        validation.check_authentication(properties)
    else:
        raise not_implemented(f"the configuration '{request.id.name}' of a web app")
    return {"properties": properties}


async def _get_config(request: ArmRequest) -> ArmResponse:
    if request.id.name.lower() == "appsettings":
        raise AzureError(405, "MethodNotAllowed", "App settings are read by POST .../config/appsettings/list.")
    return ArmResponse(_config_body(request.require()))


async def _list_configs(request: ArmRequest) -> ArmResponse:
    """All but the app settings, which are secrets and have an action of their own."""
    found = request.platform.resources.children(request.id.text, CONFIG)
    return ArmResponse({"value": [_config_body(each) for each in found if each.name.lower() != "appsettings"]})


async def _list_config(request: ArmRequest) -> ArmResponse:
    return ArmResponse(_config_body(request.require()))


def _config_body(resource: Resource) -> Json:
    return {"id": resource.id, "name": resource.name, "type": resource.type, **resource.body}


async def _refuse_config_delete(request: ArmRequest) -> None:
    raise AzureError(405, "MethodNotAllowed", f"The configuration '{request.id.name}' can't be deleted, only replaced.")


def _get_function(history: History) -> Handler:
    async def get(request: ArmRequest) -> ArmResponse:
        site, _, name = request.id.text.rpartition("/functions/")
        found = history.functions(site.lower()).get(name)
        if found is None:
            raise AzureError(404, "NotFound", f"The function '{name}' was not found.")
        return ArmResponse(_function_body(site, name, found))

    return get


def _list_functions(history: History) -> Handler:
    async def list_all(request: ArmRequest) -> ArmResponse:
        site = request.require().id
        found = history.functions(site.lower())
        return ArmResponse({"value": [_function_body(site, name, function) for name, function in found.items()]})

    return list_all


def _function_body(site: str, name: str, function: Mapping[str, Any]) -> Json:
    app = site.rpartition("/")[2]
    properties = {
        "name": name,
        "function_app_id": site,
        "language": "python",
        "isDisabled": False,
        "invoke_url_template": f"https://{host_name(app)}/{function['path']}",
        "config": {
            "name": name,
            "language": "python",
            "scriptFile": "function_app.py",
            "bindings": function["bindings"],
        },
    }
    return {"id": f"{site}/functions/{name}", "name": f"{app}/{name}", "type": FUNCTIONS, "properties": properties}
