"""One task on its cluster: libraries, the workspace's files, and a process of its own that runs Spark."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import uv

from adfkit.local_azure.errors import AzureError, LocalAzureError
from adfkit.local_azure.identity.directory import MANAGED_IDENTITY_ENDPOINT
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.processes import original_environment
from adfkit.local_azure.python_environments import EnvironmentBuildError, PythonEnvironment, cache_folder
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.services.databricks import errors, libraries
from adfkit.local_azure.services.databricks.data_plane import APPLICATION_ID
from adfkit.local_azure.services.databricks.dbfs_api import dbfs_path
from adfkit.local_azure.services.databricks.places import home
from adfkit.local_azure.services.databricks.records import DIRECTORY, NOTEBOOK, Records
from adfkit.local_azure.services.databricks.run_states import WORKLOAD_FAILED
from adfkit.local_azure.services.databricks.secrets_api import resolve_references
from adfkit.local_azure.services.databricks.types import workspace_host
from adfkit.local_azure.services.databricks.workspace_api import normal
from adfkit.local_azure.spark import SparkEnvironment

Json = dict[str, Any]
RUNTIME_VERSION: Final = "17.3"
DRIVER: Final = Path(__file__).parent / "driver"
TAIL: Final = 2000
"""Characters of the driver's standard error that an error quotes."""
MAX_LOGS: Final = 5 * 1024 * 1024


OUTSIDE: Final = ("PATH", "HOME", "LANG", "TMPDIR", "XDG_", "UV_", "HTTP", "NO_PROXY", "ALL_PROXY", "SSL_CERT_")
"""Beginnings of the names of variables by which `%pip` finds packages; nothing else of this machine's goes there."""


