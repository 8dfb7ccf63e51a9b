"""A process that runs one data flow on files: it is given `job.json` in its folder, and leaves `result.json` there."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb

from adfkit.data_flows import files
from adfkit.data_flows.engine import Engine, parameter_value
from adfkit.data_flows.errors import DataFlowError, RunFailure
from adfkit.data_flows.parser import parse
from adfkit.data_flows.syntax import Script
from adfkit.data_flows.types import quote

MEMORY: Final = "4GB"
"""What DuckDB may take before it spills to the disk."""
JOB: Final = "job.json"
RESULT: Final = "result.json"


@dataclass(frozen=True, slots=True)
class Source:
    """The files of a source, and what they are called in the store; `kind` and `properties` are of its dataset."""

    kind: str
    properties: Mapping[str, Any]
    paths: list[str]
    names: list[str]
    url_column: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Sink:
    """A sink to files: a row goes to each of `paths` in turn."""

    kind: str
    properties: Mapping[str, Any]
    paths: list[str]


@dataclass(frozen=True, slots=True)
class Job:
    """All that a run is given. `now` is ISO 8601; `cached` are the sinks whose rows are part of the result."""

    script: str
    parameters: Mapping[str, Any]
    now: str
    sources: Mapping[str, Source]
    sinks: Mapping[str, Sink]
    cached: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Job:
        content = json.loads(path.read_text("utf-8"))
        content["sources"] = {name: Source(**source) for name, source in content["sources"].items()}
        content["sinks"] = {name: Sink(**sink) for name, sink in content["sinks"].items()}
        return cls(**content)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), default=str), "utf-8")


@dataclass(slots=True)
class Result:
    """What came of a run. Rows and seconds are by the names of streams and transformations."""

    rows: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    written: dict[str, float] = field(default_factory=dict)
    cached: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    peak_memory_bytes: int = 0
    error: dict[str, Any] | None = None

    @classmethod
    def read(cls, path: Path) -> Result:
        return cls(**json.loads(path.read_text("utf-8")))

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), default=str), "utf-8")


def run(job: Job, folder: Path) -> Result:
    """Run a job; what the data flow fails by is in the result."""
    result = Result()
    script = parse(job.script)
    engine: Engine | None = None
    try:
        connection = duckdb.connect()
        connection.execute("SET temp_directory = ?", [str(folder / "spilled")])
        connection.execute("SET memory_limit = ?", [MEMORY])
        parameters = {name: parameter_value(value) for name, value in job.parameters.items()}
        engine = Engine(script, connection, parameters, datetime.fromisoformat(job.now))
        for name, source in job.sources.items():
            _add(engine, connection, name, source)
        engine.run()
        for name, sink in job.sinks.items():
            begun = time.perf_counter()
            _write(engine, connection, name, sink)
            result.written[name] = time.perf_counter() - begun
        result.cached = {name: _rows(engine, connection, name) for name in job.cached}
    except DataFlowError as error:
        result.error = _described(error, script)
    if engine is not None:
        result.rows, result.seconds = engine.rows, engine.seconds
    result.peak_memory_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return result


def _add(engine: Engine, connection: duckdb.DuckDBPyConnection, name: str, source: Source) -> None:
    node = next(node for node in engine.script.of_kind("source") if node.name == name)
    columns = [column for column in node.definitions("output") or () if column.name != source.url_column]
    relation = quote(f"files of {name}")
    try:
        found = [files.File(Path(path), name) for path, name in zip(source.paths, source.names, strict=True)]
        rows = files.relation(source.kind, source.properties, found, columns, source.url_column)
        limit = "" if source.limit is None else f" LIMIT {source.limit}"
        connection.execute(f"CREATE TEMP VIEW {relation} AS {rows}{limit}")
    except DataFlowError as error:
        error.transformation = name
        raise
    except duckdb.Error as error:
        raise _failed(name, node.line, f"the files cannot be read as {source.kind}: {error}") from error
    engine.add_source(name, relation)


def _write(engine: Engine, connection: duckdb.DuckDBPyConnection, name: str, sink: Sink) -> None:
    node = next(node for node in engine.script.of_kind("sink") if node.name == name)
    stream = engine.sinks[name]
    if not stream.visible:
        raise _failed(name, node.line, "The result has 0 output columns. Please ensure at least one column is mapped.")
    columns = ", ".join(f"{column.id} AS {quote(column.name)}" for column in stream.visible)
    types = {column.name: column.type for column in stream.visible}
    count = len(sink.paths)
    try:
        for index, path in enumerate(sink.paths):
            of = "" if count == 1 else f" QUALIFY (row_number() OVER () - 1) % {count} = {index}"
            files.write(
                connection,
                sink.kind,
                sink.properties,
                f"SELECT {columns} FROM {stream.relation}{of}",
                types,
                Path(path),
            )
    except DataFlowError as error:
        error.transformation, error.line = name, node.line
        raise
    except duckdb.Error as error:
        raise _failed(name, node.line, str(error).splitlines()[0]) from error


def _rows(engine: Engine, connection: duckdb.DuckDBPyConnection, name: str) -> list[dict[str, Any]]:
    stream = engine.sinks[name]
    columns = ", ".join(f"{column.id} AS {quote(column.name)}" for column in stream.visible)
    found = connection.execute(f"SELECT {columns} FROM {stream.relation}")
    names = [column.name for column in stream.visible]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _failed(name: str, line: int, message: str) -> RunFailure:
    failure = RunFailure(message, line)
    failure.transformation = name
    return failure


def _described(error: DataFlowError, script: Script) -> dict[str, Any]:
    return {
        "kind": type(error).__name__,
        "message": error.message,
        "transformation": error.transformation,
        "line": error.line,
    }


def main() -> None:
    """Run the job of the folder that is the argument."""
    folder = Path(sys.argv[1])
    run(Job.read(folder / JOB), folder).save(folder / RESULT)


if __name__ == "__main__":
    main()
