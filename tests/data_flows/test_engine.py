"""What transformations make of rows, and how a data flow fails."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from adfkit.data_flows.engine import Engine
from adfkit.data_flows.errors import DataFlowError, RunFailure, ScriptError, UnsupportedError
from adfkit.data_flows.parser import parse

SOURCE = "source(output(city as string, hour as timestamp, amount as long)) ~> sales\n"
ROWS = [("Rome", "2024-01-01 10:00:00", "3"), ("Rome", "2024-01-02 10:00:00", "x"), (None, "2024-01-03 10:00:00", "5")]


def run(script: str) -> tuple[Engine, list[tuple[Any, ...]]]:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE raw (city VARCHAR, hour VARCHAR, amount VARCHAR)")
    connection.executemany("INSERT INTO raw VALUES (?, ?, ?)", ROWS)
    engine = Engine(parse(SOURCE + script), connection)
    engine.add_source("sales", "raw")
    engine.run()
    columns = ", ".join(id for _, id in engine.columns("out"))
    return engine, connection.execute(f"SELECT {columns} FROM {engine.sinks['out'].relation}").fetchall()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("iifNull(amount, 0L) + 1", [4, 1, 6]),
        ("amount % 2 == 1", [True, None, True]),
        ("toInteger('7.9')", [7, 7, 7]),
        ("amount / 2", [1.5, None, 2.5]),
        ("city + '!'", ["Rome!", "Rome!", None]),
        ("city === null()", [False, False, True]),
        ("dayOfWeek(hour)", [2, 3, 4]),
        ("toString(addDays(hour, 1), 'dd/MM/yyyy')", ["02/01/2024", "03/01/2024", "04/01/2024"]),
        ("split('a,b', ',')[2]", ["b", "b", "b"]),
        ("@(a=1, b='x').b", ["x", "x", "x"]),
        ("case(amount > 4, 'many', 'few')", ["few", "few", "many"]),
        ("isNull(byName('absent'))", [True, True, True]),
    ],
)
def test_expressions(expression: str, expected: list[Any]) -> None:
    _, rows = run(
        f"sales derive(value = {expression}) ~> made\nmade select(mapColumn(value)) ~> one\none sink() ~> out"
    )
    assert [row[0] for row in rows] == expected


def test_groups_keep_the_order_of_rows_and_counts_are_told_per_stage() -> None:
    engine, rows = run(
        "sales filter(!isNull(city)) ~> known\n"
        "known aggregate(groupBy(city), firstAmount = first(amount), lastAmount = last(amount), n = count()) ~> sums\n"
        "sums sink() ~> out"
    )
    assert rows == [("Rome", 3, None, 2)]
    assert engine.rows == {"sales": 3, "known": 2, "sums": 1, "out": 1}


def test_a_split_sends_a_row_to_the_first_branch_that_takes_it() -> None:
    engine, rows = run(
        "sales split(amount > 4, amount > 2, disjoint: false) ~> s@(big, small, rest)\ns@rest sink() ~> out"
    )
    assert {name: engine.rows[f"s@{name}"] for name in ("big", "small", "rest")} == {"big": 1, "small": 1, "rest": 1}
    assert rows[0][2] is None


def test_an_assertion_that_aborts_fails_with_its_message() -> None:
    with pytest.raises(RunFailure, match="the assertion 'known' of 'checked' fails for 1 rows: no city at 2024-01-03"):
        run(
            "sales assert(expectTrue(!isNull(city), false, 'known', null, 'no city at ' + toString(hour)),"
            " abort: true) ~> checked\nchecked sink() ~> out"
        )


@pytest.mark.parametrize(
    ("script", "kind", "message"),
    [
        ("sales derive(x = soundex(city)) ~> out", UnsupportedError, "line 2: the function 'soundex' is not supported"),
        ("sales flowlet() ~> out", UnsupportedError, "line 2: the transformation 'flowlet' of 'out' is not supported"),
        ("sales filter(town == 'Rome') ~> out", ScriptError, "line 2: there is no column 'town' here"),
        ("nowhere filter(true()) ~> out", ScriptError, "line 2: there is no stream 'nowhere'"),
        ("sales filter(amount >) ~> out", ScriptError, "line 2: an expression is expected here"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(script: str, kind: type[DataFlowError], message: str) -> None:
    with pytest.raises(kind) as caught:
        run(script)
    assert str(caught.value).startswith(message)
