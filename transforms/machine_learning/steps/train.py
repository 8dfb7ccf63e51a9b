"""Train a classifier on what is known when a prediction is made, and register it with its metric."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import polars as pl
from azure.ai.ml import MLClient
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import Model
from azure.identity import DefaultAzureCredential
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from versions import version_of_run
from workspace import connect

TEST_SHARE = 0.2  # of the time that the data spans, at its end
MAX_CATEGORIES = 254  # of a text column; the classifier takes no more, and a rarer value says little
OUTCOMES = ("dep_", "arr_")  # prefixes of what is measured at departure or arrival
MEASURED = frozenset({"air_time"})
ITERATIONS = 60


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
    """Train as the manifest declares and register the model; with no declaration there is nothing to do.

    A run for a window has a part of the data only: what is learnt from it would replace a model of the whole.
    """
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
    if "window" in manifest:
        print(f"{dataset['name']} version {dataset['version']} is of a window: nothing is trained on it alone.")
        return
    training = Training.of(manifest["training"])
    result = train(read(arguments.data_location, training), training)
    print(f"ROC AUC {result.roc_auc:.4f}, base rate {result.base_rate:.4f}")
    client = connect(DefaultAzureCredential())
    version = register(client, result, dataset, arguments.run_id, str(manifest.get("code_version", "")))
    print(f"model {dataset['name']}-delay version {version}")


def read(folder: Path, training: Training) -> pl.DataFrame:
    """The rows that have a label, in the order of time."""
    columns = [*training.features, training.label, training.time]
    frame = pl.scan_parquet(folder / "*.parquet").select(columns).drop_nulls([training.label, training.time])
    return frame.sort(training.time, maintain_order=True).collect()


def train(frame: pl.DataFrame, training: Training) -> Result:
    """Fit on the earlier part of the time span, score on the later: no row is older than one it was fitted on.

    Raises:
        TrainingError: a part is empty or holds one class only.
    """
    first, last = frame[training.time].min(), frame[training.time].max()
    if first is None or last is None:
        raise TrainingError("No row has a label.")
    cut = last - (last - first) * TEST_SHARE
    earlier, later = frame.filter(pl.col(training.time) < cut), frame.filter(pl.col(training.time) >= cut)
    for name, part in (("training", earlier), ("test", later)):
        if part[training.label].n_unique() != 2:
            raise TrainingError(f"The {name} part ({part.height} rows, split at {cut}) does not hold both classes.")
    features = usable(earlier, training.features)
    model = classifier(earlier.schema, features)
    model.fit(earlier.select(features), earlier[training.label].to_numpy())
    truth = later[training.label].to_numpy()
    score = model.predict_proba(later.select(features))[:, 1]
    return Result(
        model=model,
        features=features,
        roc_auc=float(roc_auc_score(truth, score)),
        average_precision=float(average_precision_score(truth, score)),
        base_rate=float(truth.mean()),
    )


def usable(frame: pl.DataFrame, features: tuple[str, ...]) -> tuple[str, ...]:
    """The features but for constants and for text of too many values (a plane's tail number names one plane)."""
    kept = []
    for name in features:
        limit = MAX_CATEGORIES if frame.schema[name] == pl.String else frame.height
        if 1 < frame[name].n_unique() <= limit:
            kept.append(name)
        else:
            print(f"left out: {name}")
    return tuple(kept)


def classifier(schema: pl.Schema, features: tuple[str, ...]) -> Pipeline:
    """Gradient boosting on histograms: takes missing values as they are, and text as categories."""
    texts = [name for name in features if schema[name] == pl.String]
    # a value not met in training counts as missing, as a null does
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
    columns = make_column_transformer((encoder, texts), remainder="passthrough", verbose_feature_names_out=False)
    boosting = HistGradientBoostingClassifier(
        categorical_features=list(range(len(texts))),
        max_iter=ITERATIONS,
        learning_rate=0.15,
        early_stopping=False,  # it would judge by a random part, which knows the same days
        random_state=0,
    )
    return make_pipeline(columns, boosting)


def register(client: MLClient, result: Result, dataset: Mapping[str, str], run_id: str, code_version: str) -> str:
    """Register the model as `<dataset>-delay` with its scores and the dataset's version; returns the model's version.

    A run that registered one already keeps it, so that a step which is run again adds none.
    """
    name = f"{dataset['name']}-delay"
    tags = {
        "metric": "roc_auc",
        "roc_auc": f"{result.roc_auc:.4f}",
        "average_precision": f"{result.average_precision:.4f}",
        "base_rate": f"{result.base_rate:.4f}",
        "dataset": dataset["name"],
        "dataset_version": dataset["version"],
        "run_id": run_id,
        "code_version": code_version,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = _write(result, Path(folder) / name, tags)

        def asset(version: str) -> Model:
            return Model(name=name, version=version, path=path, type=AssetTypes.CUSTOM_MODEL, tags=tags)

        return version_of_run(client.models, name, run_id, asset)


def _write(result: Result, folder: Path, tags: Mapping[str, str]) -> Path:
    folder.mkdir()
    joblib.dump(result.model, folder / "model.joblib", compress=3)
    (folder / "model.json").write_text(json.dumps({"features": result.features, **tags}, indent=2))
    return folder


if __name__ == "__main__":
    main()
