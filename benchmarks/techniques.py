"""Seconds and memory of each technique that the stack `local` has an ingestion of, beside the transform alone.

    python -m benchmarks.techniques [--rows 10000000] [--ingestions flights flights_batch ...]

Deploys the stack `local` to a local Azure of its own, runs each ingestion of `flights` once on the sample (which builds
environments), once more on the sample, and once on the sample replicated to so many rows. Seconds are from the start of
the pipeline's run to the call of its machine learning pipeline, which is not waited for. Core seconds, which tell more
on a machine that is not idle, and memory are of all processes of local Azure, the storage emulator included; memory is
the most that they had at once beyond what they had before the run. Alone, the transform reads and writes local files:
on Polars in this environment, and in plain pandas in one that uv makes for it. Everything is removed at the end.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import psutil

if TYPE_CHECKING:
    from adfkit.cli.platform import Platform

ROOT = Path(__file__).parent.parent
PANDAS = ("--with", "pandas", "--with", "pyarrow")
MACHINE_LEARNING = "InvokeMachineLearning"
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Row:
    """One measurement."""

    what: str
    rows: int
    seconds: float
    core_seconds: float
    peak_bytes: int


class FailedError(Exception):
    """A run that failed, which is a result too: the technique can't do it here."""


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows to replicate the sample to")
    parser.add_argument("--ingestions", nargs="*", help="only these ingestions of the stack")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="adfkit-benchmark-") as name:
        sample, large = Path(name) / "sample", Path(name) / "large"
        rows = _replicate(sample, large, given.rows)
        print("| what | rows | seconds | core seconds | memory, MiB |\n|---|---:|---:|---:|---:|")
        for folder in (sample, large):
            for engine in ("polars", "pandas"):
                _print(_alone(engine, folder))
        with _local_azure(Path(name) / "local") as platform:
            for ingestion in given.ingestions or list(platform.ingestions):
                try:
                    _upload(platform, sample)
                    _run(platform, ingestion, rows["sample"])
                    _print(_run(platform, ingestion, rows["sample"]))
                    _upload(platform, large)
                    _print(_run(platform, ingestion, rows["large"]))
                except FailedError as error:
                    print(f"| {error} | | | | |", flush=True)


def _print(row: Row) -> None:
    memory = f"{row.peak_bytes / 2**20:,.0f}"
    print(f"| {row.what} | {row.rows:,} | {row.seconds:.1f} | {row.core_seconds:.1f} | {memory} |", flush=True)


def _replicate(sample: Path, large: Path, rows: int) -> dict[str, int]:
    """Write the sample, and the same with its flights repeated, as the files that land; how many rows each has."""
    from adfkit.cli.sample import sample_folder

    sample.mkdir()
    large.mkdir()
    for name in ("flights.csv.zip", "weather.csv"):
        for folder in (sample, large):
            (folder / name).write_bytes((sample_folder() / name).read_bytes())
    with zipfile.ZipFile(io.BytesIO((sample / "flights.csv.zip").read_bytes())) as archive:
        (member,) = [each for each in archive.namelist() if each.endswith(".csv")]
        header, *lines = archive.read(member).splitlines(keepends=True)
    with (
        zipfile.ZipFile(large / "flights.csv.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("flights.csv", "w") as target,
    ):
        target.write(header)
        whole, rest = divmod(rows, len(lines))
        body = b"".join(lines)
        for _ in range(whole):
            target.write(body)
        target.write(b"".join(lines[:rest]))
    return {"sample": len(lines), "large": rows}


def _alone(engine: str, folder: Path) -> Row:
    """The transform alone, in a process of its own."""
    program = ["-m", "benchmarks.alone", engine, str(folder)]
    uv = Path(sys.executable).with_name("uv")
    line = [sys.executable, *program] if engine == "polars" else [str(uv), "run", "--no-project", *PANDAS, "python"]
    line += [] if engine == "polars" else program
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"the transform alone failed on {engine}:\n{done.stderr}")
    took = json.loads(done.stdout)
    return Row(f"alone, {engine}", took["rows"], took["seconds"], took["cpu"], took["peak"])


