"""One running worker of a function app, seen from the host: start it, send it invocations, hear its log and its end."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from adfkit.local_azure.processes import Processes
from adfkit.local_azure.services.web.errors import HostError

PROGRAM: Final = Path(__file__).with_name("worker.py")
LENGTHS: Final = struct.Struct(">II")
START_SECONDS: Final = 60
LAST_LINES: Final = 20
Frame = tuple[dict[str, Any], bytes]


class FunctionFailedError(Exception):
    """An invocation that failed; its text is what the host answers and logs."""


class InvocationFailedError(FunctionFailedError):
    """A function that raised: the exception's type and text, where in the app's files, and the whole stack."""

    def __init__(self, failure: Mapping[str, str]) -> None:
        exception = f"{failure['type']}: {failure['message']}" if failure["message"] else failure["type"]
        super().__init__(f"Result: Failure\nException: {exception}\nStack: {failure['where']}")
        self.type, self.message, self.stack = failure["type"], failure["message"], failure["stack"]


class FunctionTimeoutError(FunctionFailedError, TimeoutError):
    """A function that ran longer than `functionTimeout` allows."""


class WorkerExitedError(FunctionFailedError):
    """The worker process ended while it ran the invocation."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value on its way between host and worker.

    Attributes:
        type: `http`, `string`, `json`, `bytes`, or `none` for what is not there.
        head: for `http` the request's or the response's other parts.
    """

    type: str
    content: bytes = b""
    head: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Metadata:
    """One field of a trigger's metadata; `type` is that of a datum of the SDK: `string`, `int`, `json`."""

    type: str
    value: Any


@dataclass(frozen=True, slots=True)
class Execution:
    """One invocation as the worker runs it; `inputs` by the argument's name."""

    id: str
    function: str
    inputs: Mapping[str, Value]
    metadata: Mapping[str, Metadata] = field(default_factory=dict)
    trace_parent: str = ""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One line of an app's log; `invocation` is empty for what belongs to none; `time` in seconds since the epoch."""

    invocation: str
    level: str
    logger: str
    message: str
    time: float | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    """What a worker is started with. `packages` is the package's own folder of dependencies, or empty."""

    python: Path
    folder: Path
    packages: str
    environment: dict[str, str]


