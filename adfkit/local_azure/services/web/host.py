"""The Functions host of one app: keeps a worker running on the deployed package, and runs invocations on it."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from uuid import uuid4

from adfkit.local_azure.errors import LocalAzureError
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.services.web.bindings import Binding, BindingTypes, Data
from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.functions import (
    Function,
    HttpFunction,
    Router,
    TriggeredFunction,
    http_functions,
    read_functions,
    require_extensions,
)
from adfkit.local_azure.services.web.history import History
from adfkit.local_azure.services.web.models import App
from adfkit.local_azure.services.web.package_storage import PackageStorage
from adfkit.local_azure.services.web.packages import BUILT_PACKAGES, Package, unpack
from adfkit.local_azure.services.web.worker_process import (
    Execution,
    FunctionFailedError,
    FunctionTimeoutError,
    InvocationFailedError,
    Launch,
    LogRecord,
    Metadata,
    Value,
    WorkerProcess,
)

logger = logging.getLogger(__name__)

PACKAGE_CHECK_SECONDS: Final = 1.0
"""How long a look at the package holds: an instance that starts reads it, and any invocation may meet a new one."""
RESPONSE_SECONDS: Final = 230.0
"""What App Service's front end waits for an answer; the function itself may run longer."""
RETURN: Final = "$return"
"""The name of the output that is what a function returns."""
NO_CONTENT: Final = Value("http", b"", {"status": 204, "headers": ()})
"""The answer of an HTTP function that gives none."""


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
    running: set[asyncio.Task[dict[str, Value]]] = field(default_factory=set)

    def serves(self, app: App) -> bool:
        """Whether it still runs, with the settings and the identity that the app has now."""
        started_for = (self.app.settings, self.app.principal, self.app.container_url)
        return self.worker.alive and started_for == (app.settings, app.principal, app.container_url)


