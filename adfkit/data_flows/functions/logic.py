"""Conditions, comparisons and nulls."""

from __future__ import annotations

from adfkit.data_flows import syntax
from adfkit.data_flows.compiler import Compiler
from adfkit.data_flows.conversion import comparable, convert, typed, unify
from adfkit.data_flows.functions.registry import function, template
from adfkit.data_flows.streams import Typed
from adfkit.data_flows.types import BOOLEAN, DOUBLE, STRING, ArrayType

template("true", "TRUE", (), BOOLEAN)
template("false", "FALSE", (), BOOLEAN)
template("isNull", "({0} IS NULL)", (None,), BOOLEAN)
template("isNan", "isnan({0})", (DOUBLE,), BOOLEAN)
template("not", "(NOT {0})", (BOOLEAN,), BOOLEAN)
template("xor", "({0} <> {1})", (BOOLEAN, BOOLEAN), BOOLEAN)

_COMPARISONS = {
    "equals": "=",
    "notEquals": "<>",
    "equalsNullSafe": "IS NOT DISTINCT FROM",
    "greater": ">",
    "greaterOrEqual": ">=",
    "lesser": "<",
    "lesserOrEqual": "<=",
}


@function("null")
def _null(_: Compiler, __: syntax.Call) -> Typed:
    return Typed("NULL", None)


@function("and", "or", least=2, most=None)
def _junction(compiler: Compiler, call: syntax.Call) -> Typed:
    parts = [compiler.boolean(node) for node in call.arguments]
    return Typed("(" + f" {call.name.upper()} ".join(parts) + ")", BOOLEAN)


@function(*_COMPARISONS, least=2, most=2)
def _comparison(compiler: Compiler, call: syntax.Call) -> Typed:
    first, second = comparable(*(compiler.compile(node) for node in call.arguments))
    return Typed(f"({first} {_COMPARISONS[call.name]} {second})", BOOLEAN)


@function("equalsIgnoreCase", least=2, most=2)
def _equals_ignore_case(compiler: Compiler, call: syntax.Call) -> Typed:
    first, second = (convert(compiler.compile(node), STRING) for node in call.arguments)
    return Typed(f"(lower({first}) = lower({second}))", BOOLEAN)


@function("between", least=3, most=3)
def _between(compiler: Compiler, call: syntax.Call) -> Typed:
    value, low, high = (compiler.compile(node) for node in call.arguments)
    least, most = comparable(value, low), comparable(value, high)
    return Typed(f"({least[0]} >= {least[1]} AND {most[0]} <= {most[1]})", BOOLEAN)


@function("in", least=2, most=2)
def _in(compiler: Compiler, call: syntax.Call) -> Typed:
    array, value = (compiler.compile(node) for node in call.arguments)
    of = array.type.of if isinstance(array.type, ArrayType) else STRING
    item, wanted = comparable(Typed("x", of), value)
    items = array.sql if item == "x" else f"list_transform({array.sql}, lambda x: {item})"
    return Typed(f"list_contains({items}, {wanted})", BOOLEAN)


@function("iif", least=2, most=3)
def _iif(compiler: Compiler, call: syntax.Call) -> Typed:
    condition = compiler.boolean(call.arguments[0])
    values = [compiler.compile(node) for node in call.arguments[1:]]
    sql, type = unify([*values, Typed("NULL", None)][:2])
    return Typed(f"(CASE WHEN {condition} THEN {sql[0]} ELSE {sql[1]} END)", type)


@function("case", least=2, most=None)
def _case(compiler: Compiler, call: syntax.Call) -> Typed:
    nodes = call.arguments
    pairs = len(nodes) // 2
    conditions = [compiler.boolean(nodes[2 * index]) for index in range(pairs)]
    values = [compiler.compile(nodes[2 * index + 1]) for index in range(pairs)]
    values.append(compiler.compile(nodes[-1]) if len(nodes) % 2 else Typed("NULL", None))
    sql, type = unify(values)
    whens = " ".join(f"WHEN {condition} THEN {value}" for condition, value in zip(conditions, sql[:-1], strict=True))
    return Typed(f"(CASE {whens} ELSE {sql[-1]} END)", type)


@function("iifNull", "coalesce", least=1, most=None)
def _coalesce(compiler: Compiler, call: syntax.Call) -> Typed:
    sql, type = unify([compiler.compile(node) for node in call.arguments])
    return Typed(f"coalesce({', '.join(sql)})", type)


@function("greatest", "least", least=1, most=None)
def _extreme(compiler: Compiler, call: syntax.Call) -> Typed:
    sql, type = unify([compiler.compile(node) for node in call.arguments])
    return Typed(f"{call.name}({', '.join(sql)})", type)


@function("isInsert", "isUpdate", "isUpsert", "isDelete", most=1)
def _action(compiler: Compiler, call: syntax.Call) -> Typed:
    """The alter-row policy of the row; rows that have none are inserted."""
    marker = compiler.marker("action") or "'insert'"
    return Typed(f"({marker} = '{call.name[2:].lower()}')", BOOLEAN)


@function("isIgnore", most=1)
def _ignored(_: Compiler, __: syntax.Call) -> Typed:
    return typed(Typed("FALSE", BOOLEAN), BOOLEAN)


@function("isMatch", most=1)
def _is_match(compiler: Compiler, _: syntax.Call) -> Typed:
    return Typed(f"coalesce({compiler.marker('match') or 'FALSE'}, FALSE)", BOOLEAN)


@function("isError", most=1)
def _is_error(compiler: Compiler, _: syntax.Call) -> Typed:
    return Typed(f"(len({compiler.marker('errors') or '[]'}) > 0)", BOOLEAN)


@function("hasError", least=1, most=2)
def _has_error(compiler: Compiler, call: syntax.Call) -> Typed:
    wanted = convert(compiler.compile(call.arguments[0]), STRING)
    return Typed(f"list_contains({compiler.marker('errors') or '[]::VARCHAR[]'}, {wanted})", BOOLEAN)
