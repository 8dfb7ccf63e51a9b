"""User-assigned managed identities."""

from __future__ import annotations

from adfkit.local_azure.service import Service
from adfkit.local_azure.services.managed_identity.types import RESOURCE_TYPES


class ManagedIdentityService(Service):
    """Microsoft.ManagedIdentity."""

    resource_types = RESOURCE_TYPES


__all__ = ["ManagedIdentityService"]
