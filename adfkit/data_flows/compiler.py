"""Expressions of data flows as typed SQL of DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from adfkit.data_flows import syntax
from adfkit.data_flows.conversion import convert, typed, unify
from adfkit.data_flows.errors import ScriptError, unsupported
from adfkit.data_flows.streams import Column, Marker, Stream, Typed
from adfkit.data_flows.syntax import Node
from adfkit.data_flows.types import (
    BOOLEAN,
    DATE,
    LONG,
    STRING,
    TIMESTAMP,
    ArrayType,
    MapType,
    Scalar,
    StructType,
    Type,
    is_number,
    quote,
    text,
    to_duckdb,
)

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Environment:
    """What is the same in a whole run. `constant` evaluates SQL that needs no row."""

    parameters: Mapping[str, Typed]
    now: datetime
    constant: Callable[[str], Any]
    caches: Mapping[str, Cache] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cache:
    """A cached sink: its rows, and the columns that `#lookup` looks up by."""

    stream: Stream
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles the expressions of one transformation.

    Attributes:
        columns: what names mean, each with the alias of its relation; the first wins where two have one name.
        aggregate: how an aggregate function becomes SQL, from its call; None where none may stand.
        order: SQL that orders rows as they came, for aggregates that depend on it.
        matched: the column that `$$` stands for, within a rule.
        names: values of `name`, `type`, `position` and so on, within the condition of a rule.
        items: values of `#item` and its like.
        unrolled: SQL for paths whose arrays a flatten has unrolled.
        locals: expressions of local variables.
    """

    environment: Environment
    columns: Sequence[tuple[str, Column]] = ()
    aggregate: Callable[[str], str] | None = None
    order: str | None = None
    over: str | None = None
    matched: Typed | None = None
    names: Mapping[str, Typed] = field(default_factory=dict)
    items: Mapping[str, Typed] = field(default_factory=dict)
    unrolled: Mapping[Path, Typed] = field(default_factory=dict)
    locals: Mapping[str, Node] = field(default_factory=dict)

    @classmethod
    def of(cls, environment: Environment, *inputs: tuple[str, Stream], **other: Any) -> Compiler:
        """A compiler that sees the columns of streams, each under an alias."""
        columns = [(alias, column) for alias, stream in inputs for column in stream.columns]
        return cls(environment, columns, **other)

    def with_(self, **changes: Any) -> Compiler:
        return replace(self, **changes)

    def compile(self, node: Node) -> Typed:
        """The expression as SQL.

        Raises:
            ScriptError: a name is not known, an argument is wrong; UnsupportedError: a function is not known here.
        """
        match node:
            case syntax.Literal():
                return _literal(node)
            case syntax.Name():
                return self._name(node)
            case syntax.Parameter():
                return self._parameter(node)
            case syntax.Hash():
                return self._item(node)
            case syntax.Local():
                return self._local(node)
            case syntax.Member():
                return self._member(node)
            case syntax.Index():
                return self._index(node)
            case syntax.Call():
                from adfkit.data_flows.functions.registry import call

                return call(self, node)
            case syntax.CacheCall():
                return self._cache(node)
            case syntax.Array():
                sql, type = unify([self.compile(item) for item in node.items])
                return Typed(f"CAST([{', '.join(sql)}] AS {to_duckdb(ArrayType(type))})", ArrayType(type))
            case syntax.Mapping():
                return self._mapping(node)
            case syntax.Struct():
                return self._struct(node)
        raise ScriptError("an expression is expected here", node.line)

    def boolean(self, node: Node) -> str:
        """A condition as SQL."""
        return convert(self.compile(node), BOOLEAN)

    def constant(self, node: Node) -> Any:
        """The value of an expression that needs no row.

        Raises:
            ScriptError: it names a column.
        """
        return self.environment.constant(self.with_(columns=()).compile(node).sql)

    def constant_text(self, node: Node) -> str:
        value = self.environment.constant(typed(self.with_(columns=()).compile(node), STRING).sql)
        if value is None:
            raise ScriptError("a text is expected here, not null", node.line)
        return str(value)

    def find(self, name: str, streams: Iterable[str] = ()) -> Typed | None:
        """The column of this name that came through all of these streams."""
        wanted = frozenset(streams)
        for alias, column in self.columns:
            if column.name == name and column.marker is None and wanted <= column.streams:
                return Typed(f"{alias}.{column.id}", column.type)
        return None

    def marker(self, marker: Marker) -> str | None:
        """The hidden column of this kind, if rows have it."""
        return next((f"{alias}.{column.id}" for alias, column in self.columns if column.marker == marker), None)

    def _name(self, node: syntax.Name) -> Typed:
        if not node.streams:
            if node.name in self.names:
                return self.names[node.name]
            if (node.name,) in self.unrolled:
                return self.unrolled[(node.name,)]
        found = self.find(node.name, node.streams)
        if found is None:
            full = "@".join((*node.streams, node.name))
            raise ScriptError(f"there is no column '{full}' here{self._present()}", node.line)
        return found

    def _present(self) -> str:
        names = list(dict.fromkeys(column.name for _, column in self.columns if column.marker is None))
        return f"; there are {', '.join(names[:12])}{' and more' if len(names) > 12 else ''}" if names else ""

    def _parameter(self, node: syntax.Parameter) -> Typed:
        if node.name == "$":
            if self.matched is None:
                raise ScriptError("$$ stands for a column in rules only", node.line)
            return self.matched
        if node.name not in self.environment.parameters:
            raise ScriptError(f"there is no parameter '${node.name}'", node.line)
        return self.environment.parameters[node.name]

    def _item(self, node: syntax.Hash) -> Typed:
        if node.name not in self.items:
            raise ScriptError(f"'#{node.name}' has no value here", node.line)
        return self.items[node.name]

    def _local(self, node: syntax.Local) -> Typed:
        if node.name not in self.locals:
            raise ScriptError(f"there is no local variable ':{node.name}'", node.line)
        return self.compile(self.locals[node.name])

    def _member(self, node: syntax.Member) -> Typed:
        path = path_of(node)
        if path and path in self.unrolled:
            return self.unrolled[path]
        return member(self.compile(node.of), node.name, node.line)

    def _index(self, node: syntax.Index) -> Typed:
        of, index = self.compile(node.of), self.compile(node.index)
        if isinstance(of.type, MapType):
            return Typed(f"{of.sql}[{convert(index, of.type.key)}]", of.type.value)
        if isinstance(of.type, ArrayType):
            return Typed(f"list_extract({of.sql}, {convert(index, LONG)})", of.type.of)
        if isinstance(of.type, StructType) and isinstance(node.index, syntax.Literal):
            return member(of, str(node.index.value), node.line)
        raise ScriptError(f"a value of type {of.type or 'null'} has no items", node.line)

    def _mapping(self, node: syntax.Mapping) -> Typed:
        keys, key = unify([self.compile(entry) for entry, _ in node.entries])
        values, value = unify([self.compile(entry) for _, entry in node.entries])
        return Typed(f"map([{', '.join(keys)}], [{', '.join(values)}])", MapType(key, value))

    def _struct(self, node: syntax.Struct) -> Typed:
        parts, fields = [], []
        for name, value in node.fields:
            compiled = self.compile(value)
            type = compiled.type or STRING
            parts.append(f"{quote(name)} := {convert(compiled, type)}")
            fields.append((name, type))
        return Typed(f"struct_pack({', '.join(parts)})", StructType(tuple(fields)))

    def _cache(self, node: syntax.CacheCall) -> Typed:
        cache = self.environment.caches.get(node.sink)
        if cache is None:
            raise ScriptError(f"there is no cached sink '{node.sink}'", node.line)
        columns = cache.stream.visible
        type = StructType(tuple((column.name, column.type) for column in columns))
        row = "struct_pack(" + ", ".join(f"{quote(column.name)} := k.{column.id}" for column in columns) + ")"
        source = f"FROM {cache.stream.relation} AS k"
        match node.name:
            case "outputs":
                return Typed(f"(SELECT list({row}) {source})", ArrayType(type))
            case "output":
                return Typed(f"(SELECT first({row}) {source})", type)
            case "lookup":
                return Typed(f"(SELECT first({row}) {source} WHERE {self._keys(node, cache)})", type)
        raise unsupported(f"the function '{node.sink}#{node.name}'", node.line)

    def _keys(self, node: syntax.CacheCall, cache: Cache) -> str:
        if not cache.keys or len(cache.keys) != len(node.arguments):
            raise ScriptError(f"'{node.sink}#lookup' takes the {len(cache.keys)} key columns of the sink", node.line)
        by_name = {column.name: column for column in cache.stream.visible}
        missing = [key for key in cache.keys if key not in by_name]
        if missing:
            raise ScriptError(f"the cached sink '{node.sink}' has no column '{missing[0]}'", node.line)
        return " AND ".join(
            f"k.{by_name[key].id} IS NOT DISTINCT FROM {convert(self.compile(argument), by_name[key].type)}"
            for key, argument in zip(cache.keys, node.arguments, strict=True)
        )


