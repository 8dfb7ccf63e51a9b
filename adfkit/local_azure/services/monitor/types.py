"""Microsoft.OperationalInsights and Microsoft.Insights.

https://learn.microsoft.com/rest/api/loganalytics/ and https://learn.microsoft.com/rest/api/application-insights/
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from adfkit.local_azure import cloud
from adfkit.local_azure.arm import values
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.service import ArmRequest, Json, ResourceType

WORKSPACES: Final = "Microsoft.OperationalInsights/workspaces"
COMPONENTS: Final = "Microsoft.Insights/components"
SKUS: Final = ("Free", "Standard", "Premium", "PerNode", "PerGB2018", "Standalone", "CapacityReservation", "LACluster")


def invalid(reason: str) -> AzureError:
    """400 `InvalidParameter`."""
    return AzureError(400, "InvalidParameter", f"The request is invalid: {reason}.")


async def put_workspace(request: ArmRequest) -> Json:
    """Check SKU and retention; a workspace keeps its customer id for life."""
    body = request.body
    sku = values.one_of(body, "properties.sku.name", SKUS, invalid) or "PerGB2018"
    values.one_of(body, "properties.publicNetworkAccessForIngestion", ("Enabled", "Disabled"), invalid)
    values.one_of(body, "properties.publicNetworkAccessForQuery", ("Enabled", "Disabled"), invalid)
    low, high = (7, 7) if sku == "Free" else (30, 730)
    days = values.between(body, "properties.retentionInDays", low, high, invalid) or low
    now = datetime.now(UTC).isoformat()
    created = request.existing.properties if request.existing else {}
    properties = {
        "features": {"legacy": 0, "searchVersion": 1, "enableLogAccessUsingOnlyResourcePermissions": True},
        "publicNetworkAccessForIngestion": "Enabled",
        "publicNetworkAccessForQuery": "Enabled",
        **(body.get("properties") or {}),
        "customerId": created.get("customerId", str(uuid4())),
        "sku": {"name": sku, "lastSkuUpdate": created.get("sku", {}).get("lastSkuUpdate", now)},
        "retentionInDays": days,
        "createdDate": created.get("createdDate", now),
        "modifiedDate": now,
        "provisioningState": "Succeeded",
    }
    properties["workspaceCapping"] = _capping(values.optional(body, "properties.workspaceCapping"))
    return {**body, "properties": properties}


def _capping(given: Json | None) -> Json:
    quota = (given or {}).get("dailyQuotaGb", -1)
    return {"dailyQuotaGb": quota, "dataIngestionStatus": "RespectQuota"}


async def put_component(request: ArmRequest) -> Json:
    """Check kind, type and workspace; a component keeps its keys for life."""
    body = request.body
    values.required(body, "kind", invalid)
    values.one_of(body, "properties.Application_Type", ("web", "other"), invalid)
    application_type = values.required(body, "properties.Application_Type", invalid)
    workspace = values.required(body, "properties.WorkspaceResourceId", invalid)
    stored = request.platform.resources.get(str(workspace))
    if stored is None or stored.type.lower() != WORKSPACES.lower():
        raise invalid(f"the Log Analytics workspace '{workspace}' of 'properties.WorkspaceResourceId' does not exist")
    created = request.existing.properties if request.existing else {}
    key = created.get("InstrumentationKey", str(uuid4()))
    app_id = created.get("AppId", str(uuid4()))
    properties = {
        "Flow_Type": "Bluefield",
        "Request_Source": "rest",
        "RetentionInDays": 90,
        "IngestionMode": "LogAnalytics",
        "publicNetworkAccessForIngestion": "Enabled",
        "publicNetworkAccessForQuery": "Enabled",
        **(body.get("properties") or {}),
        "Application_Type": application_type,
        "ApplicationId": request.id.name,
        "AppId": app_id,
        "InstrumentationKey": key,
        "ConnectionString": _connection_string(key, app_id, body["location"]),
        "Name": request.id.name,
        "TenantId": request.id.subscription_id,
        "CreationDate": created.get("CreationDate", datetime.now(UTC).isoformat()),
        "provisioningState": "Succeeded",
    }
    return {**body, "properties": properties}


def _connection_string(key: str, app_id: str, location: str) -> str:
    ingestion = f"https://{cloud.host(f'{location}-0', 'in', 'applicationinsights')}/"
    live = f"https://{cloud.host(location, 'livediagnostics', 'monitor')}/"
    return f"InstrumentationKey={key};IngestionEndpoint={ingestion};LiveEndpoint={live};ApplicationId={app_id}"


RESOURCE_TYPES: Final = (
    ResourceType(
        name=WORKSPACES,
        api_versions=frozenset(
            {"2020-08-01", "2021-06-01", "2021-12-01-preview", "2022-10-01", "2023-09-01", "2025-02-01"}
        ),
        name_pattern=re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]"),
        put=put_workspace,
    ),
    ResourceType(
        name=COMPONENTS,
        api_versions=frozenset({"2015-05-01", "2018-05-01-preview", "2020-02-02", "2020-02-02-preview"}),
        name_pattern=re.compile(r"[^%&\\?/]{0,259}[^%&\\?/. ]"),
        put=put_component,
        created_status=200,
    ),
)
