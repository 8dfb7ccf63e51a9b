"""Microsoft.ManagedIdentity: https://learn.microsoft.com/rest/api/managedidentity/"""

from __future__ import annotations

import re
from typing import Final

from adfkit.local_azure import cloud
from adfkit.local_azure.service import ArmRequest, Json, ResourceType

VERSIONS: Final = frozenset({"2018-11-30", "2023-01-31", "2024-11-30"})


async def put_identity(request: ArmRequest) -> Json:
    """Give the identity its principal."""
    principal = request.platform.identity.managed_identity(request.id.text, display_name=request.id.name)
    properties = {
        "tenantId": cloud.HOME_TENANT_ID,
        "principalId": principal.object_id,
        "clientId": principal.client_id,
    }
    return {"location": request.body["location"], "tags": request.body.get("tags") or {}, "properties": properties}


async def delete_identity(request: ArmRequest) -> None:
    """Take the principal away; what had this identity keeps its name and gets no more tokens."""
    request.platform.identity.remove(request.id.text)


RESOURCE_TYPES: Final = (
    ResourceType(
        name="Microsoft.ManagedIdentity/userAssignedIdentities",
        api_versions=VERSIONS,
        name_pattern=re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}"),
        put=put_identity,
        delete=delete_identity,
    ),
)
