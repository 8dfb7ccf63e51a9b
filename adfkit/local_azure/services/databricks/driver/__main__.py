"""Starts the driver as a package of its own name, so that a notebook's imports meet nothing of it."""

import importlib.util
import sys
from pathlib import Path

NAME = "databricks_driver"

if __name__ == "__main__":
    folder = Path(__file__).parent
    spec = importlib.util.spec_from_file_location(
        NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None  # noqa: S101 - a file of ours
    sys.modules[NAME] = importlib.util.module_from_spec(spec)
    importlib.import_module(f"{NAME}.run").main()
