"""How long `make up` takes on a fresh clone and on the second run, and where the time went.

    python -m benchmarks.make_up [--cold]

Clones the repository's HEAD into a temporary folder and runs `make up` there twice. With --cold the caches of uv, npm
and adfkit start empty, so that every package is fetched again. Everything is removed at the end.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

PHASES = re.compile(r"([a-z][a-z ]*?) ([0-9.]+) s(?:,|$)")


def main() -> None:
    """Measure and print a table of seconds in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cold", action="store_true", help="start with empty caches")
    cold = parser.parse_args().cold
    source = Path(__file__).parent.parent
    with tempfile.TemporaryDirectory(prefix="adfkit-benchmark-") as name:
        folder = Path(name)
        clone = folder / "clone"
        subprocess.run(["git", "clone", "--quiet", str(source), str(clone)], check=True)
        environment = dict(os.environ)
        for variable in ("VIRTUAL_ENV", "ADFKIT_LOCAL_FOLDER"):
            environment.pop(variable, None)
        if cold:
            environment |= {
                "UV_CACHE_DIR": str(folder / "uv"),
                "ADFKIT_CACHE": str(folder / "adfkit"),
                "npm_config_cache": str(folder / "npm"),
                "PIP_NO_CACHE_DIR": "1",
            }
        try:
            first, second = (_make_up(clone, environment) for _ in range(2))
        finally:
            subprocess.run(["make", "clean"], cwd=clone, env=environment, check=False, capture_output=True)
    print("| phase | fresh clone, s | second run, s |\n|---|---:|---:|")
    for phase in [*first, *(phase for phase in second if phase not in first)]:
        print(f"| {phase} | {first.get(phase, 0):.1f} | {second.get(phase, 0):.1f} |")


def _make_up(clone: Path, environment: dict[str, str]) -> dict[str, float]:
    began = time.monotonic()
    done = subprocess.run(["make", "up"], cwd=clone, env=environment, capture_output=True, text=True, check=False)
    total = time.monotonic() - began
    if done.returncode != 0:
        raise SystemExit(f"make up failed:\n{done.stdout}\n{done.stderr}")
    line = next(line for line in reversed(done.stderr.splitlines()) if "start local azure" in line)
    phases = {name: float(seconds) for name, seconds in PHASES.findall(line)}
    return {"set up .venv, start Python": total - sum(phases.values()), **phases, "**all**": total}


if __name__ == "__main__":
    main()
