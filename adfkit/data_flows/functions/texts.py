"""Texts, and hashes of values."""

from __future__ import annotations

from adfkit.data_flows import syntax
from adfkit.data_flows.compiler import Compiler
from adfkit.data_flows.conversion import convert
from adfkit.data_flows.errors import unsupported
from adfkit.data_flows.functions.registry import function, template
from adfkit.data_flows.streams import Typed
from adfkit.data_flows.types import BOOLEAN, INTEGER, STRING, ArrayType

template("upper", "upper({0})", (STRING,), STRING)
template("lower", "lower({0})", (STRING,), STRING)
template("initCap", "array_to_string(list_transform(string_split({0}, ' '), "
         "lambda x: upper(x[1]) || lower(x[2:])), ' ')", (STRING,), STRING)  # fmt: skip
template("length", "length({0})", (STRING,), INTEGER)
template("reverse", "reverse({0})", (STRING,), STRING)
template("instr", "CAST(instr({0}, {1}) AS INTEGER)", (STRING, STRING), INTEGER)
template("left", "left({0}, {1})", (STRING, INTEGER), STRING)
template("right", "right({0}, {1})", (STRING, INTEGER), STRING)
template("lpad", "lpad({0}, {1}, {2})", (STRING, INTEGER, STRING), STRING)
template("rpad", "rpad({0}, {1}, {2})", (STRING, INTEGER, STRING), STRING)
template("startsWith", "starts_with({0}, {1})", (STRING, STRING), BOOLEAN)
template("endsWith", "ends_with({0}, {1})", (STRING, STRING), BOOLEAN)
template("like", "({0} LIKE {1})", (STRING, STRING), BOOLEAN)
template("iLike", "({0} ILIKE {1})", (STRING, STRING), BOOLEAN)
template("rlike", "regexp_matches({0}, {1})", (STRING, STRING), BOOLEAN)
template("regexMatch", "regexp_matches({0}, {1})", (STRING, STRING), BOOLEAN)
template("regexSplit", "regexp_split_to_array({0}, {1})", (STRING, STRING), ArrayType(STRING))
template("regexReplace", "regexp_replace({0}, {1}, {2}, 'g')", (STRING, STRING, STRING), STRING)
template("translate", "translate({0}, {1}, {2})", (STRING, STRING, STRING), STRING)
template("isDistinct", "({0} IS DISTINCT FROM {1})", (None, None), BOOLEAN)
template("uuid", "CAST(uuid() AS VARCHAR)", (), STRING)
template("lower", "lower({0})", (STRING,), STRING)
template("base64Encode", "to_base64(encode({0}))", (STRING,), STRING)
template("base64Decode", "decode(from_base64({0}))", (STRING,), STRING)


@function("concat", least=1, most=None)
def _concat(compiler: Compiler, call: syntax.Call) -> Typed:
    parts = [convert(compiler.compile(node), STRING) for node in call.arguments]
    return Typed("(" + " || ".join(parts) + ")", STRING)


@function("concatWS", least=2, most=None)
def _concat_with_separator(compiler: Compiler, call: syntax.Call) -> Typed:
    parts = [convert(compiler.compile(node), STRING) for node in call.arguments]
    return Typed(f"concat_ws({', '.join(parts)})", STRING)


@function("trim", "ltrim", "rtrim", least=1, most=2)
def _trim(compiler: Compiler, call: syntax.Call) -> Typed:
    parts = [convert(compiler.compile(node), STRING) for node in call.arguments]
    return Typed(f"{call.name}({', '.join(parts)})", STRING)


@function("substring", least=2, most=3)
def _substring(compiler: Compiler, call: syntax.Call) -> Typed:
    value = convert(compiler.compile(call.arguments[0]), STRING)
    bounds = [convert(compiler.compile(node), INTEGER) for node in call.arguments[1:]]
    return Typed(f"substring({', '.join([value, *bounds])})", STRING)


@function("replace", least=2, most=3)
def _replace(compiler: Compiler, call: syntax.Call) -> Typed:
    parts = [convert(compiler.compile(node), STRING) for node in call.arguments]
    replacement = parts[2] if len(parts) == 3 else "''"
    return Typed(f"replace({parts[0]}, {parts[1]}, {replacement})", STRING)


@function("locate", least=2, most=3)
def _locate(compiler: Compiler, call: syntax.Call) -> Typed:
    """Where a text stands in another, from 1, looked for from a position on; 0 where it does not."""
    wanted, within = (convert(compiler.compile(node), STRING) for node in call.arguments[:2])
    if len(call.arguments) == 2:
        return Typed(f"CAST(instr({within}, {wanted}) AS INTEGER)", INTEGER)
    start = convert(compiler.compile(call.arguments[2]), INTEGER)
    found = f"instr(substring({within}, {start}), {wanted})"
    return Typed(f"CAST(CASE WHEN {found} = 0 THEN 0 ELSE {found} + {start} - 1 END AS INTEGER)", INTEGER)


@function("split", least=2, most=2)
def _split(compiler: Compiler, call: syntax.Call) -> Typed:
    value, by = (convert(compiler.compile(node), STRING) for node in call.arguments)
    return Typed(f"string_split({value}, {by})", ArrayType(STRING))


@function("regexExtract", least=2, most=3)
def _regex_extract(compiler: Compiler, call: syntax.Call) -> Typed:
    value, pattern = (convert(compiler.compile(node), STRING) for node in call.arguments[:2])
    group = compiler.constant(call.arguments[2]) if len(call.arguments) > 2 else 1
    return Typed(f"regexp_extract({value}, {pattern}, {int(group)})", STRING)


@function("md5", "sha1", least=1, most=None)
def _digest(compiler: Compiler, call: syntax.Call) -> Typed:
    return Typed(f"{call.name}({_joined(compiler, call.arguments)})", STRING)


@function("sha2", least=2, most=None)
def _sha2(compiler: Compiler, call: syntax.Call) -> Typed:
    bits = compiler.constant(call.arguments[0])
    if bits not in (0, 256):
        raise unsupported(f"'sha2' of {bits} bits", call.line)
    return Typed(f"sha256({_joined(compiler, call.arguments[1:])})", STRING)


def _joined(compiler: Compiler, nodes: tuple[syntax.Node, ...]) -> str:
    """The values that are hashed as one text; nulls are left out."""
    from adfkit.data_flows.functions.columns import expand

    values = [value for node in nodes for value in expand(compiler, node)]
    return f"concat({', '.join(convert(value, STRING) for value in values)})"
