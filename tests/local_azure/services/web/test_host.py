"""The host where a worker misbehaves: slow answers, and bytes that are no frames."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from adfkit.local_azure.platform import Platform
from adfkit.local_azure.processes import Processes
from adfkit.local_azure.services.web.bindings import HTTP, BindingTypes
from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.functions import HttpFunction
from adfkit.local_azure.services.web.history import History
from adfkit.local_azure.services.web.host import FunctionHost, Instance, Invocation
from adfkit.local_azure.services.web.worker_process import (
    Execution,
    Launch,
    LogRecord,
    Value,
    WorkerExitedError,
    WorkerProcess,
)
from adfkit.local_azure.store import Store

APP = """
import os, azure.functions as func
app = func.FunctionApp(http_auth_level="ANONYMOUS")

@app.route(route="noise")
def noise(req: func.HttpRequest) -> str:
    for descriptor in range(3, 10):
        try:
            os.write(descriptor, b"\\0\\0\\0\\1\\0\\0\\0\\0!")
        except OSError:
            pass
    return "never heard"
"""
TRIGGER = {"type": "httpTrigger", "name": "req", "direction": "IN"}
FUNCTION = HttpFunction(
    name="noise",
    kind="httptrigger",
    trigger=TRIGGER,
    bindings=(TRIGGER,),
    route="noise",
    methods=frozenset(),
    auth_level="anonymous",
)
REQUEST = {"method": "GET", "url": "https://x/", "headers": {}, "params": {}, "route_params": {}}
EXECUTION = Execution("1", "noise", {"req": Value("http", b"", REQUEST)})


def launch(folder: Path, code: str) -> Launch:
    """The app in this interpreter's own environment, which has azure-functions."""
    (folder / "function_app.py").write_text(code, encoding="utf-8")
    return Launch(Path(sys.executable), folder, "", {"PATH": "/usr/bin:/bin"})


@pytest.mark.slow
def test_a_worker_that_sends_no_frames_is_ended(tmp_path: Path) -> None:
    log: list[LogRecord] = []

    async def run() -> None:
        processes = Processes()
        worker = await WorkerProcess.start(processes, launch(tmp_path, APP), log.append)
        with pytest.raises(WorkerExitedError, match=r"Language Worker Process exited \(signal 9\)"):
            await worker.invoke(EXECUTION)
        assert not worker.alive
        with pytest.raises(WorkerExitedError):
            await worker.invoke(EXECUTION)
        await processes.stop()

    asyncio.run(run())
    assert [record.message for record in log if record.logger == "host"] == [
        "The worker sent what is no frame; it is ended."
    ]


@pytest.mark.slow
def test_an_app_that_ends_while_it_loads_says_how(tmp_path: Path) -> None:
    async def run() -> None:
        code = "import os, sys\nprint('last words', file=sys.stderr, flush=True)\nos._exit(3)\n"
        await WorkerProcess.start(Processes(), launch(tmp_path, code), lambda _: None)

    with pytest.raises(HostError, match=r"could not be loaded\. Language Worker Process exited \(exit status 3\)"):
        asyncio.run(run())


def test_a_slow_answer_is_a_504_and_the_function_runs_on(tmp_path: Path) -> None:
    class SlowWorker:
        async def invoke(self, execution: Execution) -> dict[str, Value]:
            await asyncio.sleep(0.2)
            return {"$return": Value("http", b"late", {"status": 200, "headers": []})}

    async def run() -> list[Any]:
        store = Store(tmp_path / "local-azure.db")
        history = History(store)
        platform = cast(Platform, SimpleNamespace())
        host = FunctionHost(platform, history, "/sites/a", BindingTypes(HTTP), response_seconds=0.05)
        package = SimpleNamespace(timeout=60.0)
        instance = Instance(cast(Any, None), cast(Any, SlowWorker()), cast(Any, package), [], cast(Any, None), {})
        outcome = await host.invoke(instance, Invocation(FUNCTION, "GET", "", {}, {}, {}, b""))
        assert (outcome.status, outcome.body) == (504, b"The function gave no answer within 0.05 seconds; it runs on.")
        await asyncio.gather(*instance.running)
        ended = [row["status"] for row in history.invocations("/sites/a")]
        store.close()
        return ended

    assert asyncio.run(run()) == [200]
