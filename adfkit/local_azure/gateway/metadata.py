"""The cloud's metadata document, by which clients learn its endpoints without knowing the cloud.

Two shapes are served: a list of clouds with `audiences` (2019-05-01 on, which azure-ai-ml, azure-cli and the Go SDKs'
`metadata.Client` read), and up to 2018 the flat one (`galleryEndpoint`, `authentication`), which older clients read.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from adfkit.local_azure.cloud import CLOUD_NAME, LOGIN, PORTAL, RESOURCE_MANAGER, SUFFIX, TENANT_ID
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.gateway.exchange import Exchange


async def cloud_metadata(exchange: Exchange) -> Response | None:
    """Answer `GET /metadata/endpoints`, the one document of ARM that needs no token.

    Raises:
        AzureError: 400 `MissingApiVersionParameter`.
    """
    request = exchange.request
    if exchange.plane is None or exchange.plane.host != "management":
        return None
    if request.url.path.rstrip("/").lower() != "/metadata/endpoints" or request.method != "GET":
        return None
    version = request.query_params.get("api-version")
    if not version:
        raise AzureError(
            400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required."
        )
    if version < "2019":
        return JSONResponse(_flat())
    return JSONResponse(_cloud() if version >= "2022-09-01" else [_cloud()])


def _cloud() -> dict[str, Any]:
    return {
        "name": CLOUD_NAME,
        "portal": PORTAL,
        "authentication": {
            "loginEndpoint": LOGIN,
            "audiences": [RESOURCE_MANAGER, f"https://management.core.{SUFFIX}/"],
            "tenant": TENANT_ID,
            "identityProvider": "ADFS",
        },
        "media": f"https://rest.media.{SUFFIX}",
        "graphAudience": f"https://graph.{SUFFIX}/",
        "graph": f"https://graph.{SUFFIX}/",
        "microsoftGraphResourceId": f"https://graph.{SUFFIX}/",
        "resourceManager": RESOURCE_MANAGER,
        "batch": "https://batch.core.windows.net/",
        "sqlManagement": f"https://management.core.{SUFFIX}:8443/",
        "gallery": f"https://gallery.{SUFFIX}/",
        "vmImageAliasDoc": f"https://management.{SUFFIX}/metadata/vm-image-aliases",
        "logAnalyticsResourceId": f"https://api.loganalytics.{SUFFIX}",
        "appInsightsResourceId": f"https://api.applicationinsights.{SUFFIX}",
        "suffixes": {
            "acrLoginServer": f"azurecr.{SUFFIX}",
            "keyVaultDns": f"vault.{SUFFIX}",
            "storage": SUFFIX,
            "sqlServerHostname": f"database.{SUFFIX}",
        },
    }


def _flat() -> dict[str, Any]:
    cloud = _cloud()
    return {
        "galleryEndpoint": cloud["gallery"],
        "graphEndpoint": cloud["graph"],
        "portalEndpoint": cloud["portal"],
        "authentication": {key: cloud["authentication"][key] for key in ("loginEndpoint", "audiences")},
    }
