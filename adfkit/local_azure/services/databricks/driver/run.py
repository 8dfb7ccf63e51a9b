"""One task: reads its request from standard input, runs it, and writes its result to a file, whole or not at all."""

from __future__ import annotations

import json
import os
import runpy
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from pyspark.sql import SparkSession

from .notebook import Exit, Program
from .redaction import Redacting
from .workspace import Workspace

MAX_ERROR = 10_000
"""Characters of an error that are kept; Java's may hold a whole plan."""
MAX_RESULT = 5 * 1024 * 1024


@dataclass
class Request:
    """What the service asks for, as it writes it."""

    kind: str
    path: str
    parameters: Any
    root: str
    languages: dict[str, str]
    dbfs: str
    api: dict[str, str]
    install: list[str]
    install_environment: dict[str, str]
    packages: str
    result: str
    task_values: dict[str, dict[str, Any]] = field(default_factory=dict)


def main() -> None:
    """Run the task; the exit code is 0 wherever a result was written."""
    request = Request(**json.load(sys.stdin))
    workspace = Workspace(request)
    sys.stdout = Redacting(sys.stdout, workspace.secrets)
    sys.stderr = Redacting(sys.stderr, workspace.secrets)
    result: dict[str, Any] = {}
    try:
        spark = SparkSession.builder.getOrCreate()
        result = _RUNNERS[request.kind](request, workspace, spark)
    except BaseException as error:  # noqa: BLE001 - whatever ends the task is its result
        result = failure(error)
    result["task_values"] = workspace.task_values
    target = Path(request.result)
    partial = target.with_suffix(".partial")
    partial.write_text(workspace.secrets.redact(json.dumps(result)), encoding="utf-8")
    partial.rename(target)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # what the task left running (threads, Java) ends with it


def failure(error: BaseException) -> dict[str, Any]:
    """The error as a person reads it, and the frames of the task's own code."""
    name, text = type(error).__name__, str(error)
    own = str(Path(__file__).parent)
    shown = traceback.TracebackException.from_exception(error)
    each: traceback.TracebackException | None = shown
    while each is not None:
        each.stack = traceback.StackSummary.from_list([f for f in each.stack if not f.filename.startswith(own)])
        each = each.__cause__ or each.__context__
    trace = "".join(shown.format())
    print(trace, file=sys.stderr)
    return {"error": (f"{name}: {text}" if text else name)[:MAX_ERROR], "error_trace": trace[-MAX_ERROR:]}


def notebook(request: Request, workspace: Workspace, spark: SparkSession) -> dict[str, Any]:
    """Run a notebook; its result is what it exits with."""
    program = Program(workspace, spark, request.path, request.parameters)
    main_module = ModuleType("__main__")
    main_module.__dict__.update(program.names)
    program.names = main_module.__dict__
    sys.modules["__main__"] = main_module  # so that what a notebook defines can be pickled
    value = program.run()
    encoded = value.encode()
    return {"result": encoded[:MAX_RESULT].decode(errors="ignore"), "truncated": len(encoded) > MAX_RESULT}


def python(request: Request, workspace: Workspace, spark: SparkSession) -> dict[str, Any]:
    """Run a Python file with its parameters as arguments."""
    names = {"spark": spark, "sc": spark.sparkContext, "dbutils": Program(workspace, spark, request.path, {}).dbutils}
    sys.argv = [request.path, *request.parameters]
    sys.path.insert(0, str(Path(request.path).parent))
    try:
        runpy.run_path(request.path, init_globals=names, run_name="__main__")
    except SystemExit as ended:
        if ended.code not in (None, 0):
            raise RuntimeError(f"The program ended with {ended.code}") from ended
    except Exit:
        return {}
    return {}


def jar(request: Request, _: Workspace, spark: SparkSession) -> dict[str, Any]:
    """Run the main method of a Java or Scala class."""
    java: Any = spark._jvm
    arguments = spark._sc._gateway.new_array(java.java.lang.String, len(request.parameters))
    for index, value in enumerate(request.parameters):
        arguments[index] = value
    loader = java.java.lang.Thread.currentThread().getContextClassLoader()
    found = java.java.lang.Class.forName(request.path, True, loader)
    kinds = spark._sc._gateway.new_array(java.java.lang.Class, 1)
    kinds[0] = arguments.getClass()
    values = spark._sc._gateway.new_array(java.java.lang.Object, 1)
    values[0] = arguments
    found.getMethod("main", kinds).invoke(None, values)
    return {}


_RUNNERS = {"notebook": notebook, "python": python, "jar": jar}
