"""One running local Azure: everything built, started in order, served until told to end, and stopped in reverse."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import httpx

from adfkit.local_azure.arm import ArmServer
from adfkit.local_azure.cloud import AUDIENCE_ARM
from adfkit.local_azure.environment import client_environment
from adfkit.local_azure.gateway.certificates import CertificateAuthority
from adfkit.local_azure.gateway.chain import Chain
from adfkit.local_azure.gateway.embedded_server import EmbeddedServer, listen
from adfkit.local_azure.gateway.proxy import ConnectProxy
from adfkit.local_azure.gateway.request_log import RequestLog
from adfkit.local_azure.identity import Identity
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.processes import Processes
from adfkit.local_azure.python_environments import PythonEnvironments
from adfkit.local_azure.resources import Resources
from adfkit.local_azure.service import DataPlane, Service
from adfkit.local_azure.services.registry import SERVICES
from adfkit.local_azure.state import GatewayState, Ports
from adfkit.local_azure.store import Store

__all__ = ["Ports", "Running", "running", "serve"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that is ready, in this process."""

    platform: Platform
    ports: Ports


async def serve(folder: Path, ports: Ports) -> None:
    """Run local Azure in this process until SIGTERM or SIGINT.

    Raises:
        LocalAzureError: a port is taken.
    """
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with running(folder, ports) as gateway:
        GatewayState(os.getpid(), gateway.ports, version("adfkit")).write(folder)
        logger.info("local Azure is ready: proxy on port %d, TLS on port %d", gateway.ports.proxy, gateway.ports.tls)
        await ended.wait()
        logger.info("local Azure stops")
        GatewayState.remove(folder)


@asynccontextmanager
async def running(folder: Path, ports: Ports) -> AsyncIterator[Running]:
    """A gateway on the running event loop, ready inside the context and ended after it.

    Raises:
        LocalAzureError: a port is taken.
    """
    async with AsyncExitStack() as stack:
        tls_listener = stack.enter_context(listen(ports.tls))
        proxy_listener = stack.enter_context(listen(ports.proxy))
        bound = Ports(tls_listener.getsockname()[1], proxy_listener.getsockname()[1])
        certificates = CertificateAuthority(folder)
        platform = await _platform(stack, folder, certificates, bound)
        services = [service(platform) for service in SERVICES]
        arm = ArmServer(platform, [type for service in services for type in service.resource_types])
        chain = _chain(stack, platform, arm, services)
        await _start_listening(stack, chain, certificates, tls_listener, proxy_listener)
        for part in _parts(services, arm):
            stack.push_async_callback(part.stop)
            await part.start()
        yield Running(platform, bound)


def _parts(services: Sequence[Service], arm: ArmServer) -> Sequence[Service | ArmServer]:
    """What is started, in order: ARM after the services, whose resource types it resumes operations on."""
    return (*services, arm)


async def _platform(stack: AsyncExitStack, folder: Path, certificates: CertificateAuthority, ports: Ports) -> Platform:
    store = Store(folder / "local-azure.db")
    stack.callback(store.close)
    resources = Resources(store)
    identity = Identity(folder, store, resources)
    identity.deployer()
    processes = Processes()
    stack.push_async_callback(processes.stop)
    http = httpx.AsyncClient(
        proxy=f"http://127.0.0.1:{ports.proxy}",
        mounts={f"all://{host}": httpx.AsyncHTTPTransport() for host in ("localhost", "127.0.0.1", "[::1]")},
        verify=certificates.client_context(),
        trust_env=False,
        timeout=httpx.Timeout(60.0, read=None),
    )
    await stack.enter_async_context(http)
    return Platform(
        folder=folder,
        store=store,
        resources=resources,
        identity=identity,
        processes=processes,
        environments=PythonEnvironments(processes),
        http=http,
        client_environment=client_environment(folder, ports.proxy),
    )


def _chain(stack: AsyncExitStack, platform: Platform, arm: ArmServer, services: Sequence[Service]) -> Chain:
    log = RequestLog(platform.folder / "logs" / "requests.jsonl")
    stack.callback(log.close)
    planes = [DataPlane(host="management", audiences=AUDIENCE_ARM, handle=arm.handle)]
    planes.extend(plane for service in services for plane in service.data_planes)
    return Chain(platform, planes, log)


async def _start_listening(
    stack: AsyncExitStack,
    chain: Chain,
    certificates: CertificateAuthority,
    tls_listener: socket.socket,
    proxy_listener: socket.socket,
) -> None:
    server = EmbeddedServer(chain, certificates.server_context)
    stack.push_async_callback(server.stop)
    await server.start(tls_listener)
    proxy = ConnectProxy(proxy_listener, tls_listener.getsockname()[1])
    await proxy.start()
    stack.push_async_callback(proxy.stop)
