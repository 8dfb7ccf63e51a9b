"""Log Analytics workspaces and Application Insights components, and queries of what function apps send there."""

from __future__ import annotations

from adfkit.local_azure.platform import Platform
from adfkit.local_azure.service import Service
from adfkit.local_azure.services.monitor.query_plane import QueryPlane
from adfkit.local_azure.services.monitor.types import RESOURCE_TYPES


class MonitorService(Service):
    """Microsoft.OperationalInsights and Microsoft.Insights."""

    resource_types = RESOURCE_TYPES

    def __init__(self, platform: Platform) -> None:
        super().__init__(platform)
        self.data_planes = (QueryPlane(platform).plane,)


__all__ = ["MonitorService"]
