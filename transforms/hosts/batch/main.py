"""The program of a Batch task, started by a pipeline's Custom activity: `python -m transforms.hosts.batch.main`.

It reads what to do from `activity.json`, which Data Factory puts into the task's working directory, and tells what it
did in `outputs.json`, which Data Factory makes the activity's `customOutput`.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from azure.identity import DefaultAzureCredential

from transforms.hosts.batch import tasks
from transforms.hosts.batch.r_transform import RError
from transforms.hosts.blob_folder import StorageError
from transforms.hosts.declaration import DeclarationError
from transforms.hosts.ingestion import RequestError
from transforms.hosts.polars_io import InputError

KNOWN = (StorageError, DeclarationError, RequestError, InputError, RError)
"""Errors whose text says all; any other one is shown with its traceback."""


def main() -> None:
    """Do the step that the activity asks for."""
    folder = Path(os.environ["AZ_BATCH_TASK_WORKING_DIR"])
    _log_to_stdout()
    try:
        step = tasks.Step.parse(_properties(folder / "activity.json"))
        output = tasks.run(step, DefaultAzureCredential())
    except KNOWN as error:
        code = getattr(error, "code", type(error).__name__)
        sys.exit(f"{code}: {error}")
    (folder / "outputs.json").write_text(json.dumps(output), encoding="utf-8")
    logging.info("%s rows written to %s", output["rows"], step.request.data_location)


def _log_to_stdout() -> None:
    """Each line with its time, in UTC: who joins the logs of a run has no other to order them by."""
    format = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    format.converter = time.gmtime
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(format)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("azure").setLevel(logging.WARNING)  # its clients tell every request


def _properties(path: Path) -> dict[str, Any]:
    """The activity's `extendedProperties`."""
    try:
        properties: dict[str, Any] = json.loads(path.read_bytes())["typeProperties"]["extendedProperties"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(f"{path.name} can't be read: {type(error).__name__}: {error}") from error
    return properties


if __name__ == "__main__":
    main()
