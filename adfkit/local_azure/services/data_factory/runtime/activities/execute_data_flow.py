"""ExecuteDataFlow: a mapping data flow, run on DuckDB."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from adfkit.data_flows.engine import Engine, check, parameter_value
from adfkit.data_flows.errors import DataFlowError
from adfkit.data_flows.syntax import Transformation
from adfkit.data_flows.worker import Job, Result, Sink, Source
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.services.data_factory.runtime.data_flows import definition, process, report, stores
from adfkit.local_azure.services.data_factory.runtime.data_flows.definition import DataFlow
from adfkit.local_azure.services.data_factory.runtime.data_flows.errors import failure, of_error, script_failure
from adfkit.local_azure.services.data_factory.runtime.data_flows.settings import (
    SinkSettings,
    SourceSettings,
    is_cache,
    sink_settings,
    source_settings,
)
from adfkit.local_azure.services.data_factory.runtime.errors import ActivityFailure


class ExecuteDataFlow(Activity):
    type = "ExecuteDataFlow"
    documentation = "https://learn.microsoft.com/azure/data-factory/control-flow-execute-data-flow-activity"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        begun = time.perf_counter()
        flow = definition.find(context)
        context.show_input(
            {
                "dataflow": {"referenceName": flow.name, "type": "DataFlowReference", "parameters": flow.parameters},
                **{name: context.get(name) for name in ("compute", "traceLevel", "staging") if context.raw(name)},
            }
        )
        now = context.clock.now().isoformat()
        sources, sinks = await asyncio.to_thread(_settings, flow, now)
        with tempfile.TemporaryDirectory(prefix="adfkit-data-flow-") as name:
            folder = Path(name)
            given = {}
            for index, source in enumerate(sources):
                given[source.node.name] = await _fetched(context, source, folder / f"source{index}")
            written = {
                sink.node.name: _paths(sink, folder / f"sink{index}", context.record.id)
                for index, sink in enumerate(sinks)
            }
            job = Job(
                flow.text,
                flow.parameters,
                now,
                given,
                {sink.node.name: _written(sink, written[sink.node.name]) for sink in sinks},
                [node.name for node in flow.script.of_kind("sink") if is_cache(node) and node.flag("output")],
            )
            acquired = time.perf_counter() - begun
            result = await process.run(job, folder)
            stored: dict[str, report.Stored] = {}

            def told() -> dict[str, Any]:
                cached = context.object("cacheSinks")
                return report.output(
                    context,
                    flow.script,
                    result,
                    acquisition_seconds=acquired,
                    stored=stored,
                    first_row_only=bool(cached.get("firstRowOnly")),
                )

            if result.error:
                raise _failed(flow, result, told())
            await self._store(context, sinks, written, stored)
            return told()

    async def _store(
        self,
        context: ActivityContext,
        sinks: list[SinkSettings],
        written: Mapping[str, Mapping[str, Path]],
        stored: dict[str, report.Stored],
    ) -> None:
        """Store the files of all sinks in their order; one that fails ends it, unless the activity goes on."""
        failures: list[ActivityFailure] = []
        for sink in sinks:
            begun = time.perf_counter()
            try:
                size = await stores.store(context.cloud, sink, written[sink.node.name])
            except ActivityFailure as error:
                failures.append(error)
                if not context.boolean("continueOnError", False):
                    break
            else:
                stored[sink.node.name] = report.Stored(sink.kind, size, time.perf_counter() - begun)
        if failures:
            raise failures[0]


def _settings(flow: DataFlow, now: str) -> tuple[list[SourceSettings], list[SinkSettings]]:
    """Everything that the script says of its sources and sinks; those that keep rows in a cache have no place."""
    try:
        for problem in check(flow.script):
            raise problem
        parameters = {name: parameter_value(value) for name, value in flow.parameters.items()}
        engine = Engine(flow.script, duckdb.connect(), parameters, datetime.fromisoformat(now))
    except DataFlowError as error:
        raise of_error(error) from error
    sources = [source_settings(engine, node, _place(flow, node)) for node in flow.script.of_kind("source")]
    sinks = [
        sink_settings(engine, node, _place(flow, node)) for node in flow.script.of_kind("sink") if not is_cache(node)
    ]
    return sources, sorted(sinks, key=lambda sink: sink.order)


def _place(flow: DataFlow, node: Transformation) -> definition.Place:
    place = flow.places.get(node.name)
    if place is None:
        raise failure("DF-Executor-StoreIsNotDefined", "The store configuration is not defined.", node)
    return place


async def _fetched(context: ActivityContext, source: SourceSettings, folder: Path) -> Source:
    paths, names = await stores.fetch(context.cloud, source, folder)
    local = [str(path) for path in paths]
    return Source(source.kind, source.properties, local, names, source.url_column, source.limit)


def _paths(sink: SinkSettings, folder: Path, run: str) -> dict[str, Path]:
    """Where each file of the sink is written first, by its name."""
    folder.mkdir()
    return {name: folder / f"{index}" for index, name in enumerate(sink.file_names(run))}


def _written(sink: SinkSettings, paths: Mapping[str, Path]) -> Sink:
    return Sink(sink.kind, sink.properties, [str(path) for path in paths.values()])


def _failed(flow: DataFlow, result: Result, output: dict[str, Any]) -> ActivityFailure:
    error = result.error or {}
    node = flow.node(error["transformation"])
    return script_failure(error["kind"], error["message"], node, error["line"], output)
