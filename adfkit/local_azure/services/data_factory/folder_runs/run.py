"""Runs one pipeline of a folder to its end, on a clock that skips waits, with its history in a folder of its own."""

from __future__ import annotations

import asyncio
import difflib
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adfkit.local_azure.services.data_factory import pipelines
from adfkit.local_azure.services.data_factory.folder_runs.artifacts import FolderArtifacts
from adfkit.local_azure.services.data_factory.folder_runs.errors import FolderRunError
from adfkit.local_azure.services.data_factory.folder_runs.report import Report, report
from adfkit.local_azure.services.data_factory.folder_runs.stubs import FolderActivities, Stubs
from adfkit.local_azure.services.data_factory.runtime import (
    ACTIVITIES,
    Factory,
    History,
    HttpRequest,
    HttpResponse,
    PipelineRuntime,
    RunError,
    Sealer,
    VirtualClock,
)
from adfkit.local_azure.services.data_factory.runtime.errors import ActivityFailure
from adfkit.local_azure.services.data_factory.shapes import PIPELINE
from adfkit.local_azure.services.data_factory.structure import walk
from adfkit.local_azure.store import Store


class NoCloud:
    """The way out of a run that has none."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        raise _no_cloud(f"the endpoint '{request.url}'")

    async def download(self, request: HttpRequest, to: Path) -> HttpResponse:
        return await self.send(request)

    def token(self, audience: str, credential: str | None = None) -> str:
        raise _no_cloud(f"a token for '{audience}'")

    def identity(self, credential: str | None = None) -> str:
        return "no identity"

    def call_back_url(self, activity_run: str, token: str) -> str:
        raise _no_cloud("whoever is to call back")

    def shared_access(self, account: str, container: str, credential: str | None = None) -> str:
        raise _no_cloud(f"a signature for the container '{container}' of '{account}'")


def run_pipeline(artifacts: FolderArtifacts, pipeline: str, parameters: Mapping[str, Any], stubs: Stubs) -> Report:
    """Run a pipeline, and those that it executes, with stubs for what reaches outside.

    Raises:
        FolderRunError: the pipeline does not exist or would be refused by the service, or a parameter is wrong.
    """
    name, definition = artifacts.pipeline(pipeline)
    problems = pipelines.problems(definition, required=False)
    if problems:
        raise FolderRunError(f"pipeline '{name}' is refused:\n" + "\n".join(problems))
    warnings = _unused(stubs, artifacts, name)
    with tempfile.TemporaryDirectory(prefix="adfkit-run-") as folder:
        store = Store(Path(folder) / "history.db")
        try:
            found = asyncio.run(_run(History(store, Sealer.ephemeral()), artifacts, name, parameters, stubs))
            return replace(found, warnings=warnings)
        finally:
            store.close()


def _unused(stubs: Stubs, artifacts: FolderArtifacts, pipeline: str) -> list[str]:
    """A sentence for each stub whose name no activity has, in the pipeline or in those that it executes."""
    names: dict[str, str] = {}
    seen, to_look_at = set[str](), [pipeline]
    while to_look_at:
        name = to_look_at.pop()
        try:
            found = artifacts.find("pipelines", name)
        except ActivityFailure:  # a file that cannot be read fails the activity that executes it, if one does
            continue
        if found is None or name.lower() in seen or any(PIPELINE(found[1], "properties")):
            continue
        seen.add(name.lower())
        for activity in walk(found[1].get("activities") or []):
            names[activity["name"].lower()] = activity["name"]
            reference = (activity.get("typeProperties") or {}).get("pipeline")
            if activity["type"] == "ExecutePipeline" and isinstance(reference, dict):
                to_look_at.append(str(reference.get("referenceName")))
    return [_warning(name, list(names.values())) for name in stubs.names if name.lower() not in names]


def _warning(stub: str, names: list[str]) -> str:
    close = difflib.get_close_matches(stub, names, n=1)
    return f"the stub '{stub}' stands for no activity of the pipeline" + (f"; is '{close[0]}' meant?" if close else "")


async def _run(
    history: History, artifacts: FolderArtifacts, pipeline: str, parameters: Mapping[str, Any], stubs: Stubs
) -> Report:
    factory = Factory(
        id="folder", name=artifacts.folder.resolve().name, region="", artifacts=artifacts, cloud=NoCloud()
    )
    runtime = PipelineRuntime(
        history,
        activities=ACTIVITIES,
        factory=lambda _: factory,
        clock=VirtualClock(start=datetime.now(UTC)),
        choose=FolderActivities(stubs).choose,
    )
    invoked_by = {"id": "adfkit", "name": "Manual", "invokedByType": "Manual"}
    try:
        created = runtime.create_run(factory, pipeline, parameters, invoked_by)
    except RunError as error:
        raise FolderRunError(str(error)) from error
    run = await runtime.wait(created.run_id) or created
    await runtime.stop()
    return report(run, history.activities(run.run_id))


def _no_cloud(what: str) -> ActivityFailure:
    return ActivityFailure(
        "ActivityNotStubbed", f"A run of a folder's pipeline cannot reach {what}; stub the activity."
    )
