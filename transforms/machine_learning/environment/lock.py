"""Pin requirements.in in conda.yml, every package with its hashes: `python lock.py` in an environment that has uv.

conda hands the lines below `pip:` to pip as a requirements file, so hashes are checked on Azure as they are here.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import uv

FOLDER = Path(__file__).parent
HEADER = """\
# Written by lock.py from requirements.in. Do not edit.
name: ingestion
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - pip:
"""


def main() -> None:
    """Resolve with uv and write the lock beside its source."""
    options = ["--universal", "--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--quiet"]
    command = [uv.find_uv_bin(), "pip", "compile", "requirements.in", "--python-version", "3.11", *options]
    lines = subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, text=True).stdout
    requirements = lines.replace(" \\\n    ", "\n          ").splitlines()
    # a folded scalar makes one requirement of its lines
    text = "".join(f"      - >-\n          {line}\n" if "==" in line else f"{line}\n" for line in requirements)
    (FOLDER / "conda.yml").write_text(HEADER + text, encoding="utf-8")


if __name__ == "__main__":
    main()
