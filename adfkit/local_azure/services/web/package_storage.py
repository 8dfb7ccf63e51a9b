"""An app's deployment container: its package as a blob, reached over HTTPS with the app's own identity."""

from __future__ import annotations

from typing import Final

import httpx

from adfkit.local_azure.platform import Platform
from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.models import App

BLOB: Final = "released-package.zip"
AUDIENCE: Final = "https://storage.azure.com/"
API_VERSION: Final = "2023-11-03"


class PackageStorage:
    """Reads and writes the package of one app."""

    def __init__(self, platform: Platform, app: App) -> None:
        self._platform = platform
        self._app = app
        self._url = f"{app.container_url}/{BLOB}"

    async def etag(self) -> str:
        """The ETag of the package.

        Raises:
            HostError: nothing was deployed yet, or the app may not read it.
        """
        response = await self._send("HEAD", "read")
        return str(response.headers["etag"])

    async def download(self) -> bytes:
        """The package; raises as `etag` does."""
        return (await self._send("GET", "read")).content

    async def upload(self, content: bytes) -> str:
        """Replace the package and return its ETag.

        Raises:
            HostError: the app may not write it, or the container is not there.
        """
        response = await self._send("PUT", "written", content, {"x-ms-blob-type": "BlockBlob"})
        return str(response.headers["etag"])

    async def _send(
        self, method: str, done: str, content: bytes | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        principal = self._app.principal
        if principal is None:
            raise HostError(f"The function app '{self._app.name}' has no system-assigned identity to read its package.")
        token = self._platform.identity.issue(principal, AUDIENCE).token
        response = await self._platform.http.request(
            method,
            self._url,
            content=content,
            headers={"Authorization": f"Bearer {token}", "x-ms-version": API_VERSION, **(headers or {})},
        )
        if response.is_error:
            raise HostError(self._refused(response, done))
        return response

    def _refused(self, response: httpx.Response, done: str) -> str:
        code = response.headers.get("x-ms-error-code") or response.reason_phrase
        if code == "BlobNotFound" and done == "read":
            return f"Nothing has been deployed to the function app '{self._app.name}' yet: {self._url} is not there."
        principal = self._app.principal.object_id if self._app.principal else ""
        return (
            f"The package {self._url} could not be {done} with the identity of the function app '{self._app.name}' "
            f"(object id '{principal}'): Azure Storage responded with {response.reason_phrase} "
            f"({response.status_code}): {code}."
        )
