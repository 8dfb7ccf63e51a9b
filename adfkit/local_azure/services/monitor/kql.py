"""The part of the Kusto query language that asks a table for rows: where, project, order, take, distinct, count.

https://learn.microsoft.com/kusto/query/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

Row = Mapping[str, Any]
Condition = Callable[[Row], bool]
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<time>datetime\([^)]*\))|(?P<name>[A-Za-z_]\w*)|(?P<sign>==|!=|=~|!~|>=|<=|[|(),<>=]))"
)
_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": lambda left, right: bool(left == right),
    "!=": lambda left, right: bool(left != right),
    "=~": lambda left, right: str(left).lower() == str(right).lower(),
    "!~": lambda left, right: str(left).lower() != str(right).lower(),
    "<": lambda left, right: left is not None and bool(left < right),
    "<=": lambda left, right: left is not None and bool(left <= right),
    ">": lambda left, right: left is not None and bool(left > right),
    ">=": lambda left, right: left is not None and bool(left >= right),
    "contains": lambda left, right: str(right).lower() in str(left).lower(),
    "startswith": lambda left, right: str(left).lower().startswith(str(right).lower()),
    "has": lambda left, right: bool(re.search(rf"(?<!\w){re.escape(str(right))}(?!\w)", str(left), re.IGNORECASE)),
}


class KqlError(Exception):
    """A query that is wrong, or that uses what is not supported here."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name and its type in the query language (string, datetime, int, real, bool, dynamic)."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Table:
    """Columns, and rows by column name; times are aware datetimes."""

    columns: tuple[Column, ...]
    rows: Sequence[Row]

    def column(self, name: str) -> Column:
        """A column by name.

        Raises:
            KqlError: there is none.
        """
        found = next((column for column in self.columns if column.name == name), None)
        if found is None:
            raise KqlError(f"'{name}' names no column; there are: {', '.join(each.name for each in self.columns)}")
        return found


def run(query: str, tables: Mapping[str, Table]) -> Table:
    """The answer to a query of one of the tables.

    Raises:
        KqlError: the query cannot be parsed, names what is not there, or uses an operator that is not supported.
    """
    parser = _Parser(query)
    name = parser.name("a table")
    if name not in tables:
        raise KqlError(f"'{name}' names no table; there are: {', '.join(tables)}")
    table = tables[name]
    while not parser.ended:
        parser.expect("|")
        table = _operator(parser, table)
    return table


def _operator(parser: _Parser, table: Table) -> Table:
    operator = parser.name("an operator")
    if operator in ("where", "filter"):
        condition = _either(parser, table)
        return replace(table, rows=[row for row in table.rows if condition(row)])
    if operator in ("order", "sort"):
        parser.expect("by")
        return _ordered(parser, table)
    if operator in ("take", "limit"):
        return replace(table, rows=table.rows[: int(parser.number())])
    if operator in ("project", "distinct"):
        return _projected(parser, table, distinct=operator == "distinct")
    if operator == "count":
        return Table((Column("Count", "long"),), [{"Count": len(table.rows)}])
    raise KqlError(f"local Azure does not support the operator '{operator}'")


def _ordered(parser: _Parser, table: Table) -> Table:
    keys = []
    for name in parser.names():
        table.column(name)
        direction = parser.take_if("asc", "desc") or "desc"
        keys.append((name, direction == "desc"))
    rows = list(table.rows)
    for name, is_descending in reversed(keys):
        rows.sort(key=lambda row: (row[name] is not None, row[name]), reverse=is_descending)
    return replace(table, rows=rows)


def _projected(parser: _Parser, table: Table, *, distinct: bool) -> Table:
    columns, sources = [], []
    for name in parser.names():
        source = parser.name("a column") if parser.take_if("=") else name
        columns.append(Column(name, table.column(source).type))
        sources.append(source)
    rows = [{column.name: row[source] for column, source in zip(columns, sources, strict=True)} for row in table.rows]
    if distinct:
        rows = list({repr(row): row for row in rows}.values())
    return Table(tuple(columns), rows)


def _either(parser: _Parser, table: Table) -> Condition:
    conditions = [_all(parser, table)]
    while parser.take_if("or"):
        conditions.append(_all(parser, table))
    return lambda row: any(condition(row) for condition in conditions)


def _all(parser: _Parser, table: Table) -> Condition:
    conditions = [_condition(parser, table)]
    while parser.take_if("and"):
        conditions.append(_condition(parser, table))
    return lambda row: all(condition(row) for condition in conditions)


def _condition(parser: _Parser, table: Table) -> Condition:
    if parser.take_if("("):
        inner = _either(parser, table)
        parser.expect(")")
        return inner
    name = table.column(parser.name("a column")).name
    if parser.take_if("in"):
        parser.expect("(")
        values = [parser.literal()]
        while parser.take_if(","):
            values.append(parser.literal())
        parser.expect(")")
        return lambda row: row[name] in values
    comparison = parser.take_if(*_COMPARISONS)
    if comparison is None:
        raise KqlError(f"local Azure does not support the comparison '{parser.rest()}'")
    value, compare = parser.literal(), _COMPARISONS[comparison]
    return lambda row: compare(row[name], value)


class _Parser:
    def __init__(self, query: str) -> None:
        self._tokens: list[str] = []
        position, query = 0, re.sub(r"//[^\n]*", "", query).rstrip().rstrip(";")
        while position < len(query):
            match = _TOKEN.match(query, position)
            if match is None:
                raise KqlError(f"the query cannot be read at '{query[position : position + 20]}'")
            self._tokens.append(match[0].strip())
            position = match.end()
        self._at = 0

    @property
    def ended(self) -> bool:
        return self._at == len(self._tokens)

    def rest(self) -> str:
        return " ".join(self._tokens[self._at : self._at + 3])

    def take_if(self, *wanted: str) -> str | None:
        if not self.ended and self._tokens[self._at] in wanted:
            self._at += 1
            return self._tokens[self._at - 1]
        return None

    def expect(self, wanted: str) -> None:
        if self.take_if(wanted) is None:
            raise KqlError(f"'{wanted}' is missing at '{self.rest() or 'the end of the query'}'")

    def name(self, what: str) -> str:
        if self.ended or not re.fullmatch(r"[A-Za-z_]\w*", self._tokens[self._at]):
            raise KqlError(f"the name of {what} is missing at '{self.rest() or 'the end of the query'}'")
        self._at += 1
        return self._tokens[self._at - 1]

    def names(self) -> Iterator[str]:
        """Names with commas between; the caller takes what follows each."""
        yield self.name("a column")
        while self.take_if(","):
            yield self.name("a column")

    def number(self) -> float:
        value = self.literal()
        if isinstance(value, str | datetime):
            raise KqlError(f"a number is missing at '{value}'")
        return float(value)

    def literal(self) -> Any:
        if self.ended:
            raise KqlError("a value is missing at the end of the query")
        word = self._tokens[self._at]
        self._at += 1
        if word[0] in "'\"":
            return re.sub(r"\\(.)", r"\1", word[1:-1])
        if word in ("true", "false"):
            return word == "true"
        if word.startswith("datetime("):
            return _time(word[len("datetime(") : -1].strip("'\" "))
        if re.fullmatch(r"-?\d+(\.\d+)?", word):
            return float(word) if "." in word else int(word)
        raise KqlError(f"local Azure does not support the value '{word}'")


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise KqlError(f"'{text}' is no time") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)
