"""Reads a transform's inputs with Spark, and writes its result as Parquet; Spark never holds the whole in one place."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from py4j.protocol import Py4JJavaError
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from transforms.hosts import declaration, result
from transforms.hosts.declaration import Declaration, Input

TYPES: dict[str, T.DataType] = {
    "int64": T.LongType(),
    "float64": T.DoubleType(),
    "string": T.StringType(),
    "bool": T.BooleanType(),
    "timestamp": T.TimestampType(),
}
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}
"""What a session must have for values and files to be those of other engines."""


class InputError(Exception):
    """An input that is not what the declaration says."""


class SparkError(Exception):
    """What Spark, or the storage below it, refused: Java's own message, without its stack."""


@contextmanager
def java_messages() -> Iterator[None]:
    """Let an exception of Java end as its message, since it ends up in the error of a pipeline's activity.

    Raises:
        SparkError: instead of Py4J's error, which is its cause.
    """
    try:
        yield
    except Py4JJavaError as error:
        raise SparkError(error.java_exception.toString()) from error


def storage_url(address: str) -> str:
    """The `abfss://` URL of a blob folder's address; another URL is left as it is.

    `https://<account>.blob.<suffix>/<container>/<folder>/` is `abfss://<container>@<account>.dfs.<suffix>/<folder>/`.
    """
    parts = urlsplit(address)
    if parts.scheme != "https":
        return address
    account, _, suffix = parts.netloc.partition(".blob.")
    container, _, folder = parts.path.strip("/").partition("/")
    if not suffix or not container:
        raise ValueError(f"'{address}' is not the address of a blob folder: https://<account>/<container>/<folder>/")
    return f"abfss://{container}@{account}.dfs.{suffix}/{folder}".rstrip("/") + "/"


def read_input(spark: SparkSession, declared: Input, folder: str) -> DataFrame:
    """The declared columns of a CSV file, or of the one CSV file in a zip archive.

    Raises:
        InputError: it is no such file, or lacks a column.
    """
    url = folder + declared.path
    if declared.path.endswith(".zip"):
        lines = _unzipped(spark.read.format("binaryFile").load(url).first().content, declared.path)
        first, source = lines[0], spark.sparkContext.parallelize(lines[1:])
        header = False
    else:
        head = spark.read.text(url).first()
        first, source, header = (head.value if head else ""), url, True
    names = next(csv.reader([first]), [])
    missing = [column for column in declared.columns if column not in names]
    if missing:
        raise InputError(f"{declared.path} has no column {', '.join(missing)}; it has {', '.join(names)}.")
    return _typed(spark.read.csv(source, schema=_texts(names), header=header, mode="FAILFAST"), declared)


def _texts(names: list[str]) -> T.StructType:
    return T.StructType([T.StructField(name, T.StringType()) for name in names])


def _typed(frame: DataFrame, declared: Input) -> DataFrame:
    """Declared columns from texts; a text that is not of its column's type fails the run, as under other engines."""
    nulls = list(declared.null_values)

    def value(column: str, type: str) -> Column:
        text = F.col(column)
        return F.when(~text.isin(nulls), text).cast(TYPES[type]).alias(column)

    return frame.select(*(value(column, type) for column, type in declared.columns.items()))


def write(spark: SparkSession, frame: DataFrame, folder: str) -> dict[str, result.File]:
    """Write Parquet files in place of what the folder holds; returns them by their paths below it.

    Rows are in the order of their values, from file to file, as every host writes them.
    """
    frame.sort(*frame.columns).write.mode("overwrite").option("compression", "zstd").parquet(folder)
    written = spark.read.format("binaryFile").option("pathGlobFilter", "*.parquet").load(folder)
    rows = written.select("path", "length", F.unhex(F.sha2("content", 256)).alias("sha256")).collect()
    return {row.path.rpartition("/")[2]: result.File(row.length, bytes(row.sha256)) for row in rows}


def content_sha256(frame: DataFrame, declared: Declaration) -> str:
    """The hash over the data in canonical form, as `manifest.content_sha256` has it; rows reach the driver in parts."""
    values = [_canonical(column, declared.float_precision) for column in declared.columns]
    lines = frame.select(F.concat_ws(result.SEPARATOR, *values).alias("line")).sort("line")
    digest = hashlib.sha256(result.header(declared))
    for row in lines.toLocalIterator(prefetchPartitions=True):
        digest.update(row.line.encode() + b"\n")
    return digest.hexdigest()


def _canonical(column: declaration.Column, precision: int) -> Column:
    value = F.col(column.name)
    match column.type:
        case "float64":
            value = F.floor(value * 10**precision + F.lit(0.5))
        case "bool":
            value = value.cast("int")
        case "timestamp":
            value = F.unix_micros(value)
    return F.coalesce(value.cast("string"), F.lit(result.NULL))


def _unzipped(content: bytes, path: str) -> list[str]:
    """The lines; a line feed inside quotes is not supported, as in a file that Spark splits between tasks."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [name for name in archive.namelist() if name.endswith(".csv")]
            if len(members) != 1:
                raise InputError(f"{path}: the archive must hold one CSV file, it holds {len(members)}.")
            text = archive.read(members[0]).decode("utf-8-sig")
            return text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    except zipfile.BadZipFile as error:
        raise InputError(f"{path} can't be read: {error}") from error
