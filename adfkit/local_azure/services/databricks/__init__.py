"""Databricks workspaces and access connectors, as resources."""

from __future__ import annotations

from adfkit.local_azure.service import Service
from adfkit.local_azure.services.databricks.types import RESOURCE_TYPES


class DatabricksService(Service):
    """Microsoft.Databricks."""

    resource_types = RESOURCE_TYPES


__all__ = ["DatabricksService"]
