"""The output of ExecuteDataFlow: rows and times of sinks, their sources and stages, in milliseconds.

https://learn.microsoft.com/azure/data-factory/control-flow-execute-data-flow-activity
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adfkit.data_flows.syntax import Script, Transformation
from adfkit.data_flows.worker import Result
from adfkit.local_azure.services.data_factory.runtime import http
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """What a sink became: its dataset's type, the files' bytes, and how long storing them took in seconds."""

    kind: str
    bytes: int
    seconds: float


def output(
    context: ActivityContext,
    script: Script,
    result: Result,
    *,
    acquisition_seconds: float,
    stored: Mapping[str, Stored],
    first_row_only: bool = False,
) -> Json:
    """The activity's output. A sink without rows has no metrics, as in the service.

    `peakMemoryBytes` is local Azure's own: the service has no such measure.
    """
    status: Json = {
        "version": "local",
        "computeAcquisitionDuration": _milliseconds(acquisition_seconds),
        "idleTimeBeforeCurrentJob": 0,
        "dsl": "\n".join(_line(node) for node in script.transformations),
        "profile": {node.name: _profile(result, node) for node in script.of_kind("sink") if node.name in stored},
        "metrics": {
            node.name: _sink(script, result, node, stored[node.name])
            for node in script.of_kind("sink")
            if node.name in stored and result.rows.get(node.name)
        },
        "peakMemoryBytes": result.peak_memory_bytes,
    }
    if result.cached:
        status["output"] = {name: _cached(rows, first_row_only) for name, rows in result.cached.items()}
    return {
        "runStatus": status,
        "billingReference": {"activityType": "executedataflow", "billableDuration": []},
        **http.runtime_output(context),
    }


def _cached(rows: list[Json], first_row_only: bool) -> Json:
    return {"value": rows[:1] if first_row_only else rows, "count": min(len(rows), 1) if first_row_only else len(rows)}


def _sink(script: Script, result: Result, node: Transformation, stored: Stored) -> Json:
    nodes = _above(script, node)
    seconds = sum(result.seconds.get(each.name, 0.0) for each in nodes)
    writing = result.written.get(node.name, 0.0) + stored.seconds
    rows = result.rows.get(node.name, 0)
    sources = [each for each in nodes if each.kind == "source"]
    read = {each.name: result.rows.get(each.name, 0) for each in sources}
    return {
        "format": stored.kind.lower(),
        "store": "blob",
        "rowsWritten": rows,
        "sinkProcessingTime": _milliseconds(seconds + writing),
        "sinkPostProcessingTime": _milliseconds(stored.seconds),
        "sources": {name: {"rowsRead": count} for name, count in read.items()},
        "stages": [
            {
                "stage": 0,
                "target": node.name,
                "time": _milliseconds(seconds + writing),
                "partitionTimes": [_milliseconds(seconds + writing)],
                "recordsRead": sum(read.values()),
                "recordsWritten": rows,
                "bytesWritten": stored.bytes,
                "streams": {each.name: _stream(result, each) for each in nodes},
            }
        ],
    }


def _stream(result: Result, node: Transformation) -> Json:
    count = result.rows.get(node.name, 0)
    return {
        "type": node.kind,
        "count": count,
        "partitionCounts": [count],
        "totalPartitions": 1,
        "cached": False,
        "time": _milliseconds(result.seconds.get(node.name, 0.0)),
    }


def _profile(result: Result, node: Transformation) -> Json:
    return {"computed": [], "lineage": {}, "rowsWritten": result.rows.get(node.name, 0)}


def _above(script: Script, sink: Transformation) -> list[Transformation]:
    """The sink and every transformation that its rows come through, in the order of the script."""
    by_name = {node.name: node for node in script.transformations}

    def upwards(node: Transformation) -> Iterator[str]:
        yield node.name
        for reference in node.inputs:
            yield from upwards(by_name[reference.name])

    names = set(upwards(sink))
    return [node for node in script.transformations if node.name in names]


def _line(node: Transformation) -> str:
    inputs = ", ".join(str(reference) for reference in node.inputs)
    return f"{inputs} {node.kind}() ~> {node.name}".strip()


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
