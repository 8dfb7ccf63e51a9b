"""Runs a transform once on files, as the hosts do, and tells what each stage took: `python -m adfkit.cli.advise.probe`.

A process of its own, so that nothing else is in its memory. Reads a JSON object from standard input: `transform`, and
the file of each of its `inputs`. Writes one: for `read`, `transform` and `complete` (the hash of the manifest) the
`seconds`, `cpu_seconds` and `peak_bytes`, and the `base_bytes` before them.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import narwhals.stable.v2 as nw

from transforms.hosts import declaration, manifest, polars_io, runner
from transforms.hosts.measure import Measurement

T = TypeVar("T")


def probe(transform: str, inputs: dict[str, str]) -> dict[str, Any]:
    """Run the stages, one after the other."""
    declared, function = declaration.load(transform)
    stages: dict[str, Any] = {"base_bytes": Measurement().taken()["peak_memory_bytes"]}

    def stage(name: str, work: Callable[[], T]) -> T:
        measurement, cpu = Measurement(), time.process_time()
        done = work()
        taken = measurement.taken()
        stages[name] = {
            "seconds": taken["seconds"],
            "cpu_seconds": time.process_time() - cpu,
            "peak_bytes": taken["peak_memory_bytes"],
        }
        return done

    def read() -> dict[str, Any]:
        return {
            name: nw.from_native(
                polars_io.read_input(replace(declared.inputs[name], path=path), Path(path).read_bytes())
            )
            for name, path in inputs.items()
        }

    frames = stage("read", read)

    def result() -> Any:
        made = polars_io.collect(runner.run(declared, function, frames).to_native())
        polars_io.to_parquet(made)
        return made

    made = stage("transform", result)
    frames.clear()
    stage("complete", lambda: manifest.content_sha256(made, declared))
    return stages


if __name__ == "__main__":
    print(json.dumps(probe(**json.load(sys.stdin))))
