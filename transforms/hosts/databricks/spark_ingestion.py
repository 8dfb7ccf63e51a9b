"""One run of an ingestion on Spark: read the source, transform it, write Parquet and the manifest."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import narwhals.stable.v2 as nw
from pyspark.sql import SparkSession

from transforms.hosts import declaration, result, runner
from transforms.hosts.databricks import spark_io
from transforms.hosts.measure import Measurement
from transforms.hosts.window import Window


def run(
    request: Mapping[str, str], spark: SparkSession, put: Callable[[str, str], object], *, technique: str
) -> dict[str, Any]:
    """Run the transform and return the manifest; it is written last, so a folder that has one is complete.

    Args:
        request: `ingestion`, `transform`, `run_id`, and the addresses of two blob folders, `source` and
            `data_location`; for a run for a window also `window_start` and `window_end`.
        put: writes a text to a URL.

    Raises:
        DeclarationError, InputError, ValueError: what is wrong with the transform, its input or an address.
        SparkError: what Spark or the storage refused.
    """
    with spark_io.java_messages():
        return _run(request, spark, put, technique)


def _run(
    request: Mapping[str, str], spark: SparkSession, put: Callable[[str, str], object], technique: str
) -> dict[str, Any]:
    measurement = Measurement()
    for name, value in spark_io.SETTINGS.items():
        spark.conf.set(name, value)
    window = Window.parse(request)
    declared, transform = declaration.load(request["transform"])
    source, target = spark_io.storage_url(request["source"]), spark_io.storage_url(request["data_location"])
    frames = {
        name: nw.from_native(spark_io.read_input(spark, declared_input, source))
        for name, declared_input in declared.inputs.items()
    }
    files = spark_io.write(spark, runner.run(declared, transform, frames, window).to_native(), target)
    written = spark.read.parquet(target)
    hashed = spark_io.content_sha256(written, declared)
    made = result.manifest(
        declared,
        rows=written.count(),
        files=files,
        content_sha256=hashed,
        ingestion=request["ingestion"],
        run_id=request["run_id"],
        data_location=request["data_location"],
        technique=technique,
        measured=measurement.taken(),
        source=request["source"],
        source_files=[{"path": each.path} for each in declared.inputs.values()],
        window=window,
    )
    put(target + result.NAME, json.dumps(made, indent=2))
    return made
