"""What the training step trains on, and what it refuses."""

from __future__ import annotations

import hashlib
import json
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest

FLIGHTS = Path(__file__).parents[3] / "transforms" / "flights" / "transform.toml"
START = datetime(2013, 1, 1, tzinfo=UTC)


def frame(rows: int = 1000, **columns: Any) -> pl.DataFrame:
    """One row an hour; `late` follows from `distance` unless given."""
    base = pl.DataFrame({"n": range(rows)}).with_columns(
        time_hour=pl.lit(START) + pl.col("n") * timedelta(hours=1), distance=pl.col("n") % 7
    )
    return base.with_columns(late=pl.col("distance") > 4).with_columns(**columns)


@pytest.mark.parametrize("name", ["dep_delay", "dep_minutes", "arr_delay", "arr_time", "air_time", "late"])
def test_what_is_known_only_later_is_no_feature(train: ModuleType, name: str) -> None:
    declared = {"label": "late", "time": "time_hour", "features": ["distance", name]}
    with pytest.raises(train.TrainingError, match=rf"so not to be a feature: {name}\."):
        train.Training.of(declared)


def test_the_features_of_flights_are_all_known_at_the_scheduled_departure(train: ModuleType) -> None:
    declared = tomllib.loads(FLIGHTS.read_text())
    training = train.Training.of(declared["training"])
    assert set(training.features) <= set(declared["output"]["known"])
    for name in set(declared["output"]["outcome"]) - {"cancelled", "diverted"}:
        with pytest.raises(train.TrainingError):
            train.Training.of({**declared["training"], "features": [name]})


def test_scores_are_of_the_later_part(train: ModuleType) -> None:
    # what the label follows from turns round in the last fifth of the time: a random split would not see it
    data = frame(late=pl.when(pl.col("n") < 800).then(pl.col("distance") > 4).otherwise(pl.col("distance") <= 4))
    result = train.train(data, train.Training("late", "time_hour", ("distance",)))
    assert result.roc_auc < 0.01
    assert result.base_rate == pytest.approx(data.filter(pl.col("n") >= 800)["late"].mean(), abs=0.01)


def test_text_nulls_and_new_values_are_taken(train: ModuleType) -> None:
    carrier = pl.when(pl.col("distance") > 4).then(pl.lit("AA")).when(pl.col("n") % 2 == 0).then(pl.lit("B6"))
    late_carrier = pl.when(pl.col("n") > 990).then(pl.lit("NEW")).otherwise(carrier)
    data = frame(carrier=late_carrier, tailnum="N" + pl.col("n").cast(pl.String), year=pl.lit(2013))
    result = train.train(data, train.Training("late", "time_hour", ("carrier", "tailnum", "year")))
    assert result.features == ("carrier",)
    assert result.roc_auc > 0.95


@pytest.mark.parametrize(
    ("late", "why"),
    [(pl.lit(True), "The training part"), (pl.col("n") < 700, "The test part")],
)
def test_one_class_cannot_be_trained_on(train: ModuleType, late: pl.Expr, why: str) -> None:
    data = frame(late=late).with_columns(late=pl.col("late") & (pl.col("n") > 1) if why == "The test part" else late)
    with pytest.raises(train.TrainingError, match=f"{why} .* does not hold both classes"):
        train.train(data, train.Training("late", "time_hour", ("distance",)))


def test_rows_without_a_label_are_left_out(train: ModuleType, tmp_path: Path) -> None:
    training = train.Training("late", "time_hour", ("distance",))
    data = frame(100, late=pl.when(pl.col("n") % 2 == 0).then(pl.col("distance") > 4)).reverse()
    data.write_parquet(tmp_path / "part-0.parquet")
    read = train.read(tmp_path, training)
    assert read.height == 50
    assert read["time_hour"].is_sorted()
    assert read.columns == ["distance", "late", "time_hour"]


def test_nothing_is_trained_on_a_window_alone(
    train: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = {"training": {}, "window": {"start": "2013-01-01T00:00:00Z", "end": "2013-01-02T00:00:00Z"}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "dataset.json").write_text(json.dumps({"name": "flights", "version": "3"}))
    place = str(tmp_path)
    monkeypatch.setattr("sys.argv", ["train.py", "--data_location", place, "--dataset", place, "--run_id", "r"])
    train.main()
    assert capsys.readouterr().out == "flights version 3 is of a window: nothing is trained on it alone.\n"


def test_a_version_is_tagged_with_its_pipeline_schema_and_window(register: ModuleType) -> None:
    manifest = {
        "ingestion": "flights",
        "run_id": "r",
        "rows": 2,
        "schema": [
            {"name": "day", "type": "int64", "group": "known"},
            {"name": "late", "type": "bool", "group": "label"},
        ],
        "source": "https://lake/landing/flights/",
        "window": {"start": "2013-01-01T00:00:00Z", "end": "2013-01-02T00:00:00Z"},
    }
    assert register.tags_of(manifest, "https://lake/curated/flights/run=r/") == {
        "location": "https://lake/curated/flights/run=r/",
        "run_id": "r",
        "rows": "2",
        "source": "https://lake/landing/flights/",
        "pipeline": "flights",
        "schema_sha256": hashlib.sha256(b"day:int64\nlate:bool\n").hexdigest(),
        "window_start": "2013-01-01T00:00:00Z",
        "window_end": "2013-01-02T00:00:00Z",
    }
