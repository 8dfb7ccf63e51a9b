"""A sample of an ingestion's real input, and what the transform takes on it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from adfkit.cli.project import CliError

LARGEST_SAMPLE: Final = 200_000
"""Rows of the input that decides; a quarter of them are measured too, so that what is per row can be told."""
REPEATS: Final = 2


@dataclass(frozen=True, slots=True)
class Input:
    """The files of a sample; `rows`, `bytes` and `partitions` are of the whole input that decides."""

    files: Mapping[int, Mapping[str, str]]
    rows: int
    bytes: int
    partitions: int


@dataclass(frozen=True, slots=True)
class Line:
    """What grows with the rows: `fixed + per_row * rows`."""

    fixed: float
    per_row: float

    def at(self, rows: int) -> float:
        """The value for so many rows."""
        return self.fixed + self.per_row * rows


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a run: wall seconds, seconds of one core, and bytes beyond those of the empty process."""

    seconds: Line
    cpu_seconds: Line
    bytes: Line


@dataclass(frozen=True, slots=True)
class Measured:
    """The stages of a run of the transform, on this machine, and the bytes of a process that has done nothing yet."""

    sample_rows: tuple[int, ...]
    base_bytes: int
    read: Stage
    transform: Stage
    complete: Stage

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)


def cut(transform: str, contents: Mapping[str, bytes], folder: Path) -> Input:
    """Write samples of the inputs into a folder: of the one that decides its first rows, of the others all.

    The one that decides is partitioned, or else the largest.

    Raises:
        CliError: an input is not what transform.toml declares.
    """
    from transforms.hosts import declaration, polars_io

    try:
        declared, _ = declaration.load(transform)
        frames = {name: polars_io.read_input(each, contents[name]).collect() for name, each in declared.inputs.items()}
    except (declaration.DeclarationError, polars_io.InputError) as error:
        raise CliError(str(error)) from error
    partitioned = [name for name, each in declared.inputs.items() if each.partitioned]
    decisive = max(partitioned or frames, key=lambda name: frames[name].height)
    frame = frames[decisive]
    if frame.height < 2:
        raise CliError(f"the input '{decisive}' has {frame.height} rows: too few to measure the transform on.")
    largest = min(frame.height, LARGEST_SAMPLE)
    files: dict[int, dict[str, str]] = {}
    for rows in sorted({max(1, largest // 4), largest}):
        files[rows] = {}
        for name, whole in frames.items():
            path = folder / f"{name}-{rows}.csv"
            (whole.head(rows) if name == decisive else whole).write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%SZ")
            files[rows][name] = str(path)
    of_sample = Path(files[largest][decisive]).stat().st_size
    partitions = frame.select(declared.partition_by).n_unique() if partitioned and declared.partition_by else 1
    return Input(files, frame.height, round(of_sample / largest * frame.height), partitions)


def measure(transform: str, sample: Input, tell: Callable[[str], None]) -> Measured:
    """Run the transform on the samples, each time in a process of its own; the best of a few runs counts.

    Raises:
        CliError: the transform fails on the sample.
    """
    found: dict[int, list[dict[str, Any]]] = {}
    for rows, files in sample.files.items():
        for _ in range(REPEATS):
            tell(f"Run the transform on {rows:,} rows ...")
            found.setdefault(rows, []).append(_probe(transform, files))
    base = min(run["base_bytes"] for runs in found.values() for run in runs)
    return Measured(
        tuple(found),
        base,
        _stage("read", found, base),
        _stage("transform", found, base),
        _stage("complete", found, base),
    )


def _stage(name: str, found: Mapping[int, list[dict[str, Any]]], base: int) -> Stage:
    def line(key: str, less: int = 0) -> Line:
        points = {rows: min(run[name][key] for run in runs) - less for rows, runs in found.items()}
        (few, least), (many, most) = min(points.items()), max(points.items())
        per_row = max(0.0, (most - least) / (many - few)) if many > few else most / many
        return Line(max(0.0, least - per_row * few), per_row)

    return Stage(line("seconds"), line("cpu_seconds"), line("peak_bytes", base))


def _probe(transform: str, files: Mapping[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "adfkit.cli.advise.probe"],
        input=json.dumps({"transform": transform, "inputs": files}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise CliError(f"the transform '{transform}' fails on the sample: {last[0]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result
