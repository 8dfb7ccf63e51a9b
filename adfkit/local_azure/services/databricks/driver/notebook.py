"""Runs the cells of a notebook, one after another, in one set of names."""

from __future__ import annotations

import ast
import importlib
import linecache
import os
import posixpath
import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from . import source, sql
from .dbutils import DBUtils
from .workspace import Workspace

MAX_DEPTH = 20
ROWS_SHOWN = 20
CREDENTIALS_IN_URL = re.compile(r"(?<=://)[^/\s@]+@")


class Exit(Exception):
    """Raised by `dbutils.notebook.exit`: the notebook ends, and that is its value."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


class WorkflowError(Exception):
    """A notebook that another one ran failed or took too long."""


class InstallationError(Exception):
    """A package that could not be installed."""


class UnsupportedCellError(Exception):
    """A cell that does not run here."""


class Program:
    """A notebook about to run: its parameters, names and `dbutils`."""

    def __init__(
        self, workspace: Workspace, spark: SparkSession, path: str, parameters: dict[str, str], depth: int = 0
    ) -> None:
        self.workspace = workspace
        self.spark = spark
        self.path = path
        self._depth = depth
        self._count = 0
        self.dbutils = DBUtils(self, parameters)
        self.names: dict[str, Any] = {}
        self.reset()

    def reset(self) -> None:
        """Have only the names that a notebook begins with."""
        self.names.clear()
        self.names.update(
            __name__="__main__",
            __builtins__=__builtins__,
            spark=self.spark,
            sc=self.spark.sparkContext,
            dbutils=self.dbutils,
            display=display,
            displayHTML=print,
            getArgument=self.dbutils.widgets.getArgument,
            sql=self.spark.sql,
        )

    def run(self) -> str:
        """Run every cell; the value that it exits with, or nothing."""
        folder = self.workspace.file(posixpath.dirname(self.path))
        if folder.is_dir():
            os.chdir(folder)
            if str(folder) not in sys.path:
                sys.path.insert(0, str(folder))
        try:
            self.include(self.path)
        except Exit as ended:
            return ended.value
        return ""

    def include(self, path: str) -> None:
        """Run another notebook's cells among the names of this one, as `%run` does."""
        text, language = self.workspace.notebook(path)
        for cell in source.cells(text, language):
            self._cell(cell, path)

    def start(self, path: str, timeout_seconds: float, arguments: dict[str, str]) -> str:
        """Run another notebook with names of its own; the value that it exits with.

        Raises:
            WorkflowError: it failed, or took longer than so many seconds (0: as long as it takes).
        """
        if self._depth >= MAX_DEPTH:
            raise WorkflowError(f"Notebooks run one another more than {MAX_DEPTH} deep")
        target = self._resolve(path)
        inner = Program(self.workspace, self.spark, target, arguments, self._depth + 1)
        ended: dict[str, Any] = {}

        def work() -> None:
            try:
                ended["value"] = inner.run()
            except BaseException as error:  # noqa: BLE001 - handed to who waits
                ended["error"] = error

        before = Path.cwd()
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(timeout_seconds or None)
        os.chdir(before)
        if thread.is_alive():
            raise WorkflowError(f"TIMEDOUT: Notebook {target} ran longer than {timeout_seconds} seconds")
        if "error" in ended:
            error = ended["error"]
            raise WorkflowError(f"FAILED: Notebook {target}: {type(error).__name__}: {error}") from error
        return str(ended["value"])

    def _resolve(self, path: str) -> str:
        path = path.removeprefix("/Workspace") if path.startswith("/Workspace/") else path
        return posixpath.normpath(posixpath.join(posixpath.dirname(self.path), path))

    def _cell(self, cell: source.Cell, path: str) -> None:
        self._count += 1
        match cell.kind:
            case "PYTHON":
                self._python(cell.text, path)
            case "SQL":
                self._sql(cell.text)
            case "%md" | "%md-sandbox":
                pass
            case "%run":
                target, *arguments = shlex.split(cell.text.split("\n")[0])
                self.dbutils.widgets.give(dict(each.lstrip("$").split("=", 1) for each in arguments))
                self.include(self._resolve(target))
            case "%sh":
                self._shell(cell.text)
            case "%fs":
                command, *arguments = shlex.split(cell.text)
                display(getattr(self.dbutils.fs, command)(*arguments))
            case "%pip":
                self._pip(cell.text)
            case other:
                what = other if other.startswith("%") else f"%{other.lower()}"
                raise UnsupportedCellError(f"Local Azure does not run cells of the kind {what}")

    def _python(self, text: str, path: str) -> None:
        name = f"<{posixpath.basename(path)}, command {self._count}>"
        lines: list[str] = []
        for line in text.split("\n"):
            word = line.split(maxsplit=1)[0] if line.strip() else ""
            if word == "%pip":  # a line of its own among others
                self._pip(line.partition("%pip")[2].strip())
                line = ""
            lines.append(line)
        text = "\n".join(lines)
        linecache.cache[name] = (len(text), None, [line + "\n" for line in lines], name)
        tree = ast.parse(text, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec"), self.names)  # noqa: S102 - what a notebook is for
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), self.names)  # noqa: S307
            if value is not None:
                print(repr(value))

    def _sql(self, text: str) -> None:
        values = self.dbutils.widgets.getAll()
        for statement in sql.statements(text):
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            found = self.spark.sql(statement, args=used)
            self.names["_sqldf"] = found
            display(found)

    def _shell(self, text: str) -> None:
        strict = text.startswith("-e")
        done = subprocess.run(
            ["bash", "-c", text.removeprefix("-e")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        print(done.stdout.decode(errors="replace"), end="")
        if strict and done.returncode:
            raise subprocess.CalledProcessError(done.returncode, "%sh")

    def _pip(self, text: str) -> None:
        command, *arguments = shlex.split(text.replace("\n", " "))
        if command != "install":
            raise UnsupportedCellError(f"Local Azure does not run '%pip {command}'; it has '%pip install'")
        done = subprocess.run(
            [*self.workspace.install, "--target", self.workspace.packages, *arguments],
            env=self.workspace.install_environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        text = CREDENTIALS_IN_URL.sub("***@", done.stdout.decode(errors="replace"))
        print(text, end="")
        if done.returncode:
            raise InstallationError(f"%pip install {' '.join(arguments)} failed: {text.strip()}")
        if self.workspace.packages not in sys.path:
            sys.path.insert(0, self.workspace.packages)
        importlib.invalidate_caches()


def display(value: Any, *_: Any, **__: Any) -> None:
    """Show a value: the first rows of a frame, else its text."""
    if isinstance(value, DataFrame):
        if value.columns:
            value.show(ROWS_SHOWN, truncate=False)
    elif value is not None:
        print(value)
