"""The proxy that `HTTPS_PROXY` names: CONNECT to this cloud's hosts leads to the TLS port, every other name is refused.

So clients need no DNS, and nothing that has this proxy set can leave the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import Final

from adfkit.local_azure.cloud import SUFFIX

logger = logging.getLogger(__name__)

_QUICK_ACKNOWLEDGEMENT: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)
_CHUNK: Final = 256 * 1024
_HEAD_LIMIT: Final = 64 * 1024
_HEAD_TIMEOUT: Final = 30.0
_ESTABLISHED: Final = b"HTTP/1.1 200 Connection Established\r\n\r\n"


class ConnectProxy:
    """Splices bytes; it sees no content, since TLS ends at the port behind it."""

    def __init__(self, listener: socket.socket, tls_port: int) -> None:
        self._listener = listener
        self._tls_port = tls_port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Accept connections on the listener."""
        self._server = await asyncio.start_server(self._accept, sock=self._listener, limit=_HEAD_LIMIT)

    async def stop(self) -> None:
        """Accept no more, and end what is open."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # a task of its own, since asyncio reports a cancelled stream callback as an error
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(task)
        try:
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            logger.debug("a connection ended early: %r", error)
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _HEAD_TIMEOUT)
        request_line = head.split(b"\r\n", 1)[0].decode("latin-1")
        refusal = _refusal(request_line)
        if refusal is not None:
            writer.write(refusal)
            await writer.drain()
            return
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", self._tls_port)
        try:
            writer.write(_ESTABLISHED)
            client = writer.get_extra_info("socket")
            await asyncio.gather(_copy(reader, upstream, client), _copy(upstream_reader, writer))
        finally:
            upstream.close()


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, acknowledge: socket.socket | None = None
) -> None:
    """Copy to the end of the stream, then pass that end on.

    `acknowledge` is a socket to acknowledge on at once: clients behind a proxy leave Nagle's algorithm on (urllib3), so
    that the body of each request would wait for the acknowledgement of its headers, which Linux holds back for 40 ms.
    """
    try:
        while chunk := await reader.read(_CHUNK):
            if acknowledge is not None and _QUICK_ACKNOWLEDGEMENT is not None:
                acknowledge.setsockopt(socket.IPPROTO_TCP, _QUICK_ACKNOWLEDGEMENT, 1)
            writer.write(chunk)
            await writer.drain()
    finally:
        if writer.can_write_eof() and not writer.is_closing():
            with contextlib.suppress(OSError):  # the other side may be gone already
                writer.write_eof()


def _refusal(request_line: str) -> bytes | None:
    """The response that refuses a request, or None for one to let through."""
    method, _, rest = request_line.partition(" ")
    target = rest.rpartition(" ")[0]
    if method != "CONNECT":
        return _response(
            f"This is the proxy of local Azure: it takes CONNECT to hosts of {SUFFIX} over HTTPS, not {method} "
            f"{target.partition('?')[0]}."
        )
    name, _, port = target.rpartition(":")
    if not name.lower().endswith(f".{SUFFIX}"):
        return _response(
            f"Local Azure reaches no outside host: '{name}' is not below {SUFFIX}. Unset HTTPS_PROXY for programs "
            "that are to reach the internet."
        )
    if port != "443":
        return _response(f"Local Azure answers on port 443 only, not on {name}:{port}.")
    return None


def _response(text: str) -> bytes:
    body = f"{text}\n".encode()
    head = (
        "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
