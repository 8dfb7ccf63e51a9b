"""Who the caller is. https://docs.databricks.com/api/azure/workspace/currentuser/me"""

from __future__ import annotations

from starlette.responses import Response

from adfkit.local_azure.services.databricks.data_plane import ApiCall, Route, answer


async def me(call: ApiCall) -> Response:
    """The caller, as a user of the workspace; applications have their client id for a name."""
    return answer(
        {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": str(int(call.principal.object_id.replace("-", ""), 16) % 10**16),
            "userName": call.principal.client_id,
            "displayName": call.principal.display_name,
            "externalId": call.principal.object_id,
            "active": True,
            "groups": [{"display": "admins", "type": "direct", "value": "1"}],
            "entitlements": [{"value": "workspace-access"}, {"value": "databricks-sql-access"}],
        }
    )


ROUTES = (Route("GET", "preview/scim/v2/Me", me),)
