"""The resource types of Microsoft.Web that function apps on Flex Consumption need.

https://learn.microsoft.com/azure/templates/microsoft.web/sites
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final

from adfkit.local_azure.errors import AzureError, not_implemented
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import ArmRequest, ArmResponse, Json, ResourceType
from adfkit.local_azure.services.web import errors, validation
from adfkit.local_azure.services.web.history import DEFAULT_KEY, MASTER_KEY, History
from adfkit.local_azure.services.web.models import CONFIG, PLANS, SITES, host_name

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
Changed = Callable[[str], Awaitable[None]]
Deleted = Callable[[str], Awaitable[None]]


def resource_types(history: History, changed: Changed, deleted: Deleted) -> tuple[ResourceType, ...]:
    """The types; `changed` is told the id of a site whose settings changed, `deleted` that of one that goes."""
    return (
        ResourceType(
            name=PLANS, api_versions=API_VERSIONS, name_pattern=PLAN_NAME, put=_put_plan, show=_show_plan, delete=_free
        ),
        ResourceType(
            name=SITES,
            api_versions=API_VERSIONS,
            name_pattern=SITE_NAME,
            put=_site_put(changed),
            show=_show_site,
            delete=_site_delete(deleted),
            actions={"restart": _restart(changed), "start": _switch(changed, True), "stop": _switch(changed, False)},
        ),
        ResourceType(
            name=CONFIG,
            api_versions=API_VERSIONS,
            put=_config_put(changed),
            get=_get_config,
            delete=_refuse_config_delete,
            actions={"list": _list_config},
        ),
        ResourceType(
            name="Microsoft.Web/sites/host", api_versions=API_VERSIONS, put=None, actions={"listkeys": _keys(history)}
        ),
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


def _site_put(changed: Changed) -> Callable[[ArmRequest], Awaitable[Json]]:
    async def put(request: ArmRequest) -> Json:
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
        if settings is not None:
            values = validation.app_settings(settings)
            # kept apart, as in Azure: reading a site does not show its settings
            resources.put(f"{request.id.text}/config/appsettings", {"properties": values})
        await changed(request.id.text)
        return {**body, "properties": {**properties, "siteConfig": site_config}}

    return put


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


def _site_delete(deleted: Deleted) -> Callable[[ArmRequest], Awaitable[None]]:
    async def delete(request: ArmRequest) -> None:
        await deleted(request.id.text)

    return delete


def _restart(changed: Changed) -> Callable[[ArmRequest], Awaitable[ArmResponse]]:
    async def restart(request: ArmRequest) -> ArmResponse:
        await changed(request.require().id)
        return ArmResponse()

    return restart


def _switch(changed: Changed, on: bool) -> Callable[[ArmRequest], Awaitable[ArmResponse]]:
    async def switch(request: ArmRequest) -> ArmResponse:
        site = request.require()
        body = {**site.body, "state": "Running" if on else "Stopped"}
        request.platform.resources.put(site.id, body)
        await changed(site.id)
        return ArmResponse()

    return switch


def _config_put(changed: Changed) -> Callable[[ArmRequest], Awaitable[Json]]:
    async def put(request: ArmRequest) -> Json:
        site, name = request.id.text.rsplit("/", 2)[0], request.id.name.lower()
        properties = dict(request.body.get("properties") or {})
        if name == "appsettings":
            validation.check_app_settings(properties)
        elif name == "authsettingsv2":
            validation.check_authentication(properties)
        else:
            raise not_implemented(f"the configuration '{request.id.name}' of a web app")
        await changed(site)
        return {"properties": properties}

    return put


async def _get_config(request: ArmRequest) -> ArmResponse:
    if request.id.name.lower() == "appsettings":
        raise AzureError(405, "MethodNotAllowed", "App settings are read by POST .../config/appsettings/list.")
    return ArmResponse(_config_body(request.require()))


async def _list_config(request: ArmRequest) -> ArmResponse:
    if request.existing is None and request.id.name.lower() == "appsettings":
        empty = {"id": request.id.text, "name": "appsettings", "type": CONFIG, "properties": {}}
        return ArmResponse(empty)
    return ArmResponse(_config_body(request.require()))


def _config_body(resource: Resource) -> Json:
    return {"id": resource.id, "name": resource.name, "type": resource.type, **resource.body}


async def _refuse_config_delete(request: ArmRequest) -> None:
    raise AzureError(405, "MethodNotAllowed", f"The configuration '{request.id.name}' can't be deleted, only replaced.")


def _keys(history: History) -> Callable[[ArmRequest], Awaitable[ArmResponse]]:
    async def keys(request: ArmRequest) -> ArmResponse:
        site = request.id.text.lower().split("/host/")[0]
        request.platform.resources.require(site)
        default = history.key(site, DEFAULT_KEY)
        return ArmResponse(
            {"masterKey": history.key(site, MASTER_KEY), "functionKeys": {"default": default}, "systemKeys": {}}
        )

    return keys
