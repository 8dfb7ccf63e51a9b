"""A factory's artifacts in the layout of its Git repository: a folder a kind, a JSON file an artifact.

https://learn.microsoft.com/azure/data-factory/source-control
More lenient than what deploys artifacts: an artifact that is not used may be broken, and ARM templates are read too.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from adfkit.local_azure.services.data_factory.folder_runs.errors import FolderRunError
from adfkit.local_azure.services.data_factory.runtime.errors import ActivityFailure
from adfkit.local_azure.services.data_factory.runtime.factory import Kind

FOLDERS: Final[Mapping[Kind, str]] = {
    "pipelines": "pipeline",
    "datasets": "dataset",
    "linkedservices": "linkedservice",
    "dataflows": "dataflow",
    "credentials": "credential",
    "triggers": "trigger",
    "integrationRuntimes": "integrationruntime",
}
_ARM_TYPE: Final = re.compile(r"microsoft\.(datafactory/factories|synapse/workspaces)/(\w+)", re.IGNORECASE)
_ARM_NAME: Final = re.compile(r"'/?([^'/]+)'\s*\)\s*\]$")
_ARM_FORMAT: Final = re.compile(r"^\[format\('((?:[^']|'')*)'\)\]$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    properties: Mapping[str, Any]
    path: Path


class FolderArtifacts:
    """Reads each kind's folder once, when it is first asked for. Names are those inside of files, without case."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise FolderRunError(f"{folder}: there is no such folder")
        self.folder = folder
        self._kinds: dict[str, dict[str, _File]] = {}
        self._broken: dict[tuple[str, str], str] = {}
        """Why a file cannot be read, by kind and file name."""

    def find(self, kind: Kind, name: str) -> tuple[str, Mapping[str, Any]] | None:
        """The artifact's own name and `properties`, or None.

        Raises:
            ActivityFailure: the file of that name cannot be read.
        """
        found = self._kind(kind).get(name.lower())
        if found is not None:
            return found.name, found.properties
        broken = self._broken.get((kind, name.lower()))
        if broken is not None:
            raise ActivityFailure("BadRequest", broken)
        return None

    def pipeline(self, name: str) -> tuple[str, Mapping[str, Any]]:
        """A pipeline that must exist.

        Raises:
            FolderRunError: it does not, or cannot be read.
        """
        found = self._kind("pipelines").get(name.lower())
        if found is not None:
            return found.name, found.properties
        broken = self._broken.get(("pipelines", name.lower()))
        if broken is not None:
            raise FolderRunError(broken)
        names = self.names("pipelines")
        if not names:
            raise FolderRunError(
                f"{self.folder}: there are no pipelines here: a factory's folder holds pipeline/*.json"
            )
        close = difflib.get_close_matches(name, names, 1)
        instead = f"; did you mean '{close[0]}'?" if close else f"; there are {', '.join(names[:10])}"
        raise FolderRunError(f"{self.folder}: there is no pipeline '{name}'{instead}")

    def names(self, kind: Kind) -> list[str]:
        """The names of a kind's artifacts that can be read, sorted."""
        return sorted(file.name for file in self._kind(kind).values())

    def global_parameters(self) -> dict[str, Any]:
        """Values by name, from the files of `factory/` and `globalParameters/`."""
        declared: dict[str, Any] = {}
        for path in self._paths("factory"):
            for document in _documents(path):
                declared |= _mapping(_mapping(document.get("properties")).get("globalParameters"))
        for path in self._paths("globalparameters"):
            for document in _documents(path):
                declared |= _mapping(document.get("properties"))
        return {name: spec.get("value") for name, spec in declared.items() if isinstance(spec, Mapping)}

    def _kind(self, kind: Kind) -> dict[str, _File]:
        if kind not in self._kinds:
            self._kinds[kind] = {}
            for path in (*self._paths(FOLDERS[kind]), *self._paths(f"{FOLDERS[kind]}s")):
                self._read(kind, path)
            for path in sorted(self.folder.glob("*.json")):
                self._read(kind, path, templates_only=True)
        return self._kinds[kind]

    def _read(self, kind: Kind, path: Path, *, templates_only: bool = False) -> None:
        try:
            documents = list(_documents(path))
        except FolderRunError as error:
            self._broken[kind, path.stem.lower()] = str(error)
            return
        for document in documents:
            found = _artifact(document, kind, path, templates_only=templates_only)
            if found is not None:
                self._kinds[kind].setdefault(found.name.lower(), found)

    def _paths(self, folder: str) -> Iterator[Path]:
        for found in sorted(self.folder.iterdir()):
            if found.is_dir() and found.name.lower() == folder:
                yield from sorted(found.rglob("*.json"))


def _documents(path: Path) -> Iterator[Mapping[str, Any]]:
    """The artifacts in a file: the file itself, or the resources of an ARM template."""
    try:
        document = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise FolderRunError(f"{path}: no valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise FolderRunError(f"{path}: an artifact is a JSON object with 'name' and 'properties'")
    resources = document.get("resources")
    if isinstance(resources, list):
        yield from (resource for resource in resources if isinstance(resource, dict))
    else:
        yield document


def _artifact(document: Mapping[str, Any], kind: Kind, path: Path, *, templates_only: bool) -> _File | None:
    match = _ARM_TYPE.search(str(document.get("type", "")))
    if match is None and templates_only:
        return None
    if match is not None and match[2].lower() not in (kind.lower(), FOLDERS[kind]):
        return None
    properties = document.get("properties")
    if not isinstance(properties, Mapping):
        return None
    name = str(document.get("name") or path.stem)
    from_arm = name.startswith("[")
    if from_arm:
        inside = _ARM_NAME.search(name)
        name = inside[1] if inside else path.stem
    return _File(name, unwrapped(properties) if match is not None or from_arm else properties, path)


def unwrapped(value: Any) -> Any:
    """A value of an ARM template as the service gets it: `[[` is `[`, and `[format('...')]` its text."""
    if isinstance(value, dict):
        return {key: unwrapped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unwrapped(item) for item in value]
    if isinstance(value, str):
        match = _ARM_FORMAT.match(value)
        if match:
            return match[1].replace("''", "'").replace("{{", "{").replace("}}", "}")
        return value[1:] if value.startswith("[[") else value
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
