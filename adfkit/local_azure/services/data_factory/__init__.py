"""Azure Data Factory: artifacts, the run APIs, and the runtime that runs pipelines.

https://learn.microsoft.com/rest/api/datafactory/

Supported are factories, their artifacts and the run APIs; the activities of `runtime/activities/registry.py` run, any
other fails by its name. Triggers are kept but cannot be started; recovery runs answer 501.
"""

from __future__ import annotations

from adfkit.local_azure.platform import Platform
from adfkit.local_azure.service import ArmRequest, Service
from adfkit.local_azure.services.data_factory.artifacts import StoredArtifacts
from adfkit.local_azure.services.data_factory.cloud import PlatformCloud
from adfkit.local_azure.services.data_factory.documents import Documents
from adfkit.local_azure.services.data_factory.runs import Runs
from adfkit.local_azure.services.data_factory.runtime import ACTIVITIES, Factory, History, PipelineRuntime, Sealer
from adfkit.local_azure.services.data_factory.types import resource_types


class DataFactoryService(Service):
    """The service of all factories of this cloud."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(platform)
        self._sealer = Sealer.from_file(platform.folder / "keys" / "data_factory.key")
        history = History(platform.store, self._sealer)
        self._runtime = PipelineRuntime(history, activities=ACTIVITIES, factory=self._find)
        self.resource_types = resource_types(Documents(self._sealer), Runs(self._runtime, self._factory), self._delete)

    async def start(self) -> None:
        """Go on with the runs that a process which ended left in progress."""
        self._runtime.resume()

    async def stop(self) -> None:
        """Stop working on runs; they stay in progress for the next start."""
        await self._runtime.stop()

    def _factory(self, id: str) -> Factory:
        resource = self.platform.resources.require(id)
        key = resource.id.lower()
        return Factory(
            id=key,
            name=resource.name,
            region=str(resource.body.get("location", "")),
            artifacts=StoredArtifacts(self.platform.resources, key, self._sealer),
            cloud=PlatformCloud(self.platform, key),
        )

    def _find(self, id: str) -> Factory | None:
        return self._factory(id) if self.platform.resources.get(id) else None

    async def _delete(self, request: ArmRequest) -> None:
        """A factory's runs go with it."""
        for run in self._runtime.history.unfinished():
            if run.factory == request.id.key:
                await self._runtime.cancel(run.run_id, recursive=True)
        self._runtime.history.remove_factory(request.id.key)
