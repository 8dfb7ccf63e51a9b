"""A manifest is completed from the files to what a host, which sees the rows themselves, would have written."""

from __future__ import annotations

import importlib
import io
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import polars as pl
import pytest

from transforms.hosts import declaration, manifest
from transforms.hosts.measure import Measurement

DECLARED = declaration.read(declaration.TRANSFORMS / "flights")
VALUES: dict[str, list[Any]] = {
    "int64": [-1, None, 2],
    "float64": [0.105, None, -2.675],
    "string": ["a", None, "é\n"],
    "bool": [True, None, False],
    "timestamp": [datetime(2013, 1, 1, 10, tzinfo=UTC), None, datetime(1969, 12, 31, tzinfo=UTC)],
}
TYPES = {
    "int64": pl.Int64,
    "float64": pl.Float64,
    "string": pl.String,
    "bool": pl.Boolean,
    "timestamp": pl.Datetime("us", "UTC"),
}


@pytest.fixture
def completion(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(declaration.TRANSFORMS / "machine_learning" / "steps"))
    return importlib.import_module("completion")


def frame(rows: int) -> pl.DataFrame:
    return pl.DataFrame(
        {column.name: pl.Series(VALUES[column.type][:rows], dtype=TYPES[column.type]) for column in DECLARED.columns}
    )


def parquet(rows: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    rows.write_parquet(buffer)
    return buffer.getvalue()


def whole(rows: pl.DataFrame, files: dict[str, bytes]) -> dict[str, Any]:
    return manifest.manifest(
        DECLARED,
        rows,
        files,
        ingestion="i",
        run_id="r",
        data_location="https://lake/curated/i/run=r/",
        technique="data_flow",
        measurement=Measurement(),
        source="https://lake/landing/i/",
        source_files=[{"path": "a.csv"}],
    )


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_it_is_what_a_host_writes(completion: ModuleType, rows: int) -> None:
    data = frame(rows)
    files = {"b.parquet": parquet(data.head(1)), "a.parquet": parquet(data.slice(1))}
    expected = whole(data, files)
    told = ("rows", "files", "files_sha256", "content_sha256")
    partial = {key: value for key, value in expected.items() if key not in told}
    partial |= {"float_precision": DECLARED.float_precision, "window": None}
    assert not completion.is_complete(partial)
    completed = completion.described(partial, files)
    assert completed == expected
    assert completion.is_complete(completed)


def test_files_that_are_not_those_declared(completion: ModuleType) -> None:
    partial = {"schema": [{"name": "a", "type": "int64", "group": "known"}], "float_precision": 2}
    with pytest.raises(completion.CompletionError, match=r"^The transform wrote no Parquet file\.$"):
        completion.described(partial, {})
    with pytest.raises(completion.CompletionError, match=r"^The transform wrote no column a\.$"):
        completion.described(partial, {"x.parquet": parquet(pl.DataFrame({"b": [1]}))})
