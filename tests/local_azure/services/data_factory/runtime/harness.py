"""Runs pipelines on the runtime alone: artifacts from dicts, a cloud that answers from a function, a virtual clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from adfkit.local_azure.services.data_factory.runtime import (
    ACTIVITIES,
    ActivityFailure,
    ActivityRun,
    Clock,
    Factory,
    History,
    HttpRequest,
    HttpResponse,
    PipelineRun,
    PipelineRuntime,
    Sealer,
    VirtualClock,
)
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.store import Store

Respond = Callable[[HttpRequest], HttpResponse]


CASES = Path(__file__).parent / "cases"


def load(name: str) -> list[Any]:
    """A table of cases, one parameter a case."""
    cases: list[Any] = json.loads((CASES / name).read_text())
    return [pytest.param(case, id=case["name"]) for case in cases]


class Flaky(Activity):
    """Fails its first `failures` attempts, then returns `output`; `takes` is the seconds that each attempt takes."""

    type = "Flaky"
    documentation = "none: for tests"

    def __init__(self) -> None:
        self.executed: list[str] = []

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        self.executed.append(context.record.path)
        await context.clock.sleep(context.integer("takes", 0))
        if context.record.attempt < context.integer("failures", 0):
            raise ActivityFailure("Flaky", f"attempt {context.record.attempt} failed")
        return context.object("output")


@dataclass
class DictArtifacts:
    artifacts: Mapping[str, Mapping[str, Any]]
    globals: Mapping[str, Any] = field(default_factory=dict)

    def find(self, kind: str, name: str) -> tuple[str, Mapping[str, Any]] | None:
        for own, properties in self.artifacts.get(kind, {}).items():
            if own.lower() == name.lower():
                return own, properties
        return None

    def global_parameters(self) -> Mapping[str, Any]:
        return self.globals


@dataclass
class ScriptedCloud:
    respond: Respond
    requests: list[HttpRequest] = field(default_factory=list)

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        return self.respond(request)

    async def download(self, request: HttpRequest, to: Path) -> HttpResponse:
        response = await self.send(request)
        if 200 <= response.status < 300:
            await asyncio.to_thread(to.write_bytes, response.content)
        return response

    def token(self, audience: str, credential: str | None = None) -> str:
        return f"token-for-{audience}"

    def identity(self, credential: str | None = None) -> str:
        return "the managed identity 'factory' (object id 0)"

    def call_back_url(self, activity_run: str, token: str) -> str:
        return f"https://callback/{activity_run}?token={token}"

    def shared_access(self, account: str, container: str, credential: str | None = None) -> str:
        return f"sig={account}-{container}"


def refuse(request: HttpRequest) -> HttpResponse:
    raise AssertionError(f"unexpected call of {request.url}")


class Harness:
    """One runtime on one SQLite file; a second one on the same file is a restarted process."""

    def __init__(
        self,
        path: Path,
        artifacts: Mapping[str, Mapping[str, Any]],
        *,
        respond: Respond = refuse,
        clock: Clock | None = None,
        sealer: Sealer | None = None,
    ) -> None:
        self.flaky = Flaky()
        self.cloud = ScriptedCloud(respond)
        self.store = Store(path)
        self.history = History(self.store, sealer or Sealer.ephemeral())
        self.factory = Factory(
            id="/factories/test",
            name="test",
            region="westeurope",
            artifacts=DictArtifacts(artifacts, {"environment": "unit"}),
            cloud=self.cloud,
        )
        self.clock = clock or VirtualClock()
        self.runtime = PipelineRuntime(
            self.history,
            activities={**ACTIVITIES, "Flaky": self.flaky},
            factory=lambda _: self.factory,
            clock=self.clock,
        )

    def start(self, pipeline: str, parameters: Mapping[str, Any] | None = None) -> str:
        invoked_by = {"id": "1", "name": "Manual", "invokedByType": "Manual"}
        return self.runtime.create_run(self.factory, pipeline, parameters or {}, invoked_by).run_id

    async def run(self, pipeline: str, parameters: Mapping[str, Any] | None = None) -> PipelineRun:
        run = await self.runtime.wait(self.start(pipeline, parameters))
        assert run is not None
        return run

    def activities(self, run: PipelineRun) -> dict[str, ActivityRun]:
        """The last attempt of each activity, by path."""
        return {activity.path: activity for activity in self.history.activities(run.run_id)}


def answer(status: int, content: bytes = b"", reason: str = "OK", **headers: str) -> HttpResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(status=status, reason=reason, headers=named, content=content)
