"""Rows on their way through a data flow: where DuckDB keeps them, and which columns they have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from adfkit.data_flows.types import Type

Marker = Literal["action", "match", "errors"]
"""What a hidden column says of a row: its alter-row policy, whether a lookup matched, which assertions failed."""


@dataclass(frozen=True, slots=True)
class Typed:
    """SQL of an expression and its data flow type; null has none."""

    sql: str
    type: Type | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `id` is its name in SQL, `streams` those that it came through, by which scripts tell namesakes apart.

    A column with a marker is seen by functions such as `isDelete()` alone.
    """

    name: str
    type: Type
    id: str
    streams: frozenset[str] = frozenset()
    marker: Marker | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """A relation with its columns; `relation` is a name that SQL takes, quoted."""

    name: str
    relation: str
    columns: tuple[Column, ...]

    @property
    def visible(self) -> list[Column]:
        return [column for column in self.columns if column.marker is None]


@dataclass(slots=True)
class Output:
    """The columns that a SELECT makes, in order."""

    columns: list[Column] = field(default_factory=list)
    items: list[str] = field(default_factory=list)

    def add(
        self, name: str, typed: Typed, streams: Iterable[str] = (), *, type: Type, marker: Marker | None = None
    ) -> None:
        """Append a column; a namesake stays, as after a join."""
        id = f"c{len(self.columns)}"
        self.columns.append(Column(name, type, id, frozenset(streams), marker))
        self.items.append(f"{typed.sql} AS {id}")

    def put(self, name: str, typed: Typed, *, type: Type) -> None:
        """Append a column, or replace the one of this name."""
        for index, column in enumerate(self.columns):
            if column.name == name and column.marker is None:
                self.columns[index] = replace(column, type=type, streams=frozenset())
                self.items[index] = f"{typed.sql} AS {column.id}"
                return
        self.add(name, typed, type=type)

    def keep(self, columns: Sequence[Column], alias: str) -> None:
        """Append columns as they are in the relation of this alias."""
        for column in columns:
            self.add(
                column.name,
                Typed(f"{alias}.{column.id}", column.type),
                column.streams,
                type=column.type,
                marker=column.marker,
            )

    def has(self, name: str) -> bool:
        return any(column.name == name and column.marker is None for column in self.columns)

    def select(self, rest: str) -> str:
        """`SELECT ... ` and what is given to follow it."""
        return f"SELECT {', '.join(self.items) or '1 AS nothing'} {rest}"


@dataclass(frozen=True, slots=True)
class Built:
    """What a transformation made: SQL, its columns, and whether it has a row for each of its first input's."""

    columns: tuple[Column, ...]
    sql: str
    same_rows: bool = False
