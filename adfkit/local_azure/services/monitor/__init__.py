"""Log Analytics workspaces and Application Insights components."""

from __future__ import annotations

from adfkit.local_azure.service import Service
from adfkit.local_azure.services.monitor.types import RESOURCE_TYPES


class MonitorService(Service):
    """Microsoft.OperationalInsights and Microsoft.Insights."""

    resource_types = RESOURCE_TYPES


__all__ = ["MonitorService"]
