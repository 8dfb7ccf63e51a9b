"""The custom Azure cloud's names: every service has the host name that Azure would give it, under one suffix."""

from __future__ import annotations

from typing import Final

SUFFIX: Final = "azure.localhost"
TENANT_ID: Final = "adfs"
"""MSAL treats the tenant `adfs` as an AD FS authority and skips instance discovery at a public host."""
HOME_TENANT_ID: Final = "ad0f0000-0000-4000-8000-000000000001"
"""The tenant's GUID where a body needs one (an identity's `tenantId`, a vault's, a token's `tid` claim)."""
SUBSCRIPTION_ID: Final = "ad0f0000-0000-4000-8000-000000000002"
CLOUD_NAME: Final = "AdfkitLocalCloud"

RESOURCE_MANAGER: Final = f"https://management.{SUFFIX}/"
LOGIN: Final = f"https://login.{SUFFIX}/"
PORTAL: Final = f"https://portal.{SUFFIX}"
METADATA_URL: Final = f"{RESOURCE_MANAGER}metadata/endpoints?api-version=2019-05-01"

AUDIENCE_ARM: Final = frozenset({RESOURCE_MANAGER, RESOURCE_MANAGER.rstrip("/"), f"https://management.core.{SUFFIX}/"})
AUDIENCE_STORAGE: Final = frozenset({"https://storage.azure.com", "https://storage.azure.com/"})
AUDIENCE_MACHINE_LEARNING: Final = frozenset({"https://ml.azure.localhost", "https://ml.azure.localhost/"})
"""azure-ai-ml takes the portal's host from its second dot on: `https://ml.azure.<portal suffix>`."""


def host(*labels: str) -> str:
    """Join labels to a host name of this cloud, as in `host("acct", "blob")` -> `acct.blob.azure.localhost`."""
    return ".".join((*labels, SUFFIX))
