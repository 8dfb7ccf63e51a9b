"""A run in parts: each transforms some of the partitions into a file of its own, and at the end all are one result."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from transforms.hosts import manifest, polars_io, runner
from transforms.hosts.blob_folder import BlobFolder
from transforms.hosts.declaration import Declaration, Transform
from transforms.hosts.ingestion import Request
from transforms.hosts.measure import Measurement
from transforms.hosts.result import SourceFile


def file_name(part: int) -> str:
    """The file that a part writes."""
    return f"part-{part}.parquet"


def read(declared: Declaration, source: BlobFolder) -> dict[str, pl.LazyFrame]:
    """The inputs of a transform."""
    return {name: polars_io.read_input(each, source.read(each.path)) for name, each in declared.inputs.items()}


def partitions(declared: Declaration, frames: Mapping[str, pl.LazyFrame]) -> pl.DataFrame | None:
    """The values of `partition_by` that there are, in order; None for a transform without partitions."""
    partitioned = [name for name, each in declared.inputs.items() if each.partitioned]
    columns = list(declared.partition_by)
    if not columns or not partitioned:
        return None
    return pl.concat([frames[name].select(columns) for name in partitioned]).unique().sort(columns).collect()


def transform_part(
    declared: Declaration,
    transform: Transform,
    frames: Mapping[str, pl.LazyFrame],
    request: Request,
    *,
    part: int,
    parts: int,
) -> pl.DataFrame:
    """The rows of every `parts`-th partition from the one numbered `part` on; there may be none.

    A transform without partitions is the first part's alone.
    """
    mine = _share(declared, frames, part, parts)
    if mine is None:
        return pl.DataFrame(schema={column.name: polars_io.TYPES[column.type] for column in declared.columns})
    inputs = {name: nw.from_native(frame) for name, frame in mine.items()}
    return polars_io.collect(runner.run(declared, transform, inputs, request.window).to_native())


def complete(
    request: Request,
    declared: Declaration,
    target: BlobFolder,
    *,
    parts: int,
    technique: str,
    measurement: Measurement,
    source: BlobFolder,
    source_files: Iterable[SourceFile],
) -> dict[str, Any]:
    """Write the manifest of all parts' files; it is written last, so a folder that has one is complete.

    Args:
        source_files: what all parts read; where one was replaced in between, the manifest has it with both etags.
    """
    files = {file_name(part): target.read(file_name(part)) for part in range(parts)}
    rows = pl.concat([pl.read_parquet(io.BytesIO(content)) for content in files.values()])
    made = manifest.manifest(
        declared,
        rows,
        files,
        ingestion=request.ingestion,
        run_id=request.run_id,
        data_location=target.address,
        technique=technique,
        measurement=measurement,
        source=source.address,
        source_files=_distinct(source_files),
        window=request.window,
    )
    target.write(manifest.NAME, json.dumps(made, indent=2).encode())
    return made


def _distinct(files: Iterable[SourceFile]) -> list[SourceFile]:
    return list({(file["path"], file.get("etag")): file for file in files}.values())


def _share(
    declared: Declaration, frames: Mapping[str, pl.LazyFrame], part: int, parts: int
) -> dict[str, pl.LazyFrame] | None:
    """The frames with the part's partitions only, or None where there is none for it."""
    every = partitions(declared, frames)
    if every is None:
        return dict(frames) if part == 0 else None
    mine = every.gather_every(parts, part)
    if mine.is_empty():
        return None
    return {
        name: frame.join(mine.lazy(), on=mine.columns, how="semi", nulls_equal=True)
        if declared.inputs[name].partitioned
        else frame
        for name, frame in frames.items()
    }
