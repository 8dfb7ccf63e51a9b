"""Transformations that choose or order rows: filter, split, sort, rank, assert."""

from __future__ import annotations

from adfkit.data_flows import syntax
from adfkit.data_flows.compiler import Compiler
from adfkit.data_flows.conversion import convert
from adfkit.data_flows.errors import ScriptError, unsupported
from adfkit.data_flows.streams import Built, Output, Typed
from adfkit.data_flows.transformations.registry import Context, expressions, transformation
from adfkit.data_flows.types import LONG, STRING, ArrayType

ERRORS = ArrayType(STRING)


@transformation("filter")
def filter_(context: Context) -> Built:
    condition = context.compiler().boolean(only(context))
    return Built(context.first.columns, f"SELECT * FROM {context.first.relation} AS i WHERE {condition}")


@transformation("split", properties=("disjoint",))
def split(context: Context) -> list[Built]:
    """One stream a branch; a row goes to the first whose condition holds, with `disjoint: true` to all of them."""
    node, compiler = context.transformation, context.compiler()
    conditions = [f"coalesce({compiler.boolean(found)}, FALSE)" for found in positional(node)]
    if len(node.branches) not in (len(conditions), len(conditions) + 1):
        raise ScriptError(f"{len(conditions)} conditions make no {len(node.branches)} streams", node.line)
    built = []
    for index in range(len(node.branches)):
        before = conditions if index == len(conditions) else [] if node.flag("disjoint") else conditions[:index]
        parts = [f"NOT {condition}" for condition in before] + conditions[index : index + 1]
        where = " AND ".join(parts) or "TRUE"
        built.append(Built(context.first.columns, f"SELECT * FROM {context.first.relation} AS i WHERE {where}"))
    return built


@transformation("sort", properties=("caseInsensitive",), calls=("asc", "desc"))
def sort(context: Context) -> Built:
    order = ordering(context.compiler(), context.transformation)
    return Built(context.first.columns, f"SELECT * FROM {context.first.relation} AS i ORDER BY {order}", same_rows=True)


@transformation("rank", properties=("caseInsensitive", "dense"), calls=("asc", "desc"))
def rank(context: Context) -> Built:
    """A column with the rank of each row, over all rows."""
    node, compiler, output = context.transformation, context.compiler(), Output()
    definitions = node.definitions("output")
    if not definitions:
        raise ScriptError("'rank' takes 'output' with one column", node.line)
    output.keep(context.first.columns, "i")
    function = "dense_rank" if node.flag("dense") else "rank"
    value = Typed(f"{function}() OVER (ORDER BY {ordering(compiler, node)})", LONG)
    type = definitions[0].type
    output.put(definitions[0].name, Typed(convert(value, type), type), type=type)
    return Built(tuple(output.columns), output.select(f"FROM {context.first.relation} AS i"), same_rows=True)


def ordering(compiler: Compiler, node: syntax.Transformation) -> str:
    """`ORDER BY` of the arguments `asc(value, nullsFirst)` and `desc(value, nullsFirst)`.

    Raises:
        ScriptError: there are none.
    """
    parts = []
    for call in expressions(node, ("asc", "desc", "over")):
        if call.name == "over":
            continue
        value = compiler.compile(call.arguments[0])
        sql = f"lower({value.sql})" if node.flag("caseInsensitive") and value.type == STRING else value.sql
        nulls_first = bool(compiler.constant(call.arguments[1])) if len(call.arguments) > 1 else True
        parts.append(f"{sql} {call.name.upper()} NULLS {'FIRST' if nulls_first else 'LAST'}")
    if not parts:
        raise ScriptError(f"'{node.kind}' takes 'asc' or 'desc'", node.line)
    return ", ".join(parts)


@transformation("assert", most=None, properties=("abort",), calls=("expectTrue", "expectUnique", "expectExists"))
def assert_(context: Context) -> Built:
    """Marks rows by the assertions that fail for them: `expectTrue(condition, ignoreNulls, id, filter, description)`.

    https://learn.microsoft.com/azure/data-factory/data-flow-assert
    """
    compiler = Compiler.of(context.environment, ("i", context.first))
    output = Output()
    output.keep([column for column in context.first.columns if column.marker != "errors"], "i")
    had = [f"i.{column.id}" for column in context.first.columns if column.marker == "errors"]
    failed = [_failure(context, compiler, call) for call in context.transformation.calls(*_EXPECTATIONS)]
    lists = ", ".join([*had, *failed]) or "CAST([] AS VARCHAR[])"
    output.add("", Typed(f"list_concat({lists})", ERRORS), type=ERRORS, marker="errors")
    return Built(tuple(output.columns), output.select(f"FROM {context.first.relation} AS i"), same_rows=True)


def assertion_messages(context: Context) -> list[tuple[str, str]]:
    """For each assertion its id and SQL of its description, over the transformation's input as `i`."""
    compiler = Compiler.of(context.environment, ("i", context.first))
    return [
        (_id(compiler, call), convert(compiler.compile(call.arguments[4]), STRING) if len(call.arguments) > 4 else "''")
        for call in context.transformation.calls(*_EXPECTATIONS)
    ]


_EXPECTATIONS = ("expectTrue", "expectUnique", "expectExists")


def _id(compiler: Compiler, call: syntax.Call) -> str:
    if len(call.arguments) < 3:
        raise ScriptError(f"'{call.name}' takes a condition, whether nulls are ignored, and an id", call.line)
    return compiler.constant_text(call.arguments[2])


def _failure(context: Context, compiler: Compiler, call: syntax.Call) -> str:
    """SQL of an array: of the assertion's id where it fails, else empty."""
    from adfkit.data_flows.types import text

    id, condition = _id(compiler, call), call.arguments[0]
    ignores_nulls = bool(compiler.constant(call.arguments[1]))
    match call.name:
        case "expectTrue":
            holds = f"coalesce({compiler.boolean(condition)}, {str(ignores_nulls).upper()})"
        case "expectUnique":
            value = compiler.compile(condition).sql
            holds = f"count(*) OVER (PARTITION BY {value}) = 1"
            holds = f"({value} IS NULL OR {holds})" if ignores_nulls else f"({holds})"
        case _:
            holds = _exists(context, call)
    if len(call.arguments) > 3:
        only = compiler.compile(call.arguments[3])
        if only.type is not None:
            holds = f"({holds} OR NOT coalesce({only.sql}, FALSE))"
    return f"CASE WHEN {holds} THEN CAST([] AS VARCHAR[]) ELSE [{text(id)}] END"


def _exists(context: Context, call: syntax.Call) -> str:
    if len(context.inputs) < 2:
        raise ScriptError("'expectExists' takes a second stream", call.line)
    condition = context.compiler().boolean(call.arguments[0])
    return f"EXISTS (SELECT 1 FROM {context.inputs[1].relation} AS j WHERE {condition})"


def positional(node: syntax.Transformation) -> list[syntax.Node]:
    """The arguments that are expressions: no properties, no `partitionBy`."""
    return [
        argument
        for argument in node.arguments
        if not isinstance(argument, syntax.Property)
        and not (isinstance(argument, syntax.Call) and argument.name == "partitionBy")
    ]


def only(context: Context) -> syntax.Node:
    """The one expression among the arguments."""
    found = positional(context.transformation)
    if len(found) != 1:
        raise unsupported(f"'{context.transformation.kind}' with {len(found)} expressions", context.transformation.line)
    return found[0]
