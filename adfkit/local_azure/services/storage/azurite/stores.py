"""Azurite processes: one a service of a storage account, started at its first use, each with a key that nobody knows.

https://github.com/Azure/Azurite
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import re
import secrets
import shutil
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from adfkit.local_azure.cloud import host
from adfkit.local_azure.errors import AzureError, LocalAzureError
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.services.storage.azurite.install import install_azurite, node, preload
from adfkit.local_azure.services.storage.signing import sign

logger = logging.getLogger(__name__)

_LISTENS: Final = re.compile(rb"successfully listens on http://127\.0\.0\.1:(\d+)")
_START_TIMEOUT: Final = 60.0
_VERSION: Final = "2025-05-05"


@dataclass(frozen=True, slots=True)
class AzuriteService:
    """One of Azurite's services, each a program of its own.

    Attributes:
        folder: where an account's data lie, below local Azure's folder.
        idle_seconds: how long a connection is kept for another request; Azurite closes its own later.
    """

    name: str
    folder: str
    options: tuple[str, ...]
    idle_seconds: float


BLOBS: Final = AzuriteService("blob", "blobs", ("--blobKeepAliveTimeout", "60"), 15.0)
QUEUES: Final = AzuriteService("queue", "queues", (), 2.0)


@dataclass(frozen=True, slots=True)
class RunningAzurite:
    """A running Azurite: its loopback port, and the account key that its requests are signed with."""

    process: asyncio.subprocess.Process
    port: int
    key: bytes


class Azurite:
    """Starts and finds the store of an account for one service; one that died is started again."""

    def __init__(self, platform: Platform, service: AzuriteService = BLOBS) -> None:
        self._platform = platform
        self._service = service
        self._stores: dict[str, RunningAzurite] = {}
        self._readers: set[asyncio.Task[None]] = set()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._http = httpx.AsyncClient(
            trust_env=False,
            timeout=httpx.Timeout(30.0, read=None),
            # idle connections go before Azurite closes them, so that no request meets one that is being closed
            limits=httpx.Limits(
                max_connections=None, max_keepalive_connections=64, keepalive_expiry=service.idle_seconds
            ),
        )

    async def store(self, account: str) -> RunningAzurite:
        """The running store of an account."""
        async with self._locks[account]:
            store = self._stores.get(account)
            if store is None or store.process.returncode is not None:
                store = await self._start(account)
                self._stores[account] = store
            return store

    async def send(self, account: str, request: httpx.Request) -> httpx.Response:
        """Sign a request to `http://store/...`, send it, and return the response with its body still to be read.

        Raises:
            AzureError: 503 `ServerBusy`, which clients try again, where the store ended while it read a body; without
                one the request is sent again, to the store that is then started.
        """
        try:
            return await self._send(account, request)
        except httpx.TransportError as error:
            logger.warning("the %s store of account %s did not answer: %r", self._service.name, account, error)
            if isinstance(request.stream, httpx.ByteStream) and await self._ended(account):
                return await self._send(account, request)
            raise AzureError(503, "ServerBusy", "The server is currently unable to receive requests.") from error

    async def _send(self, account: str, request: httpx.Request) -> httpx.Response:
        store = await self.store(account)
        request.url = request.url.copy_with(host="127.0.0.1", port=store.port)
        request.headers["Host"] = host(account, self._service.name)
        sign(request, account, store.key)
        return await self._http.send(request, stream=True)

    async def _ended(self, account: str) -> bool:
        """Whether the store's process has ended; one that was killed a moment ago is waited for."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stores[account].process.wait(), 1.0)
            return True
        return False

    async def create_container(self, account: str, name: str) -> None:
        """Create a container; one that is there stays as it is."""
        await self._change("PUT", account, f"{name}?restype=container", allowed=frozenset({201, 409}))

    async def delete_container(self, account: str, name: str) -> None:
        """Delete a container with all its blobs; one that is gone already is no error."""
        await self._change("DELETE", account, f"{name}?restype=container", allowed=frozenset({202, 404}))

    async def create_queue(self, account: str, name: str) -> None:
        """Create a queue; one that is there stays as it is."""
        await self._change("PUT", account, name, allowed=frozenset({201, 204, 409}))

    async def delete_queue(self, account: str, name: str) -> None:
        """Delete a queue with all its messages; one that is gone already is no error."""
        await self._change("DELETE", account, name, allowed=frozenset({204, 404}))

    async def delete_account(self, account: str) -> None:
        """End the store of an account and delete what it holds."""
        async with self._locks[account]:
            store = self._stores.pop(account, None)
            if store is not None:
                await self._platform.processes.end(store.process)
            await asyncio.to_thread(shutil.rmtree, self._folder(account), ignore_errors=True)

    async def stop(self) -> None:
        """End every store; each saves what it holds."""
        await asyncio.gather(*(self._platform.processes.end(store.process) for store in self._stores.values()))
        for reader in self._readers:
            reader.cancel()
        await self._http.aclose()

    async def _change(self, method: str, account: str, what: str, *, allowed: frozenset[int]) -> None:
        request = httpx.Request(
            method,
            f"http://store/{what}",
            headers={"x-ms-version": _VERSION, "Content-Length": "0"},
        )
        response = await self.send(account, request)
        try:
            body = await response.aread()
        finally:
            await response.aclose()
        if response.status_code not in allowed:
            code = response.headers.get("x-ms-error-code", "InternalError")
            raise AzureError(response.status_code, code, f"'{what}': {body.decode('utf-8', 'replace')}")

    async def _start(self, account: str) -> RunningAzurite:
        platform = self._platform
        installed = await asyncio.to_thread(install_azurite)
        folder, name = self._folder(account), self._service.name
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        key = secrets.token_bytes(64)
        modules = installed / "node_modules"
        process = await platform.processes.spawn(
            [
                *(str(node()), "--require", str(preload())),
                str(modules / "azurite" / "dist" / "src" / name / "main.js"),
                *(f"--{name}Host", "127.0.0.1", f"--{name}Port", "0", "--location", str(folder)),
                *self._service.options,
                *("--silent", "--skipApiVersionCheck", "--disableTelemetry"),
            ],
            env={
                "PATH": platform.client_environment["PATH"],
                "HOME": platform.client_environment["HOME"],
                "NODE_PATH": str(modules),
                "AZURITE_ACCOUNTS": f"{account}:{base64.b64encode(key).decode()}",
            },
            cwd=folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        port = await self._port(process, account)
        return RunningAzurite(process, port, key)

    def _folder(self, account: str) -> Path:
        return self._platform.folder / self._service.folder / account

    async def _port(self, process: asyncio.subprocess.Process, account: str) -> int:
        output = process.stdout
        if output is None:
            raise RuntimeError("Azurite was started without a pipe for its output")
        said = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_TIMEOUT):
                while line := await output.readline():
                    said += line
                    match = _LISTENS.search(line)
                    if match:
                        self._keep_reading(output, account)
                        return int(match[1])
        await self._platform.processes.end(process)
        raise LocalAzureError(
            f"The {self._service.name} store of account '{account}' did not start. Azurite said:\n"
            + said.decode("utf-8", "replace")
        )

    def _keep_reading(self, output: asyncio.StreamReader, account: str) -> None:
        """Log what Azurite says, so that its pipe never fills."""

        async def read() -> None:
            while line := await output.readline():
                logger.info(
                    "azurite %s of %s: %s", self._service.name, account, line.decode("utf-8", "replace").rstrip()
                )

        task = asyncio.create_task(read())
        self._readers.add(task)
        task.add_done_callback(self._readers.discard)
