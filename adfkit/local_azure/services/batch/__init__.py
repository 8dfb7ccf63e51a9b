"""Azure Batch: accounts and pools as resources, and the service that runs tasks on the nodes of pools.

https://learn.microsoft.com/rest/api/batchservice/
"""

from __future__ import annotations

from adfkit.local_azure.platform import Platform
from adfkit.local_azure.service import ArmRequest, DataPlane, Service
from adfkit.local_azure.services.batch.data_plane import AUDIENCES, BatchDataPlane
from adfkit.local_azure.services.batch.errors import render_error
from adfkit.local_azure.services.batch.jobs import Jobs
from adfkit.local_azure.services.batch.pool_api import Pools, with_nodes
from adfkit.local_azure.services.batch.records import Records
from adfkit.local_azure.services.batch.scheduler import Scheduler
from adfkit.local_azure.services.batch.types import resource_types


class BatchService(Service):
    """Microsoft.Batch. A node is a folder, a task a process: as many at once as the nodes have slots."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(platform)
        self._records = Records(platform.store)
        self._scheduler = Scheduler(platform, self._records)
        self.resource_types = resource_types(
            lambda _, pool: with_nodes(self._scheduler, pool), delete_account=self._forget
        )
        plane = BatchDataPlane(platform, (*Jobs(self._records, self._scheduler).routes, *Pools(self._scheduler).routes))
        self.data_planes = (
            DataPlane(
                host="{account}.{region}.batch", audiences=AUDIENCES, handle=plane.handle, render_error=render_error
            ),
        )

    async def start(self) -> None:
        """Go on with the tasks that a process which ended left."""
        await self._scheduler.start()

    async def stop(self) -> None:
        """End what runs; it starts again with the next start."""
        await self._scheduler.stop()

    async def _forget(self, request: ArmRequest) -> None:
        self._records.forget(request.id.key)


__all__ = ["BatchService"]