@contextmanager
def _local_azure(folder: Path) -> Iterator[Platform]:
    """The stack `local`, deployed to a local Azure in a folder, and this process pointed at it."""
    from adfkit.cli.runs import connect

    with mock.patch.dict(os.environ, {"ADFKIT_LOCAL_FOLDER": str(folder)}):
        try:
            _adfkit("up", "--yes")
            yield connect("local")
        finally:
            _adfkit("local", "stop")


def _adfkit(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from adfkit.cli.main import main; main()", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"adfkit {' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}")


def _upload(platform: Platform, folder: Path) -> None:
    for name in ("flights.csv.zip", "weather.csv"):
        with (folder / name).open("rb") as content:
            platform.blobs.get_blob_client("landing", f"flights/{name}").upload_blob(content, overwrite=True)


def _run(platform: Platform, name: str, rows: int) -> Row:
    """Run an ingestion up to its machine learning call, and cancel it there."""
    from adfkit.cli import pipeline_runs

    ingestion = platform.ingestion(name)
    with Watch() as watch:
        run_id = pipeline_runs.start_run(platform, ingestion)
        while True:
            activities = {each.activity_name: each for each in pipeline_runs.activity_runs(platform, run_id)}
            failed = [each for each in activities.values() if each.status == "Failed"]
            if failed:
                said = str((failed[0].error or {}).get("message", "")).splitlines()
                raise FailedError(f"{ingestion.technique} (`{name}`) fails: {said[0] if said else 'no reason given'}")
            if MACHINE_LEARNING in activities:
                break
            time.sleep(POLL_SECONDS)
    while activities[MACHINE_LEARNING].activity_run_end is None:
        time.sleep(POLL_SECONDS)
        activities = {each.activity_name: each for each in pipeline_runs.activity_runs(platform, run_id)}
    group, factory = platform.output("resource_group"), platform.output("factory")
    run = platform.data_factory.pipeline_runs.get(group, factory, run_id)
    platform.data_factory.pipeline_runs.cancel(group, factory, run_id)
    _cancel_jobs(platform)
    seconds = (activities[MACHINE_LEARNING].activity_run_start - run.run_start).total_seconds()
    return Row(f"{ingestion.technique} (`{name}`)", rows, seconds, watch.core_seconds, watch.peak)


def _cancel_jobs(platform: Platform) -> None:
    """End the machine learning jobs, which a cancelled pipeline leaves running."""
    from azure.ai.ml import MLClient

    names = ("subscription_id", "resource_group", "machine_learning_workspace")
    jobs = MLClient(platform.credential, *(platform.output(name) for name in names)).jobs
    for job in jobs.list():
        if job.status not in ("Completed", "Failed", "Canceled"):
            jobs.begin_cancel(job.name).result()


class Watch:
    """Watches what local Azure's processes take: the most memory beyond what they had, and seconds of cores."""

    def __init__(self) -> None:
        from adfkit.local_azure import daemon

        self._gateway = psutil.Process(daemon.status(Path(os.environ["ADFKIT_LOCAL_FOLDER"])).pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_often, daemon=True)
        self.peak = 0
        self.core_seconds = 0.0

    def __enter__(self) -> Watch:
        self._before, self._cpu_before = self._now()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look_often(self) -> None:
        while not self._ended.wait(0.1):
            memory, cpu = self._now()
            self.peak = max(self.peak, memory - self._before)
            self.core_seconds = max(self.core_seconds, cpu - self._cpu_before)

    def _now(self) -> tuple[int, float]:
        memory, cpu = 0, 0.0
        for process in (self._gateway, *self._gateway.children(recursive=True)):
            try:
                memory += process.memory_info().rss
                cpu += sum(process.cpu_times()[:4])  # of itself, and of those that it started and that have ended
            except psutil.NoSuchProcess:
                continue
        return memory, cpu


if __name__ == "__main__":
    main()
