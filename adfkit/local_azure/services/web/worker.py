"""The Python worker of a function app: a program that runs in the app's own environment, with nothing of ours.

It loads `function_app.py` (programming model v2), tells which functions it found, and runs invocations. It talks to the
host over its standard input and output in frames: two big-endian 32-bit lengths, a JSON header, a body. What the app
prints goes to standard error. Frames to the worker: `invoke`. From it: `functions` or `load_failed`, `log`, `result`,
`failed`. See `worker_process.py` for the other end. Values go as entries {"name", "type", "length"} of a header's
`inputs` or `outputs`, their contents one after the other in the body.
"""

import asyncio
import contextvars
import importlib
import inspect
import json
import logging
import os
import struct
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, BinaryIO

LENGTHS = struct.Struct(">II")
RETURN = "$return"
INVOCATION: contextvars.ContextVar[str] = contextvars.ContextVar("invocation", default="")


class Channel:
    """Frames to and from the host; sending is safe from any thread."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._lock = threading.Lock()

    def send(self, header: dict[str, Any], body: bytes = b"") -> None:
        """Send one frame."""
        encoded = json.dumps(header, default=str).encode()
        with self._lock:
            self._outgoing.write(LENGTHS.pack(len(encoded), len(body)) + encoded + body)
            self._outgoing.flush()

    def receive(self) -> tuple[dict[str, Any], bytes] | None:
        """The next frame; None once the host is gone."""
        lengths = self._incoming.read(LENGTHS.size)
        if len(lengths) < LENGTHS.size:
            return None
        header_length, body_length = LENGTHS.unpack(lengths)
        return json.loads(self._incoming.read(header_length)), self._incoming.read(body_length)


class LogToHost(logging.Handler):
    """Sends log records to the host, with the invocation that they belong to."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        header = {"kind": "log", "invocation": INVOCATION.get(), "level": record.levelname, "logger": record.name}
        self._channel.send({**header, "message": self.format(record), "time": record.created})


