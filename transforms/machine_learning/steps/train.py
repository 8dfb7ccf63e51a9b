"""Train a classifier on what is known when a prediction is made, and register it with its metric."""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

TEST_SHARE = 0.2  # of the time that the data spans, at its end
MAX_CATEGORIES = 254  # of a text column; the classifier takes no more, and a rarer value says little
OUTCOMES = ("dep_", "arr_")  # prefixes of what is measured at departure or arrival
MEASURED = frozenset({"air_time"})
REFIT = 120  # boosting iterations at most


class TrainingError(Exception):
    """The data can't be trained on; the text says why."""


@dataclass(frozen=True)
class Training:
    """What the transform declares: label, time to split by, and what is known before the outcome."""

    label: str
    time: str
    features: tuple[str, ...]

    @classmethod
    def of(cls, declared: dict[str, Any]) -> Training:
        """Check a manifest's `training`.

        Raises:
            TrainingError: a feature is an outcome (`dep_*`, `arr_*`, `air_time`) or the label itself.
        """
        features = tuple(name for name in declared["features"] if name != declared["time"])
        refused = [n for n in features if n.startswith(OUTCOMES) or n in MEASURED or n == declared["label"]]
        if refused:
            names = ", ".join(refused)
            raise TrainingError(f"Known only after the scheduled departure, so not to be a feature: {names}.")
        return cls(declared["label"], declared["time"], features)


@dataclass(frozen=True)
class Result:
    """A fitted model, its scores on the test period, and the share of positives there."""

    model: Pipeline
    features: tuple[str, ...]
    roc_auc: float
    average_precision: float
    base_rate: float


def main() -> None:
    """Train as the manifest declares and register the model; with no declaration there is nothing to do."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data_location", type=Path, required=True, help="folder with manifest.json and Parquet files")
    parser.add_argument("--dataset", type=Path, required=True, help="folder with dataset.json")
    parser.add_argument("--run_id", required=True)
    arguments = parser.parse_args()

    manifest = json.loads((arguments.data_location / "manifest.json").read_text())
    dataset = json.loads((arguments.dataset / "dataset.json").read_text())
    if "training" not in manifest:
        print(f"{dataset['name']} declares no label: nothing to train.")
        return
    training = Training.of(manifest["training"])
    result = train(read(arguments.data_location, training), training)
    print(f"ROC AUC {result.roc_auc:.4f}, average precision {result.average_precision:.4f}, "
          f"base rate {result.base_rate:.4f}")  # fmt: skip
    register(result, dataset, arguments.run_id, str(manifest.get("code_version", "")))


def read(folder: Path, training: Training) -> pl.DataFrame:
    """The rows that have a label, in the order of time."""
    columns = [*training.features, training.label, training.time]
    frame = pl.scan_parquet(folder / "*.parquet").select(columns).drop_nulls([training.label, training.time])
    return frame.sort(training.time).collect()


def train(frame: pl.DataFrame, training: Training) -> Result:
    """Fit on the earlier part of the time span, score on the later: no row is older than one it was fitted on.

    Raises:
        TrainingError: a part is empty or holds one class only.
    """
    first, last = frame[training.time].min(), frame[training.time].max()
    if first is None or last is None:
        raise TrainingError("No row has a label.")
    cut = last - (last - first) * TEST_SHARE
    parts = frame.partition_by(pl.col(training.time) >= cut) if False else (
        frame.filter(pl.col(training.time) < cut), frame.filter(pl.col(training.time) >= cut))  # fmt: skip
    for part, name in zip(parts, ("training", "test"), strict=True):
        if part[training.label].n_unique() != 2:
            raise TrainingError(f"The {name} part ({part.height} rows, split at {cut}) does not hold both classes.")
    earlier, later = parts
    features = usable(earlier, training.features)
    model = classifier(earlier.select(features))
    model.fit(_matrix(earlier, features), earlier[training.label].to_numpy().astype(np.int8))
    truth = later[training.label].to_numpy().astype(np.int8)
    score = model.predict_proba(_matrix(later, features))[:, 1]
    return Result(
        model, features, float(roc_auc_score(truth, score)), float(average_precision_score(truth, score)), truth.mean()
    )


if __name__ == "__main__":
    main()