class FunctionHost:
    """One app's host. `ready` starts a worker where there is none, or where the package has changed."""

    def __init__(
        self,
        platform: Platform,
        history: History,
        key: str,
        types: BindingTypes,
        *,
        response_seconds: float = RESPONSE_SECONDS,
        on_serving: Callable[[Instance], None] = lambda _: None,
    ) -> None:
        """`on_serving` is told of each instance that begins to serve."""
        self._platform = platform
        self._history = history
        self.key = key
        self._types = types
        self._on_serving = on_serving
        self._response_seconds = response_seconds
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
                self.note("", "ERROR", str(error))
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
        built = self._history.built_remotely(self.key, package.sha256)
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
            functions = read_functions(app, worker.functions, self._types)
            require_extensions(functions, package.settings)
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
            self.key,
            {
                function.name: {
                    "path": f"{prefix}/{function.route}".lstrip("/") if isinstance(function, HttpFunction) else "",
                    "bindings": list(function.bindings),
                }
                for function in instance.functions
            },
        )
        self._on_serving(instance)
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
        request = {
            "method": invocation.method,
            "url": invocation.url,
            "headers": dict(invocation.headers),
            "params": dict(invocation.params),
            "route_params": dict(invocation.route_params),
        }
        function = invocation.function
        inputs = {str(function.trigger["name"]): Value("http", invocation.body, request)}
        trace_parent = invocation.headers.get("traceparent", "")
        data = {
            **{f"Query.{name}": value for name, value in invocation.params.items()},
            **{f"Headers.{name}": value for name, value in invocation.headers.items()},
            **invocation.params,
            **invocation.route_params,
        }
        task = self._begin(instance, function, inputs, data=data, trace_parent=trace_parent)
        done, _ = await asyncio.wait({task}, timeout=self._response_seconds)
        if not done:
            return _text(504, f"The function gave no answer within {self._response_seconds:g} seconds; it runs on.")
        try:
            outputs = task.result()
        except FunctionFailedError as error:
            return _text(500, str(error))
        answer = next((value for value in outputs.values() if value.type == "http"), NO_CONTENT)
        headers = tuple((key, value) for key, value in answer.head["headers"])
        return Outcome(answer.head["status"], headers, answer.content)

    async def run(
        self,
        instance: Instance,
        function: Function,
        inputs: Mapping[str, Value],
        *,
        metadata: Mapping[str, Metadata] | None = None,
        data: Data | None = None,
        trace_parent: str = "",
    ) -> dict[str, Value]:
        """Run a function on the value of its trigger; what it gave to its outputs, which are written by then.

        Raises:
            FunctionFailedError: it raised, took too long, lost its worker, or a binding failed.
        """
        task = self._begin(instance, function, inputs, metadata=metadata, data=data, trace_parent=trace_parent)
        return await asyncio.shield(task)  # who gives up waiting does not end the function

    async def call(self, instance: Instance, function: TriggeredFunction, text: str, *, trace_parent: str = "") -> str:
        """Run a function on the text that its trigger gives it; returns the text it answers. Raises as `run` does."""
        inputs = {str(function.trigger["name"]): Value("string", text.encode())}
        outputs = await self.run(instance, function, inputs, trace_parent=trace_parent)
        return outputs[RETURN].content.decode()

    def _begin(
        self,
        instance: Instance,
        function: Function,
        inputs: Mapping[str, Value],
        *,
        metadata: Mapping[str, Metadata] | None = None,
        data: Data | None = None,
        trace_parent: str = "",
    ) -> asyncio.Task[dict[str, Value]]:
        execution = Execution(str(uuid4()), function.name, inputs, metadata or {}, trace_parent)
        self._history.start_invocation(self.key, execution.id, function.name, operation=_operation(trace_parent))
        task = asyncio.create_task(self._run(instance, function, execution, data or {}))
        instance.running.add(task)
        task.add_done_callback(instance.running.discard)
        return task

    async def _run(self, instance: Instance, function: Function, execution: Execution, data: Data) -> dict[str, Value]:
        try:
            read = {str(each["name"]): await self._read(instance, function, each, data) for each in function.inputs}
            outputs = await self._execute(instance, replace(execution, inputs={**execution.inputs, **read}))
            for binding in function.outputs:
                value = outputs.get(str(binding["name"]))
                write = self._types.of(function.name, binding).write
                if value is not None and write is not None:
                    await write(instance.app, binding, value, data)
        except FunctionFailedError as error:
            if isinstance(error, InvocationFailedError):
                self.note(execution.id, "ERROR", error.stack)
            self.note(execution.id, "ERROR", str(error))
            self._history.end_invocation(execution.id, 500, str(error))
            raise
        answer = next((value for value in outputs.values() if value.type == "http"), None)
        self._history.end_invocation(execution.id, answer.head["status"] if answer else 200)
        return outputs

    async def _read(self, instance: Instance, function: Function, binding: Binding, data: Data) -> Value:
        read = self._types.of(function.name, binding).read
        if read is None:
            raise RuntimeError(f"the binding '{binding['name']}' was let through as an input")
        return await read(instance.app, binding, data)

    async def _execute(self, instance: Instance, execution: Execution) -> dict[str, Value]:
        limit = instance.package.timeout
        try:
            async with asyncio.timeout(None if limit == float("inf") else limit):
                return await instance.worker.invoke(execution)
        except TimeoutError:
            await instance.worker.stop(self._platform.processes)  # as the host does: a thread can't be ended otherwise
            text = f"Timeout value of {limit:g} seconds exceeded by function: {execution.function}."
            raise FunctionTimeoutError(text) from None

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
        self._history.forget(self.key)

    def unpacked(self, content: bytes) -> Package:
        """The package of an archive, unpacked; raises DeploymentError."""
        return unpack(content, self._folder())

    def _folder(self) -> Path:
        folder = self._platform.folder / "web" / self.key.strip("/").replace("/", "-")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _log(self, record: LogRecord) -> None:
        self._history.log(self.key, record)

    def note(self, invocation: str, level: str, text: str) -> None:
        """Log a line of the host's own, for an invocation or (empty) for none."""
        logger.log(logging.getLevelName(level), "%s: %s", self.key.rpartition("/")[2], text)
        self._log(LogRecord(invocation, level, "host", text))


def _operation(trace_parent: str) -> str:
    """The operation id of an invocation's log: the trace of the caller, a new one where there is none."""
    parts = trace_parent.split("-")
    return parts[1] if len(parts) == 4 and len(parts[1]) == 32 else uuid4().hex


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
