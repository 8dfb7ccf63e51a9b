"""A transform written in R: `transforms/<name>/transform.R` defines `transform(<input>, ...)` over data frames.

Frames go to Rscript and come back as CSV files, in UTF-8. In R an int64 or float64 is numeric (so whole numbers are
exact to 2^53), a string is character, a bool is logical, and a timestamp is a character of ISO 8601 in UTC, such as
2013-01-01T10:00:00.000000Z; null is NA. Nothing but R itself is needed, as Debian's r-base-core has it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from shutil import which

import narwhals.stable.v2 as nw
import polars as pl

from transforms.hosts import declaration
from transforms.hosts.declaration import Declaration, Transform
from transforms.hosts.polars_io import TYPES

FILE = "transform.R"
PROGRAM = Path(__file__).parent / "run_transform.R"
NULL = r"\N"
"""What stands for null in the files: no text of a country, say, as NA is."""
TIMESTAMP = "%Y-%m-%dT%H:%M:%S%.6fZ"
TAIL = 2000


class RError(Exception):
    """An R transform that failed or returned what was not declared, or that cannot run since there is no Rscript."""


def transform(folder: Path) -> Transform:
    """The transform of a folder, as hosts call any transform."""
    declared = declaration.read(folder)

    def call(**frames: nw.LazyFrame) -> nw.LazyFrame:
        with tempfile.TemporaryDirectory() as place:
            for name, frame in frames.items():
                _write(frame.to_native().collect(), Path(place), name)
            _run_r(folder, place, *frames)
            return nw.from_native(_read(Path(place) / "result.csv", declared).lazy())

    return call


def _write(frame: pl.DataFrame, place: Path, name: str) -> None:
    """A frame as `<name>.csv`, and the classes of its columns in R as `<name>.classes.csv`."""
    classes = [_class(type) for type in frame.dtypes]
    pl.DataFrame({"column": frame.columns, "class": classes}).write_csv(place / f"{name}.classes.csv")
    texts = frame.with_columns(pl.col(pl.Datetime).dt.to_string(TIMESTAMP))
    texts.write_csv(place / f"{name}.csv", null_value=NULL)


def _class(type: pl.DataType) -> str:
    if type.is_numeric():
        return "numeric"
    return "logical" if type == pl.Boolean else "character"


def _run_r(folder: Path, place: str, *inputs: str) -> None:
    program = which("Rscript")
    if program is None:
        raise RError("There is no Rscript on this node: install R (Debian's r-base-core).")
    done = subprocess.run(
        [program, "--vanilla", str(PROGRAM), str(folder / FILE), place, *inputs],
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RError(f"{folder.name}/{FILE} failed: {(done.stderr or done.stdout).strip()[-TAIL:]}")


def _read(path: Path, declared: Declaration) -> pl.DataFrame:
    """The declared columns of R's result; one that is missing is told by who runs the transform."""
    texts = pl.read_csv(path, infer_schema=False, null_values=[NULL])
    columns = [column for column in declared.columns if column.name in texts.columns]
    frame = texts.select(column.name for column in columns)
    for column in columns:
        try:
            frame = frame.with_columns(_typed(column.name, column.type))
        except pl.exceptions.PolarsError as error:
            raise RError(f"{declared.name}/{FILE} returned no {column.type} in '{column.name}': {error}") from error
    return frame


def _typed(name: str, type: str) -> pl.Expr:
    value = pl.col(name)
    match type:
        case "bool":
            return value.replace_strict({"TRUE": True, "FALSE": False}, return_dtype=pl.Boolean)
        case "timestamp":
            return value.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", time_zone="UTC")
    return value.cast(TYPES[type])