def member(of: Typed, name: str, line: int) -> Typed:
    """A field of a hierarchy; of each item where `of` is an array."""
    if isinstance(of.type, StructType):
        field = of.type.field(name)
        if field is None:
            raise ScriptError(f"there is no field '{name}' in {str(of.type)[:200]}", line)
        return Typed(f"struct_extract({of.sql}, {text(name or '_')})", field)
    if isinstance(of.type, ArrayType):
        item = member(Typed("x", of.type.of), name, line)
        return Typed(f"list_transform({of.sql}, lambda x: {item.sql})", ArrayType(item.type or STRING))
    if isinstance(of.type, MapType):
        return Typed(f"{of.sql}[{text(name)}]", of.type.value)
    raise ScriptError(f"a value of type {of.type or 'null'} has no field '{name}'", line)


def path_of(node: Node) -> Path | None:
    """`a.b.c` as a path, or None where the expression is none."""
    if isinstance(node, syntax.Name) and not node.streams:
        return (node.name,)
    if isinstance(node, syntax.Member):
        above = path_of(node.of)
        return (*above, node.name) if above else None
    return None


def literal(value: Any, type: Type) -> Typed:
    """A Python value as SQL."""
    if value is None:
        return Typed(f"CAST(NULL AS {to_duckdb(type)})", type)
    if isinstance(value, list) and isinstance(type, ArrayType):
        items = ", ".join(literal(item, type.of).sql for item in value)
        return Typed(f"CAST([{items}] AS {to_duckdb(type)})", type)
    if isinstance(value, bool):
        return Typed("TRUE" if value else "FALSE", type)
    if is_number(type):
        return Typed(f"CAST({text(repr(value))} AS {to_duckdb(type)})", type)
    if type in (TIMESTAMP, DATE):
        return Typed(f"{'TIMESTAMP' if type == TIMESTAMP else 'DATE'} {text(str(value))}", type)
    if isinstance(type, Scalar):
        return typed(Typed(text(str(value)), STRING), type)
    raise TypeError(f"a literal of type {type}")


def _literal(node: syntax.Literal) -> Typed:
    if node.type is None:
        return Typed("NULL", None)
    if node.type in (BOOLEAN, STRING):
        return literal(node.value, node.type)
    if isinstance(node.value, int):
        return Typed(f"CAST({node.value} AS {to_duckdb(node.type)})", node.type)
    return literal(node.value, node.type)
