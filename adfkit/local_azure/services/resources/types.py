"""Microsoft.Resources: https://learn.microsoft.com/rest/api/resources/"""

from __future__ import annotations

import re
from typing import Final

from adfkit.local_azure import cloud
from adfkit.local_azure.arm.routing import GROUPS, SUBSCRIPTIONS, TENANTS
from adfkit.local_azure.service import ArmRequest, ArmResponse, Json, ResourceType

VERSIONS: Final = frozenset(
    {"2016-06-01", "2016-09-01", "2018-05-01", "2019-05-01", "2019-05-10", "2019-06-01", "2019-08-01", "2019-10-01"}
    | {"2019-11-01", "2020-01-01", "2020-06-01", "2020-08-01", "2020-10-01", "2021-01-01", "2021-04-01", "2022-09-01"}
    | {"2022-12-01", "2023-07-01", "2024-03-01", "2024-07-01", "2024-11-01", "2025-03-01", "2025-04-01"}
)
GROUP_NAME: Final = re.compile(r"[-\w._()]{0,89}[-\w_()]")


async def put_group(request: ArmRequest) -> Json:
    """Keep location, tags and `managedBy`."""
    kept: Json = {key: request.body[key] for key in ("location", "tags", "managedBy") if key in request.body}
    return {**kept, "properties": {"provisioningState": "Succeeded"}}


def subscription() -> Json:
    """The one subscription of this cloud."""
    return {
        "id": f"/subscriptions/{cloud.SUBSCRIPTION_ID}",
        "subscriptionId": cloud.SUBSCRIPTION_ID,
        "tenantId": cloud.HOME_TENANT_ID,
        "displayName": "Local Azure",
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
    }


async def get_subscription(_: ArmRequest) -> ArmResponse:
    """GET /subscriptions/{id}."""
    return ArmResponse(subscription())


async def list_subscriptions(_: ArmRequest) -> ArmResponse:
    """GET /subscriptions."""
    return ArmResponse({"value": [subscription()], "count": {"type": "Total", "value": 1}})


async def list_tenants(_: ArmRequest) -> ArmResponse:
    """GET /tenants."""
    tenant = {
        "id": f"/tenants/{cloud.HOME_TENANT_ID}",
        "tenantId": cloud.HOME_TENANT_ID,
        "displayName": "Local Azure",
        "tenantCategory": "Home",
        "defaultDomain": cloud.SUFFIX,
        "domains": [cloud.SUFFIX],
    }
    return ArmResponse({"value": [tenant]})


RESOURCE_TYPES: Final = (
    ResourceType(
        name=SUBSCRIPTIONS,
        api_versions=VERSIONS,
        scope="tenant",
        put=None,
        delete=None,
        get=get_subscription,
        list=list_subscriptions,
    ),
    ResourceType(name=TENANTS, api_versions=VERSIONS, scope="tenant", put=None, delete=None, list=list_tenants),
    ResourceType(
        name=GROUPS,
        api_versions=VERSIONS,
        scope="subscription",
        name_pattern=GROUP_NAME,
        put=put_group,
        long_running=True,
    ),
)
