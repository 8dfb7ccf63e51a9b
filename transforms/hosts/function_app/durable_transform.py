"""The transform as an orchestration: `POST /api/start_transform` begins it, its status URLs tell how it ends.

The partitions that `transform.toml` declares fan out as activities, and a last one completes the result. In the
package only where an ingestion of the stack runs so, since it asks for queues and tables of the app's storage.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Generator
from functools import cache, lru_cache
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import polars as pl
from azure.identity import DefaultAzureCredential

from transforms.hosts import declaration, parts, polars_io
from transforms.hosts.blob_folder import BlobFolder
from transforms.hosts.ingestion import Request, RequestError
from transforms.hosts.measure import Measured, Measurement
from transforms.hosts.result import SourceFile

TECHNIQUE = "durable_function"
ENDED = (
    df.OrchestrationRuntimeStatus.Completed,
    df.OrchestrationRuntimeStatus.Failed,
    df.OrchestrationRuntimeStatus.Terminated,
)

blueprint = df.Blueprint(http_auth_level=func.AuthLevel.ANONYMOUS)  # the site's Entra authentication stands before it


@blueprint.route(route="start_transform", methods=["POST"])
@blueprint.durable_client_input(client_name="client")
async def start_transform(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Start what the body asks for (see `ingestion.Request`), once a run id; answers the URLs that tell of it."""
    try:
        body = req.get_json()
        request = Request.parse(body)
    except (ValueError, AttributeError, RequestError) as error:
        text = json.dumps({"error": {"code": "InvalidRequest", "message": str(error)}})
        return func.HttpResponse(text, status_code=400, mimetype="application/json")
    logging.info("ingestion %s, run %s: %s", request.ingestion, request.run_id, request.source)
    known = await client.get_status(request.run_id)
    if not known or known.runtime_status in ENDED:
        await client.start_new("transform_by_partition", request.run_id, body)
    return client.create_check_status_response(req, request.run_id)


@blueprint.orchestration_trigger(context_name="context")
def transform_by_partition(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    """Fan out over the partitions; the manifest is the orchestration's output."""
    asked = context.get_input()
    plan = yield context.call_activity("plan_parts", asked)
    made = yield context.task_all(
        [context.call_activity("transform_part", {**asked, **plan, "part": part}) for part in range(plan["parts"])]
    )
    manifest = yield context.call_activity("complete_parts", {**asked, **plan, "made": made})
    return manifest


@blueprint.activity_trigger(input_name="asked")
def plan_parts(asked: dict[str, Any]) -> dict[str, Any]:
    """How many parts the source makes, and when the work began."""
    began = time.time()
    Measurement()
    request = Request.parse(asked)
    declared, _ = declaration.load(request.transform)
    partitions = parts.partitions(declared, _inputs(request)[0])
    return {"parts": 1 if partitions is None else max(1, partitions.height), "began": began}


@blueprint.activity_trigger(input_name="asked")
def transform_part(asked: dict[str, Any]) -> dict[str, Any]:
    """Transform one partition and write its file; the same part again writes the same file."""
    measurement = Measurement(reset=False)
    request, part = Request.parse(asked), int(asked["part"])
    declared, transform = declaration.load(request.transform)
    frames, source_files = _inputs(request)
    rows = parts.transform_part(declared, transform, frames, request, part=part, parts=int(asked["parts"]))
    BlobFolder(request.data_location, _credential()).write(parts.file_name(part), polars_io.to_parquet(rows))
    logging.info("part %d of ingestion %s, run %s: %d rows", part, request.ingestion, request.run_id, rows.height)
    peak = measurement.taken()["peak_memory_bytes"]
    return {"rows": rows.height, "peak_memory_bytes": peak, "source_files": source_files}


@blueprint.activity_trigger(input_name="asked")
def complete_parts(asked: dict[str, Any]) -> dict[str, Any]:
    """Write the manifest over all parts."""
    request = Request.parse(asked)
    _inputs.cache_clear()
    declared, _ = declaration.load(request.transform)
    made = parts.complete(
        request,
        declared,
        BlobFolder(request.data_location, _credential()),
        parts=int(asked["parts"]),
        technique=TECHNIQUE,
        measurement=_OverParts(float(asked["began"]), asked["made"]),
        source=BlobFolder(request.source, _credential()),
        source_files=[file for part in asked["made"] for file in part["source_files"]],
    )
    logging.info("%s rows written to %s", made["rows"], made["data_location"])
    return made


@lru_cache(maxsize=1)
def _inputs(request: Request) -> tuple[dict[str, pl.LazyFrame], list[SourceFile]]:
    """What a run reads, and the files that it was read from; once in this process for all parts transformed here."""
    declared, _ = declaration.load(request.transform)
    source = BlobFolder(request.source, _credential())
    return parts.read(declared, source), source.files_read


class _OverParts(Measurement):
    """What the whole took: the time since it began, the most that a process needed for any part."""

    def __init__(self, began: float, made: list[dict[str, Any]]) -> None:
        super().__init__(reset=False)
        self._whole, self._made = began, made

    def taken(self) -> Measured:
        """What all have taken until now."""
        peaks = [int(each["peak_memory_bytes"]) for each in self._made]
        peak = max(*peaks, super().taken()["peak_memory_bytes"])
        return Measured(seconds=round(time.time() - self._whole, 3), peak_memory_bytes=peak)


@cache
def _credential() -> DefaultAzureCredential:
    return DefaultAzureCredential()
