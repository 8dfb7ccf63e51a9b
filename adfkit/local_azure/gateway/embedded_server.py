"""Uvicorn inside a running event loop: it starts, tells when it listens, and ends when told, without any signal."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import uvicorn

from adfkit.local_azure.errors import LocalAzureError


class EmbeddedServer:
    """One server; with `ssl_context` it speaks TLS."""

    def __init__(self, app: Any, ssl_context: Callable[[], ssl.SSLContext] | None = None) -> None:
        config = uvicorn.Config(
            app,
            lifespan="off",
            interface="asgi3",
            http="h11",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=5,
            ssl_context_factory=(lambda _config, _default: ssl_context()) if ssl_context else None,
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self, listener: socket.socket) -> None:
        """Serve, and return once it listens.

        Raises:
            LocalAzureError: it ended before.
        """
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started:
            if self._task.done():
                await self._task
                raise LocalAzureError("A server of the gateway ended before it listened; see the gateway's log.")
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """End."""
        self._server.should_exit = True
        if self._task:
            with suppress(asyncio.CancelledError):
                await self._task


class _Server(uvicorn.Server):
    """Leaves signals to the gateway, which stops its services before the server."""

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve without uvicorn's own capture of signals."""
        await self._serve(sockets)


def listen(port: int) -> socket.socket:
    """A listener on 127.0.0.1; 0 takes a free port.

    Raises:
        LocalAzureError: the port is taken.
    """
    # with the protocol spelled out asyncio sets TCP_NODELAY on what is accepted; without it, each answer waits 40 ms
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise LocalAzureError(
            f"Port {port} on 127.0.0.1 cannot be taken: {error.strerror}. Choose another one, or 0 for a free one."
        ) from error
    return listener
