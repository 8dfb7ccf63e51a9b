"""The kinds of steps: a task transforms some of the partitions, and one more completes the result of all.

Where one task is all there is, it does both.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
from azure.core.credentials import TokenCredential

from transforms.hosts import declaration, ingestion, manifest, polars_io, runner
from transforms.hosts.batch import r_transform
from transforms.hosts.blob_folder import BlobFolder
from transforms.hosts.declaration import Declaration, Transform
from transforms.hosts.ingestion import Request, RequestError
from transforms.hosts.measure import Measured, Measurement
from transforms.hosts.window import Window

TECHNIQUE = "batch"
STARTED, PEAK_MEMORY = "started", "peak_memory_bytes"
"""What a part's blob says of the task that wrote it: seconds since 1970, and bytes."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one task does: transform the partitions of `task` (of `tasks`, counted from 0), or complete all (None)."""

    request: Request
    tasks: int
    task: int | None

    @classmethod
    def parse(cls, properties: Mapping[str, Any]) -> Step:
        """Check and take the properties.

        Raises:
            RequestError: one is missing or of a wrong kind.
        """
        request = Request.parse(properties)
        try:
            tasks = int(properties["tasks"])
            task = None if properties.get("task") is None else int(properties["task"])
        except (KeyError, TypeError, ValueError) as error:
            raise RequestError("'tasks', and 'task' if given, must be whole numbers.") from error
        if tasks < 1 or not (task is None or 0 <= task < tasks):
            raise RequestError(f"There is no task {task} of {tasks}.")
        return cls(request, tasks, task)


def run(step: Step, credential: TokenCredential) -> dict[str, Any]:
    """Do the step; returns what the activity's output shall hold, `rows` at least.

    Raises:
        DeclarationError, InputError, StorageError, RequestError, RError: what is wrong with the transform, its input,
            the storage or the request.
    """
    if step.task is None and step.tasks == 1:
        return ingestion.run(step.request, credential, technique=TECHNIQUE, load=load)
    try:
        source = BlobFolder(step.request.source, credential)
        target = BlobFolder(step.request.data_location, credential)
    except ValueError as error:
        raise RequestError(str(error)) from error
    declared, transform = load(step.request.transform)
    if step.task is None:
        return complete(step, declared, target)
    return transform_part(declared, transform, step.task, step.tasks, source, target, step.request.window)


def load(name: str) -> tuple[Declaration, Transform]:
    """The declaration and the function of a transform, which may be written in R here.

    Raises:
        DeclarationError: there is no such transform.
    """
    folder = declaration.TRANSFORMS / name
    if name.isidentifier() and (folder / r_transform.FILE).is_file() and (folder / "transform.toml").is_file():
        return declaration.read(folder), r_transform.transform(folder)
    return declaration.load(name)


def part(task: int) -> str:
    """The file that a task writes."""
    return f"part-{task}.parquet"


def transform_part(
    declared: Declaration,
    transform: Transform,
    task: int,
    tasks: int,
    source: BlobFolder,
    target: BlobFolder,
    window: Window | None = None,
) -> dict[str, Any]:
    """Transform the task's share of the partitions, and write it as one file, which may be empty."""
    started, measurement = time.time(), Measurement()
    frames = {
        name: polars_io.read_input(declared_input, source.read(declared_input.path))
        for name, declared_input in declared.inputs.items()
    }
    mine = share(declared, frames, task, tasks)
    if mine is None:
        rows = pl.DataFrame(schema={column.name: polars_io.TYPES[column.type] for column in declared.columns})
    else:
        given = {name: nw.from_native(frame) for name, frame in mine.items()}
        rows = polars_io.collect(runner.run(declared, transform, given, window).to_native())
    content = polars_io.to_parquet(rows)
    taken = {STARTED: str(started), PEAK_MEMORY: str(measurement.taken()["peak_memory_bytes"])}
    target.write(part(task), content, taken)  # not within the file: the same rows make the same file
    return {"task": task, "rows": rows.height, "file": part(task)}


def share(
    declared: Declaration, frames: Mapping[str, pl.LazyFrame], task: int, tasks: int
) -> dict[str, pl.LazyFrame] | None:
    """The frames with the rows of every `tasks`-th partition, or None where there is no partition for this task.

    A transform without partitions is the first task's alone.
    """
    partitioned = [name for name, each in declared.inputs.items() if each.partitioned]
    columns = list(declared.partition_by)
    if not columns or not partitioned:
        return dict(frames) if task == 0 else None
    keys = pl.concat([frames[name].select(columns) for name in partitioned]).unique().sort(columns).collect()
    mine = keys.gather_every(tasks, task)
    if mine.is_empty():
        return None
    return {
        name: frame.join(mine.lazy(), on=columns, how="semi", nulls_equal=True) if name in partitioned else frame
        for name, frame in frames.items()
    }


class OverTasks(Measurement):
    """Measures this process after those of the tasks: the time since the first began, the most that one needed."""

    def __init__(self, parts: list[dict[str, str]]) -> None:
        super().__init__()
        self._parts = parts

    def taken(self) -> Measured:
        """What all have taken until now."""
        began = min(float(each[STARTED]) for each in self._parts)
        peaks = [int(each[PEAK_MEMORY]) for each in self._parts]
        peak = max(*peaks, super().taken()["peak_memory_bytes"])
        return Measured(seconds=round(time.time() - began, 3), peak_memory_bytes=peak)


def complete(step: Step, declared: Declaration, target: BlobFolder) -> dict[str, Any]:
    """Write the manifest of all tasks' files; it is written last, so a folder that has one is complete."""
    parts = [part(task) for task in range(step.tasks)]
    measurement = OverTasks([target.metadata(path) for path in parts])
    files = {path: target.read(path) for path in parts}
    rows = pl.concat([pl.read_parquet(io.BytesIO(content)) for content in files.values()])
    made = manifest.manifest(
        declared,
        rows,
        files,
        ingestion=step.request.ingestion,
        run_id=step.request.run_id,
        data_location=target.address,
        technique=TECHNIQUE,
        measurement=measurement,
        window=step.request.window,
    )
    target.write(manifest.NAME, json.dumps(made, indent=2).encode())
    return made
