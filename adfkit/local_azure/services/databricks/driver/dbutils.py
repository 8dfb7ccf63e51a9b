"""`dbutils` of a notebook: https://docs.databricks.com/aws/en/dev-tools/databricks-utils"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from .filesystem import FileSystem

if TYPE_CHECKING:
    from .notebook import Program
    from .workspace import Workspace

AT_START = frozenset(sys.modules)


class InputWidgetNotDefined(Exception):
    """A widget that is neither a parameter of the run nor made by the notebook."""


class DBUtils:
    """What a notebook reaches as `dbutils`."""

    def __init__(self, program: Program, parameters: dict[str, str]) -> None:
        self.widgets = Widgets(parameters)
        self.notebook = Notebook(program)
        self.fs = FileSystem(program.spark, program.workspace.dbfs)
        self.secrets = SecretUtils(program.workspace)
        self.jobs = Jobs(program.workspace)
        self.library = Library(program)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"Local Azure does not have dbutils.{name}")


class Widgets:
    """Parameters of a run; one that is not given has the default that the notebook declares."""

    def __init__(self, given: dict[str, str]) -> None:
        self._given = {name: str(value) for name, value in given.items()}
        self._defaults: dict[str, str] = {}

    def give(self, values: dict[str, str]) -> None:
        """Set values as parameters do."""
        self._given.update(values)

    def text(self, name: str, defaultValue: str = "", label: str = "") -> None:
        """Declare a text."""
        self._defaults[name] = str(defaultValue)

    def dropdown(self, name: str, defaultValue: str, choices: list[str], label: str = "") -> None:
        """Declare a choice."""
        if defaultValue not in choices:
            raise ValueError(f"The default '{defaultValue}' of the widget '{name}' is not among its choices")
        self._defaults[name] = str(defaultValue)

    combobox = multiselect = dropdown

    def get(self, name: str) -> str:
        """The value of a widget."""
        if name in self._given:
            return self._given[name]
        if name in self._defaults:
            return self._defaults[name]
        raise InputWidgetNotDefined(f"No input widget named {name} is defined")

    def getArgument(self, name: str, defaultValue: str | None = None) -> str:
        """The value of a widget, or the default."""
        try:
            return self.get(name)
        except InputWidgetNotDefined:
            if defaultValue is None:
                raise
            return defaultValue

    def getAll(self) -> dict[str, str]:
        """Every widget and its value."""
        return {**self._defaults, **self._given}

    def remove(self, name: str) -> None:
        """Forget a widget."""
        self._defaults.pop(name, None)

    def removeAll(self) -> None:
        """Forget every widget."""
        self._defaults.clear()


class Notebook:
    """Run another notebook, and end this one."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def exit(self, value: Any = "") -> None:
        """End the notebook with a value."""
        from .notebook import Exit

        raise Exit(str(value))

    def run(self, path: str, timeout_seconds: int = 0, arguments: dict[str, Any] | None = None, **_: Any) -> str:
        """Run another notebook and return the value that it exits with."""
        given = {name: str(value) for name, value in (arguments or {}).items()}
        return self._program.start(path, timeout_seconds, given)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"Local Azure does not have dbutils.notebook.{name}")


class SecretUtils:
    """Secrets of the workspace's scopes; their values are not shown in what a notebook writes."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def get(self, scope: str, key: str) -> str:
        """The value of a secret."""
        return self._workspace.secret(scope, key)

    def getBytes(self, scope: str, key: str) -> bytes:
        """The value of a secret as bytes."""
        return self._workspace.secret(scope, key).encode()

    def listScopes(self) -> list[Any]:
        """The scopes."""
        return list(self._workspace.call("secrets/scopes/list").get("scopes") or [])

    def list(self, scope: str) -> Any:
        """The names of a scope's secrets."""
        return self._workspace.call("secrets/list", scope=scope).get("secrets") or []


class Jobs:
    """What tasks of one run tell each other."""

    def __init__(self, workspace: Workspace) -> None:
        self.taskValues = TaskValues(workspace)


class TaskValues:
    """Values that a task sets for those that depend on it."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def set(self, key: str, value: Any) -> None:
        """Set a value that JSON can hold."""
        json.dumps(value)
        self._workspace.task_values[key] = value

    def get(self, taskKey: str, key: str, default: Any = None, debugValue: Any = None) -> Any:
        """The value that another task has set."""
        values = self._workspace.given_values.get(taskKey) or {}
        if key not in values and default is None:
            raise ValueError(f"Task '{taskKey}' has set no value '{key}', and there is no default")
        return values.get(key, default)


class Library:
    """Python libraries of the notebook."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def restartPython(self) -> None:
        """Begin anew: no names, and modules are imported again."""
        for name in set(sys.modules) - AT_START - {"__main__"}:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if file.startswith(self._program.workspace.packages):
                del sys.modules[name]
        self._program.reset()
