"""A transform written in R: `transforms/<name>/transform.R` defines `transform(<input>, ...)` over data frames.

Frames go to Rscript and come back as CSV files: timestamps as texts of ISO 8601 in UTC, nulls as NA.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from shutil import which

import narwhals.stable.v2 as nw
import polars as pl

from transforms.hosts import declaration
from transforms.hosts.declaration import Transform
from transforms.hosts.polars_io import TYPES

FILE = "transform.R"
PROGRAM = Path(__file__).parent / "run_transform.R"
NULL = "NA"
TAIL = 2000


class RError(Exception):
    """An R transform that failed, or that cannot run since there is no Rscript."""


def transform(folder: Path) -> Transform:
    """The transform of a folder, as hosts call any transform."""
    declared = declaration.read(folder)
    schema = {column.name: TYPES[column.type] for column in declared.columns}

    def call(**frames: nw.LazyFrame) -> nw.LazyFrame:
        program = which("Rscript")
        if program is None:
            raise RError("There is no Rscript on this node: install R (Debian's r-base-core).")
        with tempfile.TemporaryDirectory() as place:
            for name, frame in frames.items():
                native: pl.LazyFrame = frame.to_native()
                native.collect().write_csv(Path(place) / f"{name}.csv", null_value=NULL)
            done = subprocess.run(
                [program, "--vanilla", str(PROGRAM), str(folder / FILE), place, *frames],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                raise RError(f"{folder.name}/{FILE} failed: {done.stderr.strip()[-TAIL:]}")
            result = pl.read_csv(Path(place) / "result.csv", schema_overrides=schema, null_values=[NULL])
        return nw.from_native(result.lazy())

    return call
