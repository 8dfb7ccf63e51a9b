"""Azure Storage: accounts and containers in ARM, and the data planes of blobs and of Data Lake over Azurite."""

from __future__ import annotations

from adfkit.local_azure.cloud import AUDIENCE_STORAGE
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.service import DataPlane, Service
from adfkit.local_azure.services.storage.azurite import Azurite
from adfkit.local_azure.services.storage.data_plane import BlobDataPlane, unsupported
from adfkit.local_azure.services.storage.dfs import DfsDataPlane, render_dfs_error
from adfkit.local_azure.services.storage.errors import render_blob_error
from adfkit.local_azure.services.storage.events import BlobEvents
from adfkit.local_azure.services.storage.types import resource_types

OTHER_HOSTS = ("queue", "table", "file")


class StorageService(Service):
    """Blobs and Data Lake for real; the hosts of the other services answer that they are not supported."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(platform)
        self.azurite = Azurite(platform)
        self.resource_types = resource_types(self.azurite)
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
        """End the blob stores; each saves what it holds."""
        await self.azurite.stop()
