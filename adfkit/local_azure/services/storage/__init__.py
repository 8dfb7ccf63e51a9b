"""Azure Storage: accounts, containers and queues in ARM; data planes of blobs, Data Lake and queues over Azurite."""

from __future__ import annotations

from adfkit.local_azure.cloud import AUDIENCE_STORAGE
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.service import DataPlane, Service
from adfkit.local_azure.services.storage.azurite import QUEUES, Azurite
from adfkit.local_azure.services.storage.data_plane import BlobDataPlane, unsupported
from adfkit.local_azure.services.storage.dfs import DfsDataPlane, render_dfs_error
from adfkit.local_azure.services.storage.errors import render_blob_error
from adfkit.local_azure.services.storage.events import BlobEvents
from adfkit.local_azure.services.storage.queues import QueueDataPlane
from adfkit.local_azure.services.storage.types import resource_types

OTHER_HOSTS = ("table", "file")


class StorageService(Service):
    """Blobs, Data Lake and queues for real; the hosts of the other services answer that they are not supported."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(platform)
        self.azurite = Azurite(platform)
        self.queues = Azurite(platform, QUEUES)
        self.resource_types = resource_types(self.azurite, self.queues)
        events = BlobEvents(platform.store)
        blobs = BlobDataPlane(self.azurite, events)
        self.data_planes = (
            # its audiences stay empty because SAS and the service's own errors for a bad token need a check of its own
            DataPlane(
                host="{account}.blob", audiences=frozenset(), handle=blobs.handle, render_error=render_blob_error
            ),
            DataPlane(
                host="{account}.dfs",
                audiences=AUDIENCE_STORAGE,
                handle=DfsDataPlane(self.azurite, events).handle,
                render_error=render_dfs_error,
            ),
            DataPlane(
                host="{account}.queue",
                audiences=AUDIENCE_STORAGE,
                handle=QueueDataPlane(self.queues).handle,
                render_error=render_blob_error,
            ),
            *(
                DataPlane(
                    host=f"{{account}}.{name}",
                    audiences=AUDIENCE_STORAGE,
                    handle=unsupported,
                    render_error=render_blob_error,
                )
                for name in OTHER_HOSTS
            ),
        )

    async def stop(self) -> None:
        """End the stores; each saves what it holds."""
        await self.azurite.stop()
        await self.queues.stop()
