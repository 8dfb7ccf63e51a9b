"""The neutral operations give the same values on Polars and Spark; what is not one of them is refused by name."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pytest

from adfkit.local_azure.processes import Processes
from adfkit.local_azure.python_environments import PythonEnvironments
from adfkit.neutral import refusals
from adfkit.neutral.check import check
from adfkit.neutral.operations import INSTEAD, NEUTRAL
from tests.neutral import cases
from transforms.hosts.polars_io import TYPES

ROOT = Path(__file__).parents[2]
OPERATORS = {"+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", "&", "|", "~"}


def tried() -> set[str]:
    """The operations that cases are named by."""
    return {name.split(" ")[0].rstrip(",") for name in (*cases.EXPRESSIONS, *cases.AGGREGATES, *cases.FRAMES)}


@pytest.fixture(scope="module")
def on_spark() -> dict[str, Any]:
    async def python() -> Path:
        processes = Processes()
        try:
            lock = ROOT / "transforms/hosts/databricks/requirements.txt"
            return (await PythonEnvironments(processes).ensure(lock.read_text(encoding="utf-8"))).python
        finally:
            await processes.stop()

    interpreter = asyncio.run(python())
    done = subprocess.run(
        [interpreter, ROOT / "tests/neutral/on_spark.py"],
        env={**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": str(interpreter)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def on_polars() -> dict[str, Any]:
    def frame(rows: list[tuple[Any, ...]], columns: dict[str, str]) -> nw.LazyFrame[Any]:
        schema = {name: TYPES[type] for name, type in columns.items()}
        return nw.from_native(pl.LazyFrame(rows, schema=schema, orient="row"))

    found = cases.outcomes(frame(cases.ROWS, cases.COLUMNS), frame(cases.OTHER_ROWS, cases.OTHER_COLUMNS))
    normal: dict[str, Any] = json.loads(json.dumps(found))
    return normal


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs a Java, and this machine has none")
def test_the_cases_agree_on_polars_and_spark(on_polars: dict[str, Any], on_spark: dict[str, Any]) -> None:
    differing = {name for name, value in on_polars.items() if on_spark[name] != value}
    assert {name: (on_polars[name], on_spark[name]) for name in differing - set(cases.DIFFERENT)} == {}
    assert differing == set(cases.DIFFERENT)


def test_every_neutral_operation_is_tried_and_nothing_else() -> None:
    assert tried() - OPERATORS == set(NEUTRAL)
    assert {limit.argument for name, limit in NEUTRAL.items() if limit and name not in INSTEAD} == {"how", "every"}


def test_an_operation_with_something_to_do_instead_is_refused_in_some_way() -> None:
    assert [name for name in INSTEAD if name in NEUTRAL and NEUTRAL[name] is None] == []


@pytest.mark.parametrize("name", ["flights"])
def test_the_transforms_of_the_project_are_neutral(name: str) -> None:
    assert refusals(ROOT / "transforms" / name) == []


HEAD = "import narwhals.stable.v2 as nw\nfrom narwhals import col\n"
REFUSED: list[tuple[str, str]] = [
    ("nw.col('t').dt.weekday()", "t.py:3: 'dt.weekday' may differ between engines: engines number week days unlike"),
    ("col('x').round(2)", "t.py:3: 'round' may differ between engines: engines round halves unlike"),
    ("(\n  col('x')\n  .round(2)\n)", "t.py:5: 'round' may"),
    ("frame.sort('x')", "'sort' may differ between engines: rows have no order"),
    ("nw.col('x').cast(nw.String)", "'cast(dtype=String)' may differ between engines: texts of floats"),
    ("frame.join(other, on='x', how='full')", "'join(how=full)' may differ between engines: write how as one of inner"),
    ("frame.join(other, 'x', way)", "'join(how=way)'"),
    ("col('s').str.contains('a+')", "'str.contains(literal=False)' may differ between engines: regular expressions"),
    ("frame.unique('x')", "'unique(subset=x)' may differ between engines: which row"),
    ("nw.from_native(frame)", "'nw.from_native' may differ between engines: the host makes the frames"),
    ("nw.cols('x')", "'nw.cols' may differ between engines: use nw.col"),
    ("nw.sql(frame)", "'nw.sql' may differ between engines: adfkit/neutral/operations.py lists"),
    ("col('x').rank()", "'rank' may differ between engines: adfkit/neutral/operations.py lists"),
    ("col('x').is_nan()", "'is_nan' may differ between engines: adfkit/neutral/operations.py lists"),
    ("import polars", "t.py:3: 'import polars' may differ between engines: a transform imports narwhals and Python's"),
    ("from pyspark.sql import functions", "'import pyspark.sql'"),
    ("def f(:", "t.py:3: 'def f(:' may differ between engines: it is no Python"),
]


@pytest.mark.parametrize(("source", "says"), REFUSED)
def test_what_is_not_neutral_is_refused_with_its_line(source: str, says: str) -> None:
    found = [str(refusal) for refusal in check(HEAD + source, "t.py")]
    assert len(found) == 1, found
    assert says in found[0]


@pytest.mark.parametrize(
    "source",
    [
        "', '.join(['a']).format(1)",
        "[1, 2].count(1)",
        "from datetime import datetime\nnw.lit(datetime(2013, 1, 1))",
        "from transforms.flights.transform import minutes",
        "nw.col('x').cast(nw.Int64()).alias('y')",
        "names = {'a': 1}\nfor name in names.items(): print(name)",
    ],
)
def test_pythons_own_methods_and_neutral_operations_pass(source: str) -> None:
    assert check(HEAD + source, "t.py") == []
