"""Transformations that change columns and keep rows: select, derive, cast, keyGenerate, alterRow."""

from __future__ import annotations

from adfkit.data_flows import syntax
from adfkit.data_flows.compiler import Compiler
from adfkit.data_flows.conversion import convert
from adfkit.data_flows.errors import ScriptError
from adfkit.data_flows.functions.conversions import parse_time
from adfkit.data_flows.streams import Built, Output, Stream, Typed
from adfkit.data_flows.transformations.registry import Context, expressions, transformation
from adfkit.data_flows.transformations.rules import Made, assignments
from adfkit.data_flows.types import DATE, LONG, STRING, TIMESTAMP, Type


@transformation("select", calls=("mapColumn",))
def select(context: Context) -> Built:
    """Columns chosen, renamed and reordered."""
    node = context.transformation
    compiler = context.compiler()
    call = node.call("mapColumn")
    if call is None:
        raise ScriptError("'select' takes 'mapColumn'", node.line)
    output = mapped(compiler, node, call, context.first)
    return Built(tuple(output.columns), output.select(f"FROM {context.first.relation} AS i"), same_rows=True)


def mapped(compiler: Compiler, node: syntax.Transformation, call: syntax.Call, stream: Stream) -> Output:
    """The columns of `mapColumn(...)`, and the hidden ones of the stream.

    Raises:
        ScriptError: two have one name, and the transformation does not skip duplicates.
    """
    output = Output()
    for made in assignments(compiler, call.arguments):
        if output.has(made.name):
            if node.flag("skipDuplicateMapOutputs"):
                continue
            raise ScriptError(f"two columns are named '{made.name}'", made.value.line)
        value = made.compile(compiler)
        output.add(made.name, value, _streams(compiler, made), type=value.type or STRING)
    output.keep([column for column in stream.columns if column.marker], "i")
    return output


def _streams(compiler: Compiler, made: Made) -> frozenset[str]:
    """A column that is only renamed is still known by the streams that it came through."""
    if made.column:
        return made.column.streams
    if isinstance(made.value, syntax.Name):
        wanted = frozenset(made.value.streams)
        for _, column in compiler.columns:
            if column.name == made.value.name and wanted <= column.streams:
                return column.streams
    return frozenset()


@transformation("derive")
def derive(context: Context) -> Built:
    """Columns added or replaced: an expression sees the columns of before, and the new ones that stand before it."""
    compiler = context.compiler()
    output = Output()
    output.keep(context.first.columns, "i")
    for made in assignments(compiler, context.transformation.arguments):
        value = made.compile(compiler)
        type = value.type or STRING
        value = Typed(convert(value, type), type)
        output.put(made.name, value, type=type)
        if compiler.find(made.name) is None:
            compiler = compiler.with_(names={**compiler.names, made.name: value})
    return Built(tuple(output.columns), output.select(f"FROM {context.first.relation} AS i"), same_rows=True)


@transformation("cast", properties=("errors",))
def cast(context: Context) -> Built:
    """Columns converted to the types of `output(...)`; what does not fit becomes null."""
    node, compiler, output = context.transformation, context.compiler(), Output()
    output.keep(context.first.columns, "i")
    for definition in node.definitions("output") or ():
        value = compiler.find(definition.name)
        if value is None:
            raise ScriptError(f"there is no column '{definition.name}' to cast", definition.line)
        output.put(
            definition.name,
            Typed(as_defined(value, definition.type, definition.format, definition.line), definition.type),
            type=definition.type,
        )
    return Built(tuple(output.columns), output.select(f"FROM {context.first.relation} AS i"), same_rows=True)


def as_defined(value: Typed, type: Type, format: str | None, line: int) -> str:
    """SQL of a value as a column definition wants it, by its format if it has one."""
    if format and value.type == STRING and type in (DATE, TIMESTAMP):
        moment = parse_time(value.sql, format, line)
        return f"CAST({moment} AS DATE)" if type == DATE else moment
    return convert(value, type)


@transformation("keyGenerate", properties=("startAt", "stepValue"))
def key_generate(context: Context) -> Built:
    """A surrogate key: a number counted up in the order of the rows."""
    node, compiler, output = context.transformation, context.compiler(), Output()
    definitions = node.definitions("output")
    if not definitions:
        raise ScriptError("'keyGenerate' takes 'output' with one column", node.line)
    start, step = node.property("startAt"), node.property("stepValue")
    first = int(compiler.constant(start)) if start else 1
    by = int(compiler.constant(step)) if step else 1
    output.keep(context.first.columns, "i")
    key = Typed(f"(row_number() OVER () - 1) * {by} + {first}", LONG)
    type = definitions[0].type
    output.put(definitions[0].name, Typed(convert(key, type), type), type=type)
    return Built(tuple(output.columns), output.select(f"FROM {context.first.relation} AS i"), same_rows=True)


@transformation("alterRow", calls=("insertIf", "updateIf", "upsertIf", "deleteIf"))
def alter_row(context: Context) -> Built:
    """What a database is to do with each row: the first condition that holds."""
    compiler, output = context.compiler(), Output()
    output.keep([column for column in context.first.columns if column.marker != "action"], "i")
    calls = expressions(context.transformation, ("insertIf", "updateIf", "upsertIf", "deleteIf"))
    whens = " ".join(f"WHEN {compiler.boolean(call.arguments[0])} THEN '{call.name[:-2]}'" for call in calls)
    default = compiler.marker("action") or "'insert'"
    output.add("", Typed(f"CASE {whens} ELSE {default} END", STRING), type=STRING, marker="action")
    return Built(tuple(output.columns), output.select(f"FROM {context.first.relation} AS i"), same_rows=True)
