"""Batch accounts and pools, as resources."""

from __future__ import annotations

from adfkit.local_azure.service import Service
from adfkit.local_azure.services.batch.types import RESOURCE_TYPES


class BatchService(Service):
    """Microsoft.Batch."""

    resource_types = RESOURCE_TYPES


__all__ = ["BatchService"]
