"""Arrays, and functions that go through them with `#item`."""

from __future__ import annotations

from adfkit.data_flows import syntax
from adfkit.data_flows.compiler import Compiler
from adfkit.data_flows.conversion import convert, unify
from adfkit.data_flows.errors import ScriptError
from adfkit.data_flows.functions.registry import function
from adfkit.data_flows.streams import Typed
from adfkit.data_flows.types import BOOLEAN, INTEGER, STRING, ArrayType, MapType, StructType, Type


@function("array", least=0, most=None)
def _array(compiler: Compiler, call: syntax.Call) -> Typed:
    return compiler.compile(syntax.Array(items=call.arguments, line=call.line))


@function("size", least=1, most=1)
def _size(compiler: Compiler, call: syntax.Call) -> Typed:
    value = compiler.compile(call.arguments[0])
    function = "cardinality" if isinstance(value.type, MapType) else "len"
    return Typed(f"CAST({function}({value.sql}) AS INTEGER)", INTEGER)


@function("map", "filter", "contains", "find", least=2, most=2)
def _each(compiler: Compiler, call: syntax.Call) -> Typed:
    array, of = _items(compiler, call)
    inner = compiler.with_(items={"item": Typed("item", of)})
    if call.name == "map":
        body = inner.compile(call.arguments[1])
        return Typed(f"list_transform({array}, lambda item: {body.sql})", ArrayType(body.type or STRING))
    kept = f"list_filter({array}, lambda item: {inner.boolean(call.arguments[1])})"
    if call.name == "filter":
        return Typed(kept, ArrayType(of))
    if call.name == "find":
        return Typed(f"list_extract({kept}, 1)", of)
    return Typed(f"(len({kept}) > 0)", BOOLEAN)


@function("distinct", "flatten", least=1, most=1)
def _reduced(compiler: Compiler, call: syntax.Call) -> Typed:
    array, of = _items(compiler, call)
    if call.name == "flatten":
        return Typed(f"flatten({array})", of)
    return Typed(f"list_distinct({array})", ArrayType(of))


@function("slice", least=2, most=3)
def _slice(compiler: Compiler, call: syntax.Call) -> Typed:
    array, of = _items(compiler, call)
    start = convert(compiler.compile(call.arguments[1]), INTEGER)
    if len(call.arguments) == 2:
        return Typed(f"list_slice({array}, {start}, len({array}))", ArrayType(of))
    count = convert(compiler.compile(call.arguments[2]), INTEGER)
    return Typed(f"list_slice({array}, {start}, {start} + {count} - 1)", ArrayType(of))


@function("associate", least=2, most=None)
def _associate(compiler: Compiler, call: syntax.Call) -> Typed:
    if len(call.arguments) % 2:
        raise ScriptError("'associate' takes pairs of key and value", call.line)
    keys, key = unify([compiler.compile(node) for node in call.arguments[::2]])
    values, value = unify([compiler.compile(node) for node in call.arguments[1::2]])
    return Typed(f"map([{', '.join(keys)}], [{', '.join(values)}])", MapType(key, value))


@function("keyValues", least=2, most=2)
def _key_values(compiler: Compiler, call: syntax.Call) -> Typed:
    keys, values = (compiler.compile(node) for node in call.arguments)
    return Typed(f"map({keys.sql}, {values.sql})", MapType(_of(keys.type, call), _of(values.type, call)))


def _items(compiler: Compiler, call: syntax.Call) -> tuple[str, Type]:
    value = compiler.compile(call.arguments[0])
    return value.sql, _of(value.type, call)


def _of(type: Type | None, call: syntax.Call) -> Type:
    if not isinstance(type, ArrayType):
        found = "a hierarchy" if isinstance(type, StructType) else f"a value of type {type or 'null'}"
        raise ScriptError(f"'{call.name}' takes an array, not {found}", call.line)
    return type.of
