"""Azure Databricks: workspaces as resources, and the REST API of each, whose runs Spark executes.

https://docs.databricks.com/api/azure/workspace/introduction
"""

from __future__ import annotations

import asyncio
import shutil

from adfkit.local_azure.platform import Platform
from adfkit.local_azure.service import ArmRequest, DataPlane, Service
from adfkit.local_azure.services.databricks import users_api
from adfkit.local_azure.services.databricks.clusters_api import ClustersApi, LibrariesApi, PoolsApi
from adfkit.local_azure.services.databricks.data_plane import DatabricksDataPlane
from adfkit.local_azure.services.databricks.dbfs_api import DbfsApi
from adfkit.local_azure.services.databricks.errors import render_error
from adfkit.local_azure.services.databricks.jobs_api import JobsApi
from adfkit.local_azure.services.databricks.places import home
from adfkit.local_azure.services.databricks.records import Records
from adfkit.local_azure.services.databricks.runs import Runs
from adfkit.local_azure.services.databricks.runs_api import RunsApi
from adfkit.local_azure.services.databricks.secrets_api import SecretsApi
from adfkit.local_azure.services.databricks.types import resource_types
from adfkit.local_azure.services.databricks.unity_catalog import UnityCatalogApi
from adfkit.local_azure.services.databricks.workspace_api import WorkspaceApi


class DatabricksService(Service):
    """Microsoft.Databricks. A cluster is a specification; each task that runs on one is a process of its own."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(platform)
        self._records = Records(platform.store)
        self._runs = Runs(platform, self._records)
        self.resource_types = resource_types(self._forget)
        apis = (
            WorkspaceApi(self._records),
            RunsApi(self._records, self._runs),
            JobsApi(self._records, self._runs),
            ClustersApi(self._records),
            LibrariesApi(self._records),
            PoolsApi(self._records),
            SecretsApi(self._records),
            DbfsApi(self._records),
            UnityCatalogApi(self._records),
        )
        plane = DatabricksDataPlane(platform, (*users_api.ROUTES, *(route for api in apis for route in api.routes)))
        self.data_planes = (
            DataPlane(
                host="{workspace}.{number}.azuredatabricks",
                audiences=frozenset(),  # it verifies tokens itself: clients look at one address before they sign in
                handle=plane.handle,
                render_error=render_error,
            ),
        )

    async def start(self) -> None:
        """Go on with the runs that a process which ended left."""
        await self._runs.start()

    async def stop(self) -> None:
        """End what runs; it starts again with the next start."""
        await self._runs.stop()

    async def _forget(self, request: ArmRequest) -> None:
        key = request.id.text.lower()
        for run in self._records.runs(key):
            await self._runs.cancel(run)
        self._records.forget(key)
        await asyncio.to_thread(shutil.rmtree, home(self.platform, key), ignore_errors=True)


__all__ = ["DatabricksService"]
