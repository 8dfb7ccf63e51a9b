"""Subscriptions, tenants and resource groups."""

from __future__ import annotations

from adfkit.local_azure.service import Service
from adfkit.local_azure.services.resources.types import RESOURCE_TYPES


class ResourcesService(Service):
    """Microsoft.Resources, as far as it is no business of the ARM server itself."""

    resource_types = RESOURCE_TYPES


__all__ = ["ResourcesService"]
