"""What the pipeline runtime itself costs an activity: no-ops, one behind the other and beside each other.

python -m benchmarks.pipeline_runtime
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from adfkit.local_azure.services.data_factory.runtime import (
    ACTIVITIES,
    Factory,
    History,
    HttpRequest,
    HttpResponse,
    PipelineRuntime,
    Sealer,
)
from adfkit.local_azure.store import Store

COUNT, ROUNDS = 120, 10
"""Activities (the service allows that many in a pipeline) and runs, one after the other."""


class NoArtifacts:
    """A factory of one pipeline."""

    def __init__(self, definition: dict[str, Any]) -> None:
        self._definition = definition

    def find(self, kind: str, name: str) -> tuple[str, dict[str, Any]] | None:
        return (name, self._definition) if kind == "pipelines" else None

    def global_parameters(self) -> dict[str, Any]:
        return {}


class NoCloud:
    """A way out that is not taken."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        raise NotImplementedError(request.url)

    def token(self, audience: str, credential: str | None = None) -> str:
        raise NotImplementedError(audience)

    def identity(self, credential: str | None = None) -> str:
        raise NotImplementedError


def activity(index: int, *, chained: bool) -> dict[str, Any]:
    """A SetVariable, behind the one before it where they are chained."""
    before = [{"activity": f"A{index - 1}", "dependencyConditions": ["Succeeded"]}] if chained and index else []
    properties = {"variableName": "v", "value": "@concat('a', pipeline().RunId)"}
    return {"name": f"A{index}", "type": "SetVariable", "dependsOn": before, "typeProperties": properties}


def loop() -> dict[str, Any]:
    """One ForEach over as many items."""
    inner = activity(0, chained=False)
    properties = {"items": f"@range(0, {COUNT})", "batchCount": 50, "activities": [inner]}
    return {"name": "Loop", "type": "ForEach", "typeProperties": properties}


async def measure(name: str, activities: list[dict[str, Any]]) -> None:
    """Run a pipeline and print what an activity took."""
    definition = {"variables": {"v": {"type": "String"}}, "activities": activities}
    factory = Factory(id="f", name="f", region="r", artifacts=NoArtifacts(definition), cloud=NoCloud())
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "runs.db")
        history = History(store, Sealer.ephemeral())
        runtime = PipelineRuntime(history, activities=ACTIVITIES, factory=lambda _: factory)
        began = time.perf_counter()
        for _ in range(ROUNDS):
            run = await runtime.wait(runtime.create_run(factory, "p", {}, {}).run_id)
            assert run is not None
            assert run.status == "Succeeded", run.message
        seconds = time.perf_counter() - began
        store.close()
    print(f"{name}: {seconds / COUNT / ROUNDS * 1000:.2f} ms an activity ({COUNT * ROUNDS} in {seconds:.2f} s)")


def main() -> None:
    """Measure each shape."""
    asyncio.run(measure("in a chain", [activity(index, chained=True) for index in range(COUNT)]))
    asyncio.run(measure("side by side", [activity(index, chained=False) for index in range(COUNT)]))
    asyncio.run(measure("in a ForEach", [loop()]))


if __name__ == "__main__":
    main()
