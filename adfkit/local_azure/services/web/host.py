"""The Functions host of one app: keeps a worker running on the deployed package, and runs invocations on it."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from adfkit.local_azure.errors import LocalAzureError
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.functions import (
    Function,
    HttpFunction,
    Router,
    TriggeredFunction,
    http_functions,
    read_functions,
)
from adfkit.local_azure.services.web.history import History
from adfkit.local_azure.services.web.models import App
from adfkit.local_azure.services.web.package_storage import PackageStorage
from adfkit.local_azure.services.web.packages import BUILT_PACKAGES, Package, unpack
from adfkit.local_azure.services.web.worker_process import (
    InvocationFailedError,
    Launch,
    LogRecord,
    WorkerExitedError,
    WorkerProcess,
)

logger = logging.getLogger(__name__)

PACKAGE_CHECK_SECONDS: Final = 1.0
"""How long a look at the package holds: an instance that starts reads it, and any invocation may meet a new one."""
RESPONSE_SECONDS: Final = 230.0
"""What App Service's front end waits for an answer; the function itself may run longer."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One HTTP request for a function."""

    function: HttpFunction
    method: str
    url: str
    headers: Mapping[str, str]
    params: Mapping[str, str]
    route_params: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the caller is answered."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(slots=True, eq=False)
class Instance:
    """A running worker with what it was started for; `endpoint` are the variables of its managed identity."""

    app: App
    worker: WorkerProcess
    package: Package
    functions: list[Function]
    router: Router
    endpoint: dict[str, str]
    running: set[asyncio.Task[Any]] = field(default_factory=set)

    def serves(self, app: App) -> bool:
        """Whether it still runs, with the settings and the identity that the app has now."""
        started_for = (self.app.settings, self.app.principal, self.app.container_url)
        return self.worker.alive and started_for == (app.settings, app.principal, app.container_url)


Bind = Callable[[App, Function], dict[str, Any]]


def no_inputs(_: App, __: Function) -> dict[str, Any]:
    """The `bind` of a host without input bindings."""
    return {}