class WorkerProcess:
    """A started worker; `functions` are those that it found in the app, each with its bindings."""

    def __init__(self, process: asyncio.subprocess.Process, on_log: Callable[[LogRecord], None]) -> None:
        self._process = process
        self._on_log = on_log
        self._pending: dict[str, asyncio.Future[Frame]] = {}
        self._loaded: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._readers = asyncio.gather(self._read_frames(), self._read_output())
        self.functions: list[dict[str, Any]] = []

    @staticmethod
    async def start(processes: Processes, launch: Launch, on_log: Callable[[LogRecord], None]) -> WorkerProcess:
        """Start a worker and wait until it has loaded the app.

        Raises:
            HostError: the app could not be loaded; the text holds the app's own exception.
        """
        pipe = asyncio.subprocess.PIPE
        process = await processes.spawn(
            # isolated: nothing of ours on its path, not even the folder of the program
            [str(launch.python), "-I", str(PROGRAM), str(launch.folder), launch.packages],
            env=launch.environment,
            cwd=launch.folder,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
        )
        worker = WorkerProcess(process, on_log)
        try:
            await worker._load()
        except BaseException:
            await worker.stop(processes)
            raise
        return worker

    async def _load(self) -> None:
        try:
            header, _ = await asyncio.wait_for(self._loaded, START_SECONDS)
        except TimeoutError:
            raise HostError(f"The app did not load within {START_SECONDS} seconds.") from None
        except WorkerExitedError as error:
            raise HostError(f"The app could not be loaded. {error}") from error
        if header["kind"] == "load_failed":
            raise HostError(f"The app could not be loaded. {header['type']}: {header['message']}\n{header['stack']}")
        self.functions = header["functions"]

    @property
    def alive(self) -> bool:
        """Whether it can take invocations."""
        return self._process.returncode is None and not self._readers.done()

    async def invoke(self, execution: Execution) -> dict[str, Value]:
        """Run one invocation; the values that it gave to its outputs, by their bindings' names.

        Raises:
            InvocationFailedError: the function raised.
            WorkerExitedError: the worker ended meanwhile.
        """
        future: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._pending[execution.id] = future
        inputs = execution.inputs
        header = {
            "kind": "invoke",
            "invocation": execution.id,
            "function": execution.function,
            "trace_parent": execution.trace_parent,
            "metadata": {name: {"type": each.type, "value": each.value} for name, each in execution.metadata.items()},
            "inputs": [
                {**value.head, "name": name, "type": value.type, "length": len(value.content)}
                for name, value in inputs.items()
            ],
        }
        try:
            self._send(header, b"".join(value.content for value in inputs.values()))
            frame = await future
        finally:
            self._pending.pop(execution.id, None)
        if frame[0]["kind"] == "failed":
            raise InvocationFailedError(frame[0])
        return _outputs(*frame)

    async def stop(self, processes: Processes) -> None:
        """End the process; what it still runs fails with `WorkerExitedError`."""
        await processes.end(self._process)
        await self._readers

    def _send(self, header: dict[str, Any], body: bytes) -> None:
        if not self.alive or self._process.stdin is None:
            raise WorkerExitedError(self._epitaph())
        encoded = orjson.dumps(header)
        self._process.stdin.write(LENGTHS.pack(len(encoded), len(body)) + encoded + body)

    async def _read_frames(self) -> None:
        output = self._process.stdout
        if output is None:
            raise RuntimeError("the worker was started without a pipe")
        try:
            while True:
                header_length, body_length = LENGTHS.unpack(await output.readexactly(LENGTHS.size))
                header = orjson.loads(await output.readexactly(header_length))
                self._take(header, await output.readexactly(body_length))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # it ended; told below to all who wait
        except (ValueError, KeyError, TypeError):  # the app wrote to the worker's own descriptor
            self._on_log(LogRecord("", "ERROR", "host", "The worker sent what is no frame; it is ended."))
            self._process.kill()
        await self._process.wait()
        for future in (self._loaded, *self._pending.values()):
            if not future.done():
                future.set_exception(WorkerExitedError(self._epitaph()))
        if not self._loaded.cancelled():
            self._loaded.exception()  # taken note of, for a worker that nobody waits for any more

    def _take(self, header: dict[str, Any], body: bytes) -> None:
        kind = header["kind"]
        if kind == "log":
            record = (header["invocation"], header["level"], header["logger"], header["message"], header["time"])
            self._on_log(LogRecord(*record))
            return
        future = self._loaded if kind in ("functions", "load_failed") else self._pending.get(header["invocation"])
        if future is not None and not future.done():
            future.set_result((header, body))

    async def _read_output(self) -> None:
        output = self._process.stderr
        if output is None:
            raise RuntimeError("the worker was started without a pipe")
        while chunk := await output.read(65536):
            for line in chunk.decode(errors="replace").splitlines():
                self._last_lines.append(line)
                self._on_log(LogRecord("", "INFO", "output", line))

    def _epitaph(self) -> str:
        last = "\n".join(self._last_lines)
        code = self._process.returncode
        how = f"signal {-code}" if code is not None and code < 0 else f"exit status {code}"
        return f"Language Worker Process exited ({how}).{' Its last output: ' + last if last else ''}"


def _outputs(header: Mapping[str, Any], body: bytes) -> dict[str, Value]:
    outputs, start = {}, 0
    for entry in header["outputs"]:
        content = body[start : start + entry["length"]]
        start += entry["length"]
        head = {name: each for name, each in entry.items() if name not in ("name", "type", "length")}
        outputs[entry["name"]] = Value(entry["type"], content, head)
    return outputs
