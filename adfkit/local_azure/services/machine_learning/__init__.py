"""Azure Machine Learning: workspaces, assets, batch endpoints, and pipeline jobs whose steps run as processes."""

from __future__ import annotations

from adfkit.local_azure.cloud import AUDIENCE_MACHINE_LEARNING
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.service import DataPlane, Service
from adfkit.local_azure.services.machine_learning import environments, invocations, services_plane, types
from adfkit.local_azure.services.machine_learning.jobs import Jobs
from adfkit.local_azure.services.machine_learning.runs import Runs


class MachineLearningService(Service):
    """Microsoft.MachineLearningServices, the hosts of batch endpoints, and a region's run history."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(platform)
        runs = Runs(platform.store)
        self._jobs = Jobs(platform, runs)
        self.resource_types = types.resource_types(runs, self._jobs)
        self.data_planes = (
            DataPlane(
                host=invocations.HOST,
                audiences=AUDIENCE_MACHINE_LEARNING,
                handle=invocations.Invocations(runs, self._jobs).handle,
            ),
            DataPlane(
                host=services_plane.HOST,
                audiences=frozenset(),  # it checks tokens itself: some addresses need none
                handle=services_plane.ServicesPlane(platform, runs).handle,
            ),
        )

    async def start(self) -> None:
        """Go on with the jobs that a stopped gateway left."""
        self._jobs.resume()

    async def stop(self) -> None:
        """Interrupt the jobs; the next start resumes them."""
        await self._jobs.stop()
        await environments.stop_builds()
