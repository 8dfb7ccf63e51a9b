"""Runs a Pulumi program in this process, as the Pulumi CLI's language host runs it in one of its own.

These are the SDK's private ways (`pulumi.runtime.settings`, `run_in_stack`); the SDK's version is pinned. Each run has
a new thread, an empty context and an event loop of its own, since the SDK keeps its state in context variables.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import runpy
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from adfkit.engine.deployment import Deployment
from adfkit.engine.dynamic import isolated_pickler
from adfkit.engine.project import Config, Project

_ONE_RUN: Final = threading.Lock()
_JOIN_SECONDS: Final = 0.2
_SWITCH_SECONDS: Final = 0.0005
"""How long a thread keeps the interpreter: short, since a step gives it up and waits for it again at each file call of
a save, while the program is busy registering the next resources (1,000 resources: 7 s where the default takes 14)."""
_REFUSED: Final = "Resource monitor has terminated"
"""The SDK's words for a request that was refused with UNAVAILABLE."""


def run_program(project: Project, stack: str, config: Config, deployment: Deployment) -> None:
    """Run the program to its end; what it raises is reported as a diagnostic of the deployment.

    On an interrupt (Ctrl-C) nothing more is started, and what is under way finishes.
    """
    error: list[BaseException] = []

    def body() -> None:
        try:
            contextvars.Context().run(_run, project, stack, config, deployment)
        except BaseException as raised:  # noqa: BLE001 - reported by the thread that waits
            error.append(raised)

    with _ONE_RUN, program_environment(project), isolated_pickler():
        thread = threading.Thread(target=body, name="pulumi-program")
        thread.start()
        _join(thread, lambda: deployment.fail("Interrupted; what was under way has finished and is saved."))
    if error:
        _report(error[0], project, deployment)


def _join(thread: threading.Thread, interrupted: Callable[[], None]) -> None:
    told = False
    while thread.is_alive():
        try:
            thread.join(_JOIN_SECONDS)
        except KeyboardInterrupt:
            if told:
                raise
            told = True
            interrupted()


@contextmanager
def program_environment(project: Project) -> Iterator[None]:
    """The working directory and module search path of the program; dynamic providers need them too."""
    before, path, switch = Path.cwd(), list(sys.path), sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    os.chdir(project.working_directory)
    sys.path[:0] = [str(project.working_directory), str(project.folder)]
    try:
        yield
    finally:
        sys.setswitchinterval(switch)
        sys.path[:] = path
        os.chdir(before)


def _run(project: Project, stack: str, config: Config, deployment: Deployment) -> None:
    from pulumi.runtime import config as sdk_config
    from pulumi.runtime import settings as sdk_settings
    from pulumi.runtime.stack import run_in_stack

    from adfkit.engine.monitor import Engine, ResourceMonitor  # imports the SDK, which takes its time

    sdk_settings.configure(
        sdk_settings.Settings(
            project=project.name,
            stack=stack,
            monitor=ResourceMonitor(deployment, project.folder),
            engine=Engine(deployment),
            parallel=deployment.parallel,
            dry_run=deployment.preview,
            organization="organization",
            root_directory=str(project.folder),
        )
    )
    sdk_settings.ROOT.set(None)
    sdk_config.set_all_config(dict(config.values), sorted(config.secret_keys))
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(_ignore_unawaited)
    asyncio.set_event_loop(loop)
    threads = ThreadPoolExecutor(deployment.parallel, thread_name_prefix="pulumi-step")
    loop.set_default_executor(threads)
    try:
        loop.run_until_complete(run_in_stack(lambda: _run_main(project.program)))
    except BaseException:
        deployment.stop()
        raise
    finally:
        threads.shutdown(wait=True)  # steps under way finish and are saved
        _close(loop)


def _ignore_unawaited(_loop: asyncio.AbstractEventLoop, _context: dict[str, Any]) -> None:
    """A failed program leaves futures behind that nobody awaits; the failure itself is reported."""


def _run_main(program: Path) -> None:
    runpy.run_path(str(program), run_name="__main__")


def _close(loop: asyncio.AbstractEventLoop) -> None:
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    if pending:
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    asyncio.set_event_loop(None)
    loop.close()


def _report(error: BaseException, project: Project, deployment: Deployment) -> None:
    from pulumi import RunError

    if deployment.failed and _is_consequence(error):
        return
    if isinstance(error, SystemExit):
        if error.code not in (None, 0):
            deployment.fail(f"The program ended itself with status {error.code}.")
        return
    if isinstance(error, RunError):
        deployment.fail(str(error))
        return
    deployment.fail(_described(error), location=_place(error, project))


def _is_consequence(error: BaseException) -> bool:
    """Whether an exception comes from a request that was refused because of an earlier failure."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, asyncio.CancelledError) or _REFUSED in str(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _described(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg}"
    if type(error) is Exception and text:  # what the SDK raises for a refused request
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _place(error: BaseException, project: Project) -> str:
    """The last line of the program that the exception went through, as `<file>:<line>`."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_relative(error.filename, project)}:{error.lineno}"
    seen: BaseException | None = error
    while seen is not None:
        for frame in reversed(traceback.extract_tb(seen.__traceback__)):
            file = Path(frame.filename)
            if file.is_relative_to(project.folder) and "site-packages" not in file.parts and not _is_ours(file):
                return f"{_relative(frame.filename, project)}:{frame.lineno}"
        seen = seen.__cause__ or seen.__context__
    return ""


def _is_ours(file: Path) -> bool:
    return file.is_relative_to(Path(__file__).parent)


def _relative(file: str, project: Project) -> str:
    path = Path(file)
    return str(path.relative_to(project.folder)) if path.is_relative_to(project.folder) else file