class TaskFailedError(Exception):
    """A task that failed; `internal` where it did not come to run. `code` is the termination code."""

    def __init__(self, message: str, *, code: str = "", internal: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.internal = internal


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task runs, as whom, and on what."""

    platform: Platform
    records: Records
    workspace: Resource
    principal: Principal
    run: Json
    task: Json
    cluster: Json

    @property
    def key(self) -> str:
        return self.workspace.id.lower()

    @property
    def home(self) -> Path:
        """The workspace's folder."""
        return home(self.platform, self.key)

    @property
    def folder(self) -> Path:
        """The task's folder."""
        return self.home / "runs" / str(self.task["run_id"])

    def read(self, path: str) -> bytes:
        """A file of the workspace or of DBFS.

        Raises:
            AzureError: there is none.
            OSError: it can't be read.
        """
        if path.startswith("dbfs:/"):
            return dbfs_path(self.home, path).read_bytes()
        found = self.records.object(self.key, normal(path))
        if found is None or found.type == DIRECTORY:
            raise errors.not_found(f"File not found: {path}")
        return found.content


async def prepare(place: Place) -> tuple[PythonEnvironment, list[Path]]:
    """The environment of the task's libraries, and its jar files.

    Raises:
        TaskFailedError: a library that can't be had.
    """
    wanted = [*(place.cluster.get("libraries") or []), *(place.task.get("libraries") or [])]
    try:
        found = await asyncio.to_thread(libraries.plan, wanted, place.read, cache_folder() / "databricks")
        name = f"task '{place.task['task_key']}'"
        return await place.platform.environments.ensure(found.requirements, name=name), found.jars
    except (AzureError, OSError, UnicodeDecodeError, EnvironmentBuildError) as error:
        text = error.message if isinstance(error, AzureError) else str(error)
        message = f"Library installation failed: {text}"
        raise TaskFailedError(message, code="LIBRARY_INSTALLATION_ERROR", internal=True) from error


async def run(
    place: Place, environment: PythonEnvironment, jars: list[Path], identities: Mapping[str, Principal]
) -> Json:
    """Run the task's process to its end; what it gave. `identities`: who reads and writes in a storage account.

    Raises:
        TaskFailedError: the task's code failed, or its process died.
    """
    folder = place.folder
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    await asyncio.to_thread(_materialize, place)
    configuration = _configuration(place, jars)
    try:
        spark = await SparkEnvironment.prepare(
            place.platform, environment, folder, configuration=configuration, identities=identities
        )
    except LocalAzureError as error:
        raise TaskFailedError(str(error), code="CLUSTER_ERROR", internal=True) from error
    identity = place.platform.identity.endpoint_environment(place.principal, "batch")
    try:
        await _process(place, environment, spark.variables, identity["IDENTITY_HEADER"])
        return _result(place)
    finally:
        place.platform.identity.revoke_endpoint(identity)
        spark.revoke()
        for name in ("conf", "spark", "warehouse", "workspace", "packages"):
            await asyncio.to_thread(shutil.rmtree, folder / name, ignore_errors=True)
        _deliver_logs(place)


def _materialize(place: Place) -> None:
    """Write the workspace's tree as it is now: what the run reads does not change under it."""
    root = place.folder / "workspace"
    root.mkdir(parents=True)
    (place.folder / "packages").mkdir()
    for each in place.records.below(place.key, "/"):
        target = root / each.path.lstrip("/")
        if each.type == DIRECTORY:
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(each.content)


def _configuration(place: Place, jars: list[Path]) -> dict[str, str]:
    given = {str(name): str(value) for name, value in (place.cluster.get("spark_conf") or {}).items()}
    # how the work is spread over nodes means nothing on one machine
    spread = ("spark.master", "spark.databricks.cluster.profile", "spark.executor.instances")
    found = {name: _resolved(place, value) for name, value in given.items() if name not in spread}
    if jars:
        named = filter(None, (found.get("spark.jars"), *(path.as_uri() for path in jars)))
        found["spark.jars"] = ",".join(named)
    own = {"spark.local.dir": place.folder / "spark", "spark.sql.warehouse.dir": place.folder / "warehouse"}
    return {"spark.ui.showConsoleProgress": "false", **found, **{name: str(path) for name, path in own.items()}}


def _resolved(place: Place, value: str) -> str:
    try:
        return resolve_references(place.records, place.key, value)
    except AzureError as error:
        raise TaskFailedError(error.message, code="INVALID_CLUSTER_REQUEST", internal=True) from error


def _request(place: Place, secret: str, python: Path) -> Json:
    kind, path, parameters = _entry(place)
    objects = place.records.below(place.key, "/")
    outside = original_environment()
    found = {name: value for name, value in outside.items() if name.upper().startswith(OUTSIDE)}
    return {
        "kind": kind,
        "path": path,
        "parameters": parameters,
        "root": str(place.folder / "workspace"),
        "languages": {each.path: each.language for each in objects if each.type == NOTEBOOK},
        "dbfs": str(dbfs_path(place.home, "/")),
        "api": {
            "host": f"https://{workspace_host(place.workspace)}",
            "token_url": f"{MANAGED_IDENTITY_ENDPOINT}?api-version=2019-08-01&resource={APPLICATION_ID}",
            "token_secret": secret,
        },
        "install": [uv.find_uv_bin(), "pip", "install", "--quiet", "--color", "never", "--python", str(python)],
        "install_environment": found,
        "packages": str(place.folder / "packages"),
        "result": str(place.folder / "result.json"),
        "task_values": place.run["internal"].get("task_values") or {},
    }


def _entry(place: Place) -> tuple[str, str, Any]:
    task = place.task
    if notebook := task.get("notebook_task"):
        path = normal(str(notebook["notebook_path"]))
        found = place.records.object(place.key, path)
        if found is None or found.type != NOTEBOOK:
            message = f"Notebook not found: {notebook['notebook_path']}"
            raise TaskFailedError(message, code="RESOURCE_NOT_FOUND", internal=True)
        return "notebook", path, notebook.get("base_parameters") or {}
    if program := task.get("spark_python_task"):
        return "python", str(_program(place, str(program["python_file"]))), program.get("parameters") or []
    jar = task["spark_jar_task"]
    return "jar", jar["main_class_name"], jar.get("parameters") or []


def _program(place: Place, file: str) -> Path:
    """Where a Python file lies; one of the workspace among its neighbours, so that it can import them."""
    try:
        place.read(file)
    except (AzureError, OSError) as error:
        message = f"Cannot read the python file {file}. Please check that it exists."
        raise TaskFailedError(message, code="RESOURCE_NOT_FOUND", internal=True) from error
    if file.startswith("dbfs:/"):
        return dbfs_path(place.home, file)
    return place.folder / "workspace" / normal(file).lstrip("/")


async def _process(place: Place, environment: PythonEnvironment, spark: Mapping[str, str], secret: str) -> None:
    request = orjson.dumps(_request(place, secret, environment.python))
    folder = place.folder
    with (folder / "stdout").open("wb") as output, (folder / "stderr").open("wb") as error:
        process = await place.platform.processes.spawn(
            [str(environment.python), "-P", "-s", str(DRIVER / "__main__.py")],
            env={**_variables(place, environment), **spark},
            cwd=folder,
            stdin=asyncio.subprocess.PIPE,
            stdout=output.fileno(),
            stderr=error.fileno(),
        )
        try:
            await process.communicate(request)
        finally:
            await place.platform.processes.end(process)
            _end_group(process.pid)
    if not (folder / "result.json").exists():
        status = process.returncode or 0
        how = f"was killed by signal {-status}" if status < 0 else f"exited with code {status}"
        last = (folder / "stderr").read_text(encoding="utf-8", errors="replace").strip()[-TAIL:]
        place.records.put_output(place.task["run_id"], {"error": f"The driver {how}.", "error_trace": last})
        message = f"The spark driver has stopped unexpectedly: its process {how}."
        raise TaskFailedError(message, code="DRIVER_ERROR", internal=True)


def _end_group(leader: int) -> None:
    """End what a driver left behind: its Java, and what a notebook started. In Azure the cluster would end them."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def _variables(place: Place, environment: PythonEnvironment) -> dict[str, str]:
    base = place.platform.client_environment
    workspace = place.folder / "workspace"
    entry = (place.task.get("notebook_task") or {}).get("notebook_path") or (
        place.task.get("spark_python_task") or {}
    ).get("python_file", "/")
    beside = workspace if entry.startswith("dbfs:/") else workspace / normal(entry).lstrip("/").rpartition("/")[0]
    return {
        **base,
        "PATH": f"{environment.python.parent}{os.pathsep}{base['PATH']}",
        "PYTHONPATH": f"{place.folder / 'packages'}{os.pathsep}{beside}",  # for Spark's Python workers
        "PYTHONUNBUFFERED": "1",
        "DATABRICKS_RUNTIME_VERSION": RUNTIME_VERSION,
        **{
            str(name): _resolved(place, str(value))
            for name, value in (place.cluster.get("spark_env_vars") or {}).items()
        },
    }


def _result(place: Place) -> Json:
    found: Json = json.loads((place.folder / "result.json").read_bytes())
    if place.task.get("notebook_task") is None:
        text = (place.folder / "stdout").read_bytes()
        found["logs"] = text[-MAX_LOGS:].decode(errors="replace")
        found["logs_truncated"] = len(text) > MAX_LOGS
    place.records.put_output(place.task["run_id"], found)
    if "error" in found:
        raise TaskFailedError(WORKLOAD_FAILED)
    return found


def _deliver_logs(place: Place) -> None:
    """Copy the driver's streams to the DBFS folder that the cluster's `cluster_log_conf` names."""
    destination = ((place.cluster.get("cluster_log_conf") or {}).get("dbfs") or {}).get("destination")
    if not destination:
        return
    target = dbfs_path(place.home, f"{destination.rstrip('/')}/{place.task['cluster_instance']['cluster_id']}/driver")
    target.mkdir(parents=True, exist_ok=True)
    for name in ("stdout", "stderr"):
        if (place.folder / name).exists():
            shutil.copyfile(place.folder / name, target / name)
