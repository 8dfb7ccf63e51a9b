"""The kinds of steps: a task transforms some of the partitions, and one more completes the result of all.

Where one task is all there is, it does both.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure.core.credentials import TokenCredential

from transforms.hosts import declaration, ingestion, parts, polars_io
from transforms.hosts.batch import r_transform
from transforms.hosts.blob_folder import BlobFolder
from transforms.hosts.declaration import Declaration, Transform
from transforms.hosts.ingestion import Request, RequestError
from transforms.hosts.measure import Measured, Measurement

TECHNIQUE = "batch"
STARTED, PEAK_MEMORY, SOURCE_FILES = "started", "peak_memory_bytes", "source_files"
"""What a part's blob says of the task that wrote it: seconds since 1970, bytes, and JSON."""


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
    if step.task is not None:
        return transform_part(step, step.task, declared, transform, source, target)
    written = [target.metadata(parts.file_name(task)) for task in range(step.tasks)]
    return parts.complete(
        step.request,
        declared,
        target,
        parts=step.tasks,
        technique=TECHNIQUE,
        measurement=OverTasks(written),
        source=source,
        source_files=[file for task in written for file in json.loads(task[SOURCE_FILES])],
    )


def load(name: str) -> tuple[Declaration, Transform]:
    """The declaration and the function of a transform, which may be written in R here.

    Raises:
        DeclarationError: there is no such transform.
    """
    folder = declaration.TRANSFORMS / name
    if name.isidentifier() and (folder / r_transform.FILE).is_file() and (folder / "transform.toml").is_file():
        return declaration.read(folder), r_transform.transform(folder)
    return declaration.load(name)


def transform_part(
    step: Step, task: int, declared: Declaration, transform: Transform, source: BlobFolder, target: BlobFolder
) -> dict[str, Any]:
    """Transform the task's share of the partitions, and write it as one file, which may be empty."""
    started, measurement = time.time(), Measurement()
    frames = parts.read(declared, source)
    rows = parts.transform_part(declared, transform, frames, step.request, part=task, parts=step.tasks)
    content = polars_io.to_parquet(rows)
    taken = {
        STARTED: str(started),
        PEAK_MEMORY: str(measurement.taken()["peak_memory_bytes"]),
        SOURCE_FILES: json.dumps(source.files_read),
    }
    name = parts.file_name(task)
    target.write(name, content, taken)  # not within the file: the same rows make the same file
    return {"task": task, "rows": rows.height, "file": name}


class OverTasks(Measurement):
    """Measures this process after those of the tasks: the time since the first began, the most that one needed."""

    def __init__(self, written: list[dict[str, str]]) -> None:
        super().__init__()
        self._written = written

    def taken(self) -> Measured:
        """What all have taken until now."""
        began = min(float(each[STARTED]) for each in self._written)
        peaks = [int(each[PEAK_MEMORY]) for each in self._written]
        peak = max(*peaks, super().taken()["peak_memory_bytes"])
        return Measured(seconds=round(time.time() - began, 3), peak_memory_bytes=peak)
