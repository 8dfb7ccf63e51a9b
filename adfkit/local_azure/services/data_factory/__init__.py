"""Azure Data Factory: artifacts, the run APIs, and the runtime that runs pipelines.

https://learn.microsoft.com/rest/api/datafactory/

Supported are factories, their artifacts and the run APIs; the activities of `runtime/activities/registry.py` run, any
other fails by its name. Schedule, tumbling window and blob event triggers fire; a run can
be run again, as a whole, from an activity or from where it failed.
"""

from __future__ import annotations

from adfkit.local_azure.platform import Platform
from adfkit.local_azure.service import ArmRequest, Service
from adfkit.local_azure.services.data_factory.artifacts import StoredArtifacts
from adfkit.local_azure.services.data_factory.callbacks import callback_plane
from adfkit.local_azure.services.data_factory.cloud import PlatformCloud
from adfkit.local_azure.services.data_factory.documents import NAMESPACE, Documents
from adfkit.local_azure.services.data_factory.runs import Runs
from adfkit.local_azure.services.data_factory.runtime import ACTIVITIES, Factory, History, PipelineRuntime, Sealer
from adfkit.local_azure.services.data_factory.triggers.handlers import Triggers
from adfkit.local_azure.services.data_factory.triggers.history import TriggerHistory
from adfkit.local_azure.services.data_factory.triggers.scheduler import Scheduler
from adfkit.local_azure.services.data_factory.types import resource_types
from adfkit.local_azure.services.storage.events import BlobEvents
from adfkit.local_azure.services.storage.user_delegation import use_key


class DataFactoryService(Service):
    """The service of all factories of this cloud."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(platform)
        # a Batch task outlives the process that signed for its files
        use_key(platform.folder / "keys" / "user_delegation.key")
        self._sealer = Sealer.from_file(platform.folder / "keys" / "data_factory.key")
        history = History(platform.store, self._sealer)
        self._runtime = PipelineRuntime(history, activities=ACTIVITIES, factory=self._find)
        self._scheduler = Scheduler(
            TriggerHistory(platform.store),
            self._runtime,
            BlobEvents(platform.store),
            factory=self._find,
            clock=self._runtime.clock,
        )
        self.data_planes = (callback_plane(self._runtime),)
        documents = Documents(self._sealer)
        self.resource_types = resource_types(
            documents,
            Runs(self._runtime, self._factory),
            Triggers(self._scheduler, documents.delete),
            self._delete,
        )

    async def start(self) -> None:
        """Go on with the runs that a process which ended left in progress, and with the triggers that are started."""
        self._runtime.resume()
        for trigger in self.platform.resources.of_type(f"{NAMESPACE}/triggers"):
            if trigger.properties.get("runtimeState") == "Started":
                self._scheduler.add(trigger.id.lower(), trigger.name)
        self._scheduler.begin()

    async def stop(self) -> None:
        """Stop working on runs; they stay in progress for the next start."""
        await self._scheduler.end()
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
        """A factory's triggers and runs go with it."""
        for trigger in self.platform.resources.children(request.id.text, f"{NAMESPACE}/triggers"):
            self._scheduler.remove(trigger.id.lower())
            self._scheduler.events.unsubscribe(trigger.id)
        self._scheduler.history.remove_factory(request.id.key)
        for run in self._runtime.history.unfinished():
            if run.factory == request.id.key:
                await self._runtime.cancel(run.run_id, recursive=True)
        self._runtime.history.remove_factory(request.id.key)
