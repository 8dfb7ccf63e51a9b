"""Runs a data flow on DuckDB: its sources are tables that are given, its sinks tables that are left."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import duckdb

from adfkit.data_flows import syntax
from adfkit.data_flows.compiler import Cache, Compiler, Environment, literal
from adfkit.data_flows.conversion import typed
from adfkit.data_flows.errors import DataFlowError, RunFailure, ScriptError
from adfkit.data_flows.functions.registry import require
from adfkit.data_flows.graph import Graph
from adfkit.data_flows.parser import parse_expression
from adfkit.data_flows.streams import Built, Output, Stream, Typed
from adfkit.data_flows.transformations.columns import as_defined, mapped
from adfkit.data_flows.transformations.registry import Context, kind_of
from adfkit.data_flows.transformations.rows import assertion_messages
from adfkit.data_flows.types import from_duckdb, quote, text

_VOLATILE = frozenset({"uuid", "random"})
"""Functions that yield another value each time, so what uses them is computed once."""
_STRUCTURE = frozenset({"partitionBy", "each", "match", "patternMatch", "mapColumn"})
"""Calls that are no functions: they order the arguments of transformations."""


class Engine:
    """One run of one script in one database.

    First `add_source` for each source, then `run`; `sinks` and `rows` tell what came of it, `seconds` how long each
    transformation took. `setting` evaluates at any time.
    """

    def __init__(
        self,
        script: syntax.Script,
        connection: duckdb.DuckDBPyConnection,
        parameters: Mapping[str, Any] | None = None,
        now: datetime | None = None,
    ) -> None:
        """`parameters` are values, or expressions of the data flow language as `syntax.Node`.

        Raises:
            ScriptError: a parameter has no value, or is not one of the script's.
        """
        self.script = script
        self.graph = Graph.of(script)
        self.rows: dict[str, int] = {}
        self.seconds: dict[str, float] = {}
        self.sinks: dict[str, Stream] = {}
        self._connection = connection
        self._connection.execute("SET TimeZone = 'UTC'")
        self._streams: dict[str, Stream] = {}
        self._caches: dict[str, Cache] = {}
        self._environment = Environment({}, now or datetime.now(UTC), self._constant, self._caches)
        self._environment = replace(self._environment, parameters=self._parameters(parameters or {}))

    def setting(self, node: syntax.Node) -> Any:
        """The value of a property's expression: a text, number, or list of these."""
        return Compiler(self._environment).constant(node)

    def add_source(self, name: str, relation: str) -> None:
        """Give a source its rows: a relation with the columns of the files, by their names.

        Columns that the source declares are converted to their types; others are kept where it allows schema drift.

        Raises:
            RunFailure: a declared column is missing, and the source validates its schema.
        """
        node = next(node for node in self.script.of_kind("source") if node.name == name)
        with self._told(node):
            self._add_source(node, relation)

    def _add_source(self, node: syntax.Transformation, relation: str) -> None:
        name = node.name
        found = self._connection.sql(f"SELECT * FROM {relation} LIMIT 0")
        raw = {column: from_duckdb(type) for column, type in zip(found.columns, found.types, strict=True)}
        declared = node.definitions("output") or ()
        output = Output()
        for column in declared:
            if column.name in raw:
                value = Typed(f"i.{quote(column.name)}", raw[column.name])
                sql = as_defined(value, column.type, column.format, column.line)
            elif node.flag("validateSchema"):
                raise RunFailure(f"the source '{name}' has no column '{column.name}'", column.line)
            else:
                sql = literal(None, column.type).sql
            output.add(column.name, Typed(sql, column.type), type=column.type)
        known = {column.name for column in declared}
        if not declared or node.flag("allowSchemaDrift"):
            for column_name, type in raw.items():
                if column_name not in known:
                    drifted = typed(Typed(f"i.{quote(column_name)}", type), type)
                    output.add(column_name, drifted, type=type)
        self._keep(node, name, Built(tuple(output.columns), output.select(f"FROM {relation} AS i")))

    def run(self) -> None:
        """Run every transformation.

        Raises:
            DataFlowError: ScriptError or UnsupportedError name what is wrong with the script; RunFailure what went
                wrong with the rows, such as an assertion that aborts.
        """
        for node in self.graph.order:
            with self._told(node):
                if node.kind == "source":
                    if node.name not in self._streams:
                        raise RunFailure(f"the source '{node.name}' was given no rows", node.line)
                elif node.kind == "sink":
                    self._sink(node)
                else:
                    self._transform(node)

    @contextmanager
    def _told(self, node: syntax.Transformation) -> Iterator[None]:
        """Keep how long a transformation took, and tell errors which one they are of."""
        begun = time.perf_counter()
        try:
            yield
        except DataFlowError as error:
            error.transformation = error.transformation or node.name
            raise
        finally:
            self.seconds[node.name] = self.seconds.get(node.name, 0.0) + time.perf_counter() - begun

    def columns(self, sink: str) -> list[tuple[str, str]]:
        """The columns of a sink: names, and their ids in its relation."""
        return [(column.name, column.id) for column in self.sinks[sink].visible]

    def _transform(self, node: syntax.Transformation) -> None:
        inputs = [self._streams[str(reference)] for reference in node.inputs]
        context = Context(node, inputs, self._environment)
        built = kind_of(node).build(context)
        if isinstance(built, list):
            for branch, one in zip(node.branches, built, strict=True):
                self._keep(node, f"{node.name}@{branch}", one)
            self.rows[node.name] = sum(self.rows[f"{node.name}@{branch}"] for branch in node.branches)
            return
        self._keep(node, node.name, built, inputs[0])
        if node.kind == "assert" and node.flag("abort"):
            self._require(node, context)

    def _sink(self, node: syntax.Transformation) -> None:
        stream = self._streams[str(node.inputs[0])]
        call = node.call("mapColumn")
        if call is None:
            made = stream
        else:
            output = mapped(Compiler.of(self._environment, ("i", stream)), node, call, stream)
            built = Built(tuple(output.columns), output.select(f"FROM {stream.relation} AS i"), same_rows=True)
            made = self._keep(node, node.name, built, stream)
        self.sinks[node.name] = made
        self.rows[node.name] = self.rows[str(node.inputs[0])]
        if node.text("store") == "cache":
            keys = node.property("keys")
            self._caches[node.name] = Cache(made, tuple(self.setting(keys) if keys else ()))

    def _keep(self, node: syntax.Transformation, name: str, built: Built, first: Stream | None = None) -> Stream:
        """Make the relation: a view where rows are the input's and read once, else a table."""
        relation = quote(f"s:{name}")
        volatile = any(
            isinstance(part, syntax.Call) and part.name in _VOLATILE
            for argument in node.arguments
            for part in syntax.walk(argument)
        )
        as_view = built.same_rows and first is not None and not volatile and self.graph.readers(name) <= 1
        self._execute(f"CREATE TEMP {'VIEW' if as_view else 'TABLE'} {relation} AS {built.sql}", node)
        if as_view and first is not None:
            self.rows[name] = self.rows[first.name]
        else:
            self.rows[name] = int(self._constant(f"(SELECT count(*) FROM {relation})"))
        through = {node.name, name.rpartition("@")[2]}
        columns = tuple(replace(column, streams=column.streams | through) for column in built.columns)
        self._streams[name] = Stream(name, relation, columns)
        return self._streams[name]

    def _require(self, node: syntax.Transformation, context: Context) -> None:
        """Fail where an assertion of a transformation that aborts does not hold."""
        stream = self._streams[node.name]
        errors = next(column.id for column in stream.columns if column.marker == "errors")
        for id, description in assertion_messages(replace(context, inputs=[stream, *context.inputs[1:]])):
            failed = f"list_contains(i.{errors}, {text(id)})"
            row = self._connection.execute(
                f"SELECT count(*), first({description}) FROM {stream.relation} AS i WHERE {failed}"
            ).fetchone()
            if row and row[0]:
                reason = f": {row[1]}" if row[1] else ""
                raise RunFailure(f"the assertion '{id}' of '{node.name}' fails for {row[0]} rows{reason}", node.line)

    def _parameters(self, given: Mapping[str, Any]) -> dict[str, Typed]:
        values: dict[str, Typed] = {}
        known = {definition.name for definition in self.script.parameters}
        unknown = sorted(set(given) - known)
        if unknown:
            raise ScriptError(
                f"the data flow has no parameter '{unknown[0]}'; it has {', '.join(sorted(known)) or 'none'}"
            )
        for definition in self.script.parameters:
            value = given.get(definition.name, definition.default)
            if value is None:
                raise ScriptError(f"the parameter '{definition.name}' has no value", definition.line)
            if isinstance(value, syntax.Node):
                compiled = typed(Compiler(self._environment).compile(value), definition.type)
                value = self._constant(compiled.sql)
            values[definition.name] = typed(literal(value, definition.type), definition.type)
        return values

    def _execute(self, sql: str, node: syntax.Transformation) -> None:
        try:
            self._connection.execute(sql)
        except duckdb.Error as error:
            raise RunFailure(f"'{node.name}': {_first_line(error)}", node.line) from error

    def _constant(self, sql: str) -> Any:
        try:
            row = self._connection.execute(f"SELECT {sql}").fetchone()
        except duckdb.BinderException as error:
            raise ScriptError(f"a value that needs no row is expected: {_first_line(error)}") from error
        except duckdb.Error as error:
            raise RunFailure(_first_line(error)) from error
        return row[0] if row else None


def parameter_value(value: Any) -> Any:
    """A parameter as an activity passes it: a text is an expression of the data flow language.

    Raises:
        ScriptError: the text is no expression.
    """
    return parse_expression(value) if isinstance(value, str) else value


def check(script: syntax.Script) -> list[DataFlowError]:
    """What a script uses that is not supported here, found without running it, in the order of its lines."""
    problems: list[DataFlowError] = []
    try:
        Graph.of(script)
    except DataFlowError as error:
        problems.append(error)
    for node in script.transformations:
        if node.kind not in ("source", "sink"):
            try:
                kind = kind_of(node)
                for call in _calls(node):
                    if call.name not in kind.calls and call.name not in _STRUCTURE:
                        require(call)
            except DataFlowError as error:
                problems.append(error)
    return sorted(problems, key=lambda problem: problem.line or 0)


def _calls(node: syntax.Transformation) -> Iterator[syntax.Call]:
    for argument in node.arguments:
        for part in syntax.walk(argument):
            if isinstance(part, syntax.Call):
                yield part


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
