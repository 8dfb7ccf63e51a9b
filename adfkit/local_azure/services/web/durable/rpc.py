"""Where a worker's durable client calls the host: plain HTTP on loopback, as in Azure, here with a secret in the path.

The official client takes no proxy and no certificate for these calls, so the gateway's own port is none for them.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adfkit.local_azure.gateway.embedded_server import EmbeddedServer, listen

BASE: Final = "durabletask"


class RpcListener:
    """Serves the apps' workers; `answer` gets an app's key, the path below the base, and the request."""

    def __init__(self, answer: Callable[[str, str, Request], Awaitable[Response]]) -> None:
        self._answer = answer
        self._server: EmbeddedServer | None = None
        self._port = 0
        self._secrets: dict[str, str] = {}

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        listener = listen(0)
        self._port = listener.getsockname()[1]
        self._server = EmbeddedServer(self)
        await self._server.start(listener)

    async def stop(self) -> None:
        """Listen no more."""
        if self._server:
            await self._server.stop()

    def base_url(self, key: str) -> str:
        """Where the worker of an app calls; whoever knows it is that app."""
        secret = next((secret for secret, of in self._secrets.items() if of == key), None)
        if secret is None:
            secret = secrets.token_urlsafe(32)
            self._secrets[secret] = key
        return f"http://127.0.0.1:{self._port}/{secret}/{BASE}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        _, secret, base, *rest = [*request.url.path.split("/", 3), "", ""][:4]
        key = self._secrets.get(secret)
        known = key is not None and base == BASE
        response = await self._answer(key or "", rest[0], request) if known else Response(status_code=404)
        await response(scope, receive, send)