class FunctionHost:
    """One app's host. `ready` starts a worker where there is none, or where the package has changed."""

    def __init__(
        self,
        platform: Platform,
        history: History,
        key: str,
        *,
        response_seconds: float = RESPONSE_SECONDS,
        bind: Bind = no_inputs,
    ) -> None:
        """`bind` gives the values of a function's input bindings, by the names of its arguments."""
        self._platform = platform
        self._history = history
        self._key = key
        self._response_seconds = response_seconds
        self._bind = bind
        self._lock = asyncio.Lock()
        self._instance: Instance | None = None
        self._etag = ""
        self._checked = -float("inf")
        self._draining: set[asyncio.Task[None]] = set()

    async def ready(self, app: App) -> Instance:
        """The running instance.

        Raises:
            HostError: the package can't be read, built or loaded; the text says why.
        """
        async with self._lock:
            try:
                return await self._ready(app)
            except HostError as error:
                self._note("", "ERROR", str(error))
                raise

    async def _ready(self, app: App) -> Instance:
        serving = self._instance if self._instance and self._instance.serves(app) else None
        if serving and time.monotonic() < self._checked + PACKAGE_CHECK_SECONDS:
            return serving
        storage = PackageStorage(self._platform, app)
        etag = await storage.etag()
        self._checked = time.monotonic()
        if serving and etag == self._etag:
            return serving
        package = await asyncio.to_thread(unpack, await storage.download(), self._folder())
        built = self._history.built_remotely(self._key, package.sha256)
        instance = await self.start(app, package, remote_build=built)
        self._replace(instance, etag)
        return instance

    async def start(self, app: App, package: Package, *, remote_build: bool) -> Instance:
        """A new instance of a package, not yet serving.

        Raises:
            HostError: its requirements can't be installed, it can't be loaded, or has a trigger that is not supported.
        """
        try:
            environment = await self._platform.environments.ensure(
                package.requirements if remote_build else "", name=f"the function app '{app.name}'"
            )
        except LocalAzureError as error:
            raise HostError(str(error)) from error
        endpoint = self._platform.identity.endpoint_environment(app.principal, "app_service") if app.principal else {}
        built = package.folder / BUILT_PACKAGES
        launch = Launch(
            python=environment.python,
            folder=package.folder,
            packages=str(built) if built.is_dir() else "",
            environment=_worker_environment(self._platform, app, package) | endpoint,
        )
        worker = None
        try:
            worker = await WorkerProcess.start(self._platform.processes, launch, self._log)
            functions = read_functions(worker.functions)
            router = Router(http_functions(functions), package.route_prefix)
            return Instance(app, worker, package, functions, router, endpoint)
        except BaseException:
            self._platform.identity.revoke_endpoint(endpoint)
            if worker:
                await worker.stop(self._platform.processes)
            raise

    async def serve(self, instance: Instance, etag: str) -> None:
        """Put an instance in the place of the one that serves now."""
        async with self._lock:
            self._replace(instance, etag)

    def _replace(self, instance: Instance, etag: str) -> None:
        """From now on the new instance serves; the old one ends when it has answered what it runs."""
        old, self._instance = self._instance, instance
        self._etag, self._checked = etag, time.monotonic()
        prefix = instance.package.route_prefix
        self._history.set_functions(
            self._key,
            {
                function.name: {
                    "path": f"{prefix}/{function.route}".lstrip("/") if isinstance(function, HttpFunction) else "",
                    "bindings": list(function.bindings),
                }
                for function in instance.functions
            },
        )
        if old:
            draining = asyncio.create_task(self._drain(old))
            self._draining.add(draining)
            draining.add_done_callback(self._draining.discard)

    async def _drain(self, instance: Instance) -> None:
        try:
            if instance.running:
                await asyncio.wait(instance.running)
        finally:
            await self.discard(instance)

    async def invoke(self, instance: Instance, invocation: Invocation) -> Outcome:
        """Run a function and answer as the host does: 500 where it raised, 504 where it took too long."""
        id = str(uuid4())
        self._history.start_invocation(self._key, id, invocation.function.name)
        task = asyncio.create_task(self._run(instance, id, invocation))
        instance.running.add(task)
        task.add_done_callback(instance.running.discard)
        done, _ = await asyncio.wait({task}, timeout=self._response_seconds)
        if not done:
            return _text(504, f"The function gave no answer within {self._response_seconds:g} seconds; it runs on.")
        return task.result()

    async def call(self, instance: Instance, function: TriggeredFunction, text: str) -> str:
        """Run a function that is no HTTP function, on the text that its trigger gives it; returns the text it answers.

        Raises:
            InvocationFailedError, WorkerExitedError, TimeoutError: as the worker's `invoke`, or it took too long.
        """
        id = str(uuid4())
        self._history.start_invocation(self._key, id, function.name)
        task = asyncio.create_task(self._execute(instance, id, function, {"trace_parent": ""}, text.encode()))
        instance.running.add(task)
        task.add_done_callback(instance.running.discard)
        try:
            _, body = await task
        except (InvocationFailedError, WorkerExitedError, TimeoutError) as error:
            self._note(id, "ERROR", error.stack if isinstance(error, InvocationFailedError) else str(error))
            self._history.end_invocation(id, 500, str(error))
            raise
        self._history.end_invocation(id, 200)
        return body.decode()

    async def _run(self, instance: Instance, id: str, invocation: Invocation) -> Outcome:
        header = {
            "method": invocation.method,
            "url": invocation.url,
            "headers": dict(invocation.headers),
            "params": dict(invocation.params),
            "route_params": dict(invocation.route_params),
            "trace_parent": invocation.headers.get("traceparent", ""),
        }
        try:
            result, body = await self._execute(instance, id, invocation.function, header, invocation.body)
        except InvocationFailedError as error:
            self._note(id, "ERROR", error.stack)
            return self._failed(id, str(error))
        except (WorkerExitedError, TimeoutError) as error:
            return self._failed(id, str(error))
        self._history.end_invocation(id, result["status"])
        return Outcome(result["status"], tuple((key, value) for key, value in result["headers"]), body)

    async def _execute(
        self, instance: Instance, id: str, function: Function, header: dict[str, Any], body: bytes
    ) -> tuple[dict[str, Any], bytes]:
        """One call of the worker; one that takes too long costs the worker, since a thread can't be ended otherwise."""
        header["inputs"] = self._bind(instance.app, function)
        limit = instance.package.timeout
        try:
            async with asyncio.timeout(None if limit == float("inf") else limit):
                return await instance.worker.invoke({"invocation": id, "function": function.name, **header}, body)
        except TimeoutError:
            await instance.worker.stop(self._platform.processes)
            text = f"Timeout value of {limit:g} seconds exceeded by function: {function.name}."
            raise TimeoutError(text) from None

    def _failed(self, id: str, text: str) -> Outcome:
        self._note(id, "ERROR", text)
        self._history.end_invocation(id, 500, text)
        return _text(500, text)

    async def stop(self) -> None:
        """End the worker; the next invocation starts one again, with the app's settings of then."""
        async with self._lock:
            instance, self._instance = self._instance, None
            if instance:
                await self.discard(instance)
        for draining in list(self._draining):
            draining.cancel()
        await asyncio.gather(*self._draining, return_exceptions=True)

    async def discard(self, instance: Instance) -> None:
        """End an instance, its identity's endpoint, and the files of a package that serves no more."""
        self._platform.identity.revoke_endpoint(instance.endpoint)
        await instance.worker.stop(self._platform.processes)
        if self._instance and self._instance.package.folder != instance.package.folder:
            await asyncio.to_thread(shutil.rmtree, instance.package.folder, ignore_errors=True)

    async def forget(self) -> None:
        """End the worker and remove what the app left."""
        await self.stop()
        await asyncio.to_thread(shutil.rmtree, self._folder(), ignore_errors=True)
        self._history.forget(self._key)

    def unpacked(self, content: bytes) -> Package:
        """The package of an archive, unpacked; raises DeploymentError."""
        return unpack(content, self._folder())

    def _folder(self) -> Path:
        folder = self._platform.folder / "web" / self._key.strip("/").replace("/", "-")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _log(self, record: LogRecord) -> None:
        self._history.log(self._key, record)

    def _note(self, invocation: str, level: str, text: str) -> None:
        logger.log(logging.getLevelName(level), "%s: %s", self._key.rpartition("/")[2], text)
        self._log(LogRecord(invocation, level, "host", text))


def _text(status: int, text: str) -> Outcome:
    return Outcome(status, (("content-type", "text/plain; charset=utf-8"),), text.encode())


def _worker_environment(platform: Platform, app: App, package: Package) -> dict[str, str]:
    """What App Service gives a worker, below the app's settings; how to reach the cloud stands above both.

    https://learn.microsoft.com/azure/app-service/reference-app-settings
    """
    return {
        "WEBSITE_HOSTNAME": app.host,
        "WEBSITE_SITE_NAME": app.name,
        "WEBSITE_SKU": "FlexConsumption",
        "WEBSITE_INSTANCE_ID": uuid4().hex,
        "WEBSITE_RESOURCE_GROUP": app.id.split("/")[4],
        "AZURE_FUNCTIONS_ENVIRONMENT": "Production",
        "AzureWebJobsScriptRoot": str(package.folder),
        "FUNCTIONS_EXTENSION_VERSION": "~4",
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "FUNCTIONS_WORKER_RUNTIME_VERSION": f"{sys.version_info.major}.{sys.version_info.minor}",
        **{name: str(value) for name, value in app.settings.items()},
        **platform.client_environment,
    }
