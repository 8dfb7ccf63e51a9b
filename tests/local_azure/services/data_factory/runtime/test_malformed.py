"""Malformed pipelines: a good one with any node replaced by junk is refused in words, or fails by an error code."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adfkit.local_azure.services.data_factory import pipelines
from adfkit.local_azure.services.data_factory.runtime import (
    Clock,
    HttpRequest,
    HttpResponse,
    SystemClock,
    VirtualClock,
)

from .harness import CASES, Harness, answer
from .test_http_activities import FUNCTIONS
from .test_resume import MAIN

JUNK: list[Any] = [None, "x", 7, [], [None], {}, "@item()"]
GOOD: dict[str, dict[str, Any]] = {
    "control": MAIN,
    "calls": json.loads((CASES / "calls.json").read_text()),
    "transfers": json.loads((CASES / "transfers.json").read_text()),
}
CSV = {
    "type": "DelimitedText",
    "linkedServiceName": {"referenceName": "lake", "type": "LinkedServiceReference"},
    "parameters": {"file": {"type": "string"}},
    "typeProperties": {
        "location": {
            "type": "AzureBlobStorageLocation",
            "container": "c",
            "folderPath": "f",
            "fileName": "@dataset().file",
        }
    },
}
LAKE = {"type": "AzureBlobStorage", "typeProperties": {"serviceEndpoint": "https://a.blob.azure.localhost"}}
MODIFIED = "Tue, 01 Jan 2013 00:00:00 GMT"


def paths(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from paths(value, (*path, key))


def replaced(document: dict[str, Any], path: tuple[Any, ...], junk: Any) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    node: Any = changed
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = junk
    return changed


def respond(request: HttpRequest) -> HttpResponse:
    """One blob in every container, an empty object elsewhere."""
    if "comp=list" in request.url:
        blob = f"<Blob><Name>f/a</Name><Properties><Last-Modified>{MODIFIED}</Last-Modified></Properties></Blob>"
        return answer(200, f"<EnumerationResults><Blobs>{blob}</Blobs></EnumerationResults>".encode())
    return answer(200, b"{}", Content_Length="2", Last_Modified=MODIFIED)


async def run_all(folder: Path, documents: list[tuple[str, dict[str, Any]]], clock: Clock) -> list[str]:
    """Run each document as a pipeline of its own, at most for a moment; returns what ended by an internal error."""
    artifacts = {
        "pipelines": {"child": {"activities": []}} | dict(documents),
        "datasets": {"csv": CSV},
        "linkedservices": {"lake": LAKE, "functions": FUNCTIONS},
    }
    harness = Harness(
        folder / "runs.db",
        artifacts,
        respond=respond,
        clock=clock,
    )
    internal = []
    for name, _ in documents:
        run_id = harness.start(name, {"p": "given"})
        try:
            run = await asyncio.wait_for(harness.runtime.wait(run_id), 0.5)
        except TimeoutError:  # a loop whose condition became junk goes on, as it should
            await harness.runtime.cancel(run_id, recursive=True)
            continue
        assert run
        errors = [(each.path, (each.error or {}).get("errorCode")) for each in harness.history.activities(run_id)]
        internal += [f"{name}: {path}" for path, code in errors if code == "InternalError"]
        if "internal error" in run.message and not any(code == "InternalError" for _, code in errors):
            internal.append(f"{name}: {run.message}")
    return internal


@pytest.mark.slow
@pytest.mark.parametrize("name", GOOD)
def test_junk_anywhere_is_refused_or_fails_by_name(name: str, tmp_path: Path) -> None:
    assert pipelines.problems(GOOD[name]) == []
    accepted = []
    for path in paths(GOOD[name]):
        for junk in JUNK:
            document = replaced(GOOD[name], path, junk)
            found = pipelines.problems(document)
            assert all(isinstance(problem, str) and problem for problem in found)
            if not found:
                accepted.append((f"{json.dumps(path)} = {json.dumps(junk)}", document))
    assert len(accepted) > 100
    clock = SystemClock() if name == "transfers" else VirtualClock()  # transfers work in threads
    assert asyncio.run(run_all(tmp_path, accepted, clock)) == []
