"""Publishing a package: build it, try it, keep it in the app's container, and let it serve.

https://learn.microsoft.com/azure/azure-functions/functions-deployment-technologies#one-deploy
A package that can't be built or loaded fails its deployment, and what served before goes on serving.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from uuid import uuid4

from adfkit.local_azure.platform import Platform
from adfkit.local_azure.services.web import errors
from adfkit.local_azure.services.web.history import DeploymentStatus, History
from adfkit.local_azure.services.web.host import FunctionHost
from adfkit.local_azure.services.web.models import App
from adfkit.local_azure.services.web.package_storage import PackageStorage

logger = logging.getLogger(__name__)


class Publisher:
    """Runs deployments, one a site at a time."""

    def __init__(self, platform: Platform, history: History) -> None:
        self._platform = platform
        self._history = history
        self._running: dict[str, asyncio.Task[None]] = {}

    def publish(self, app: App, host: FunctionHost, content: bytes, *, remote_build: bool, deployer: str) -> str:
        """Take a package and return the id of its deployment, which goes on in the background.

        Raises:
            AzureError: 409 where another deployment of the site goes on.
        """
        if app.key in self._running:
            raise errors.deployment_in_progress()
        id = str(uuid4())
        sha256 = hashlib.sha256(content).hexdigest()
        self._history.add_deployment(app.key, id, deployer=deployer, remote_build=remote_build, package_sha256=sha256)
        task = asyncio.create_task(self._deploy(id, app, host, content, remote_build))
        self._running[app.key] = task
        task.add_done_callback(lambda _: self._running.pop(app.key, None))
        return id

    async def _deploy(self, id: str, app: App, host: FunctionHost, content: bytes, remote_build: bool) -> None:
        try:
            self._history.set_deployment(id, DeploymentStatus.BUILDING)
            package = await asyncio.to_thread(host.unpacked, content)
            instance = await host.start(app, package, remote_build=remote_build)
            try:
                self._history.set_deployment(id, DeploymentStatus.DEPLOYING)
                etag = await PackageStorage(self._platform, app).upload(content)
            except BaseException:
                await host.discard(instance)
                raise
            await host.serve(instance, etag)
        except errors.HostError as error:
            self._history.set_deployment(id, DeploymentStatus.FAILED, str(error))
        except Exception as error:
            logger.exception("deployment %s of %s failed", id, app.name)
            self._history.set_deployment(
                id, DeploymentStatus.FAILED, f"An unexpected error happened ({type(error).__name__}); see the log."
            )
        else:
            self._history.set_deployment(id, DeploymentStatus.SUCCESS)

    async def stop(self) -> None:
        """Cancel what goes on; the next start marks it failed."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
