"""Role assignments and role definitions."""

from __future__ import annotations

from adfkit.local_azure.service import Service
from adfkit.local_azure.services.authorization.types import RESOURCE_TYPES


class AuthorizationService(Service):
    """Microsoft.Authorization. What an assignment grants is decided by `identity`."""

    resource_types = RESOURCE_TYPES


__all__ = ["AuthorizationService"]
