"""The process that runs a data flow: started for a job, ended with the activity."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from adfkit.data_flows.worker import JOB, RESULT, Job, Result
from adfkit.local_azure.processes import Processes
from adfkit.local_azure.services.data_factory.runtime.data_flows.errors import failure

SYSTEM_ERROR: Final = "DF-Executor-InternalServerError"
_KEPT: Final = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
_TAIL: Final = 1000
"""Characters of the process's last words that an error quotes."""


async def run(job: Job, folder: Path) -> Result:
    """Run a job in a process of its own, which ends when this call is cancelled.

    Raises:
        ActivityFailure: the process died.
    """
    await asyncio.to_thread(job.save, folder / JOB)
    processes = Processes()
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    child = await processes.spawn(
        [sys.executable, "-P", "-m", "adfkit.data_flows.worker", str(folder)],
        env=environment,
        cwd=folder,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await child.communicate()
    finally:
        await processes.end(child)
    if child.returncode != 0:
        last = said.decode(errors="replace").strip()[-_TAIL:]
        raise failure(SYSTEM_ERROR, f"The process of the data flow ended with {child.returncode}. {last}".strip())
    return await asyncio.to_thread(Result.read, folder / RESULT)
