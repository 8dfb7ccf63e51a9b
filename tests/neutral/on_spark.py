"""The cases on Spark: prints what they give, as JSON on the last line. Run by the interpreter of the Spark host."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import narwhals.stable.v2 as nw
from pyspark.sql import SparkSession
from pyspark.sql import types as T

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

import cases  # noqa: E402 - beside Spark there is no package of tests

from transforms.hosts.databricks.spark_io import SETTINGS, TYPES  # noqa: E402

SMALL = {
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",  # compiling takes longer than eight rows do
}
builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
for name, value in (SMALL | SETTINGS).items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()


def frame(rows: list[tuple[object, ...]], columns: dict[str, str]) -> nw.LazyFrame:
    schema = T.StructType([T.StructField(name, TYPES[type]) for name, type in columns.items()])
    return nw.from_native(spark.createDataFrame(rows, schema))


try:
    print(json.dumps(cases.outcomes(frame(cases.ROWS, cases.COLUMNS), frame(cases.OTHER_ROWS, cases.OTHER_COLUMNS))))
finally:
    spark.stop()