class Worker:
    """The app's functions, and the threads that run those that are not coroutines."""

    def __init__(self, channel: Channel, folder: str) -> None:
        self._channel = channel
        self._folder = folder
        self._functions: dict[str, Any] = {}
        self._running: set[asyncio.Task[None]] = set()
        threads = int(os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT", "0")) or min(32, (os.cpu_count() or 1) + 4)
        self._threads = ThreadPoolExecutor(threads)

    def load(self) -> None:
        """Import the app and tell the host its functions; an error is the host's to report."""
        try:
            self._functions = {function.get_function_name(): function for function in find_functions()}
        except BaseException as error:  # noqa: BLE001  whatever the app raises, SystemExit too, is the load's outcome
            self._channel.send({"kind": "load_failed", **described(error, self._folder)})
            return
        functions = [
            {
                "name": name,
                "bindings": [json.loads(binding) for binding in function.get_raw_bindings()],
                "retry": function.get_settings_dict("retry_policy"),
            }
            for name, function in self._functions.items()
        ]
        self._channel.send({"kind": "functions", "functions": functions})

    async def serve(self) -> None:
        """Run invocations, each as a task of its own, until the host is gone."""
        while (frame := await asyncio.to_thread(self._channel.receive)) is not None:
            task = asyncio.create_task(self._invoke(*frame))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _invoke(self, header: dict[str, Any], body: bytes) -> None:
        invocation = header["invocation"]
        INVOCATION.set(invocation)
        try:
            values = await self._call(self._functions[header["function"]], header, body)
        except BaseException as error:  # noqa: BLE001  whatever the function raises is the invocation's outcome
            self._channel.send({"kind": "failed", "invocation": invocation, **described(error, self._folder)})
            return
        outputs = [{**head, "name": name, "length": len(content)} for name, head, content in values]
        content = b"".join(content for _, _, content in values)
        self._channel.send({"kind": "result", "invocation": invocation, "outputs": outputs}, content)

    async def _call(
        self, function: Any, header: dict[str, Any], body: bytes
    ) -> list[tuple[str, dict[str, Any], bytes]]:
        """Run a function; name, description and content of each value that it gave back."""
        user_function = function.get_user_function()
        outs = {binding.name: Out() for binding in outputs_of(function) if binding.name != RETURN}
        arguments = {**input_values(function, header, body), **outs}
        if "context" in inspect.signature(user_function).parameters and "context" not in arguments:
            arguments["context"] = invocation_context(header, self._folder)
        if inspect.iscoroutinefunction(user_function):
            result = await user_function(**arguments)
        else:
            in_context = contextvars.copy_context()
            result = await asyncio.get_running_loop().run_in_executor(
                self._threads, lambda: in_context.run(user_function, **arguments)
            )
        return output_values(function, outs, result)


class Out:
    """An argument by which a function gives a value to an output binding, with the methods of `azure.functions.Out`."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, value: Any) -> None:
        """Give the value."""
        self._value = value

    def get(self) -> Any:
        """The value given, None where there is none yet."""
        return self._value


def outputs_of(function: Any) -> list[Any]:
    """The output bindings of a function."""
    return [binding for binding in function.get_bindings() if binding.get_dict_repr()["direction"].name == "OUT"]


def converter(type: str) -> Any:
    """The SDK's converter for a type of binding."""
    from azure.functions import meta

    registry: Any = meta
    return registry.get_binding_registry().get(type)


def input_values(function: Any, header: dict[str, Any], body: bytes) -> dict[str, Any]:
    """The arguments that come from the host, decoded by the SDK's own converters."""
    from azure.functions.meta import Datum

    trigger = function.get_trigger()
    metadata = {name: Datum(field["value"], field["type"]) for name, field in header["metadata"].items()}
    types = {binding.name: binding.type for binding in function.get_bindings()}
    arguments, start = {}, 0
    for entry in header["inputs"]:
        name, content = entry["name"], body[start : start + entry["length"]]
        start += entry["length"]
        if entry["type"] == "http":
            arguments[name] = http_request(entry, content)
            continue
        value: Any = content if entry["type"] == "bytes" else content.decode()
        datum = Datum(None, None) if entry["type"] == "none" else Datum(value, entry["type"])
        arguments[name] = converter(types[name]).decode(
            datum, trigger_metadata=metadata if name == trigger.name else None
        )
    return arguments


def output_values(function: Any, outs: dict[str, Out], result: Any) -> list[tuple[str, dict[str, Any], bytes]]:
    """What a function set and returned, encoded by the SDK's own converters."""
    types = {binding.name: binding.type for binding in outputs_of(function)}
    trigger = converter(function.get_trigger().type)
    if hasattr(trigger, "has_implicit_output") and trigger.has_implicit_output():
        types[RETURN] = function.get_trigger().type
    if result is not None and RETURN not in types:
        name = function.get_function_name()
        raise RuntimeError(f"function {name!r} without a $return binding returned a non-None value")
    given = {name: out.get() for name, out in outs.items()}
    values = [encoded(name, types[name], value) for name, value in given.items() if value is not None]
    return [*values, encoded(RETURN, types[RETURN], result)] if RETURN in types else values


def encoded(name: str, type: str, value: Any) -> tuple[str, dict[str, Any], bytes]:
    """One value for the host; raises TypeError where its binding does not take it."""
    if type == "http":
        status, headers, content = http_response(value)
        return name, {"type": "http", "status": status, "headers": headers}, content
    try:
        datum = converter(type).encode(value, expected_type=None)
    except NotImplementedError:
        kind = value.__class__.__name__
        raise TypeError(f'unable to encode outgoing TypedData: unsupported type "{type}" for "{kind}"') from None
    content = datum.value if isinstance(datum.value, bytes) else str(datum.value).encode()
    return name, {"type": datum.type}, content


def find_functions() -> list[Any]:
    """The functions of the one FunctionApp that the app's module defines."""
    from azure.functions import FunctionRegister

    name = os.environ.get("PYTHON_SCRIPT_FILE_NAME", "function_app.py").removesuffix(".py")
    module = importlib.import_module(name)
    apps = [value for value in vars(module).values() if isinstance(value, FunctionRegister)]
    if len(apps) != 1:
        raise ValueError(f"{name}.py must define one FunctionApp at its top level; it defines {len(apps)}.")
    functions: list[Any] = apps[0].get_functions()
    return functions


def http_request(header: dict[str, Any], body: bytes) -> Any:
    """The request as the app's function takes it."""
    from azure.functions import HttpRequest

    return HttpRequest(
        method=header["method"],
        url=header["url"],
        headers=header["headers"],
        params=header["params"],
        route_params=header["route_params"],
        body=body,
    )


def http_response(result: Any) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body of what a function returned: a response, a text, or nothing (204)."""
    from azure.functions import HttpResponse

    if result is None:
        return 204, [], b""
    if isinstance(result, str):
        return 200, [("content-type", "text/plain; charset=utf-8")], result.encode()
    if not isinstance(result, HttpResponse):
        raise TypeError(f"an HTTP function must return an HttpResponse or a text, not {type(result).__name__}")
    headers = [(name.lower(), value) for name, value in result.headers.items()]
    if not any(name == "content-type" for name, _ in headers):
        charset = f"; charset={result.charset}" if result.mimetype.startswith("text/") else ""
        headers.append(("content-type", f"{result.mimetype}{charset}"))
    return result.status_code, headers, result.get_body()


def invocation_context(header: dict[str, Any], folder: str) -> SimpleNamespace:
    """The `context` argument of a function that asks for one, with the fields of `azure.functions.Context`."""
    return SimpleNamespace(
        invocation_id=header["invocation"],
        function_name=header["function"],
        function_directory=folder,
        thread_local_storage=threading.local(),
        trace_context=SimpleNamespace(trace_parent=header["trace_parent"], trace_state="", attributes={}),
        retry_context=None,
    )


def described(error: BaseException, folder: str) -> dict[str, str]:
    """An exception for the host: type, text, the stack without this program's frames, and where in the app it was.

    Paths in the app are shown from the package's root.
    """
    frames = [
        traceback.FrameSummary(frame.filename.removeprefix(f"{folder}/"), frame.lineno, frame.name, line=frame.line)
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename != __file__ and not frame.filename.startswith("<frozen importlib")
    ]
    own = [frame for frame in frames if not frame.filename.startswith(("/", "<"))]
    where = f'File "{own[-1].filename}", line {own[-1].lineno}, in {own[-1].name}' if own else ""
    stack = "".join(traceback.format_list(frames) + traceback.format_exception_only(error))
    return {"type": type(error).__name__, "message": str(error), "where": where, "stack": stack}


def main(folder: str, packages: str) -> None:
    """Serve the app of a folder; `packages` is the package's own folder of dependencies, or empty."""
    channel = Channel(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what the app prints is log, not a frame
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.path[:0] = [folder, packages] if packages else [folder]
    os.chdir(folder)
    handler = LogToHost(channel)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    worker = Worker(channel, folder)
    worker.load()
    asyncio.run(worker.serve())
    os._exit(0)  # threads of the app must not keep a worker whose host is gone


if __name__ == "__main__":
    main(*sys.argv[1:3])
