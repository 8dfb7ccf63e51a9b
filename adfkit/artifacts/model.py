"""Data Factory artifacts: what kinds there are, and where each kind lives in templates, Git folders and ARM."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

from adfkit.artifacts.errors import ArtifactError

Json = dict[str, Any]


class Kind(Enum):
    """A kind of artifact, in the order in which kinds are deployed: what is referenced before what refers to it.

    The value is the name of the kind's folder in a factory's Git repository.
    https://learn.microsoft.com/azure/data-factory/source-control
    """

    CREDENTIAL = "credential"
    INTEGRATION_RUNTIME = "integrationRuntime"
    LINKED_SERVICE = "linkedService"
    DATASET = "dataset"
    DATA_FLOW = "dataflow"
    PIPELINE = "pipeline"
    TRIGGER = "trigger"

    @property
    def label(self) -> str:
        """What people call it, as in `linked service`."""
        return self.name.lower().replace("_", " ")

    @property
    def folder(self) -> str:
        """The folder of its templates, as in `linked_services`."""
        return {"CREDENTIAL": "credentials"}.get(self.name, self.name.lower() + "s")

    @property
    def reference_type(self) -> str:
        """The `type` of a reference to one, as in `LinkedServiceReference`."""
        return {"DATA_FLOW": "DataFlowReference", "CREDENTIAL": "CredentialReference"}.get(
            self.name, self.value[0].upper() + self.value[1:] + "Reference"
        )

    @property
    def arm_type(self) -> str:
        """The last segment of its ARM type below `Microsoft.DataFactory/factories`, as in `linkedservices`."""
        return {"INTEGRATION_RUNTIME": "integrationRuntimes"}.get(self.name, self.value.lower() + "s")


@dataclass(frozen=True, slots=True)
class Artifact:
    """One artifact: `properties` is what the service stores, `source` the file that it comes from."""

    kind: Kind
    name: str
    properties: Json
    source: str

    @property
    def key(self) -> tuple[Kind, str]:
        """What identifies it in a factory, where names are compared without case."""
        return self.kind, self.name.lower()

    def __str__(self) -> str:
        return f"{self.kind.label} {self.name}"


def canonical(value: Any) -> str:
    """JSON with sorted keys, without white space, whole numbers without a fraction: equal texts for equal values."""
    return json.dumps(_whole(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _whole(value: Any) -> Any:
    """The value with whole numbers as such: what passes through Pulumi comes back with every number a double."""
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def from_json(text: str, kind: Kind, source: str) -> Artifact:
    """An artifact from its JSON file: `{"name", "properties"}`.

    Raises:
        ArtifactError: it is no such JSON; the text names line and column.
    """
    try:
        document = json.loads(text, object_pairs_hook=_without_duplicates)
    except json.JSONDecodeError as error:
        line = text.splitlines()[error.lineno - 1].strip() if text.strip() else ""
        raise ArtifactError(
            f"{source}: no valid JSON: line {error.lineno}, column {error.colno}: {error.msg}: {line[:120]}"
        ) from None
    except _DuplicateKeyError as error:
        raise ArtifactError(f"{source}: the key {error.args[0]!r} stands twice in one object") from None
    if not isinstance(document, dict):
        raise ArtifactError(f"{source}: an artifact is an object with 'name' and 'properties', not {_named(document)}")
    name, properties = document.get("name"), document.get("properties")
    if not isinstance(name, str) or not name:
        raise ArtifactError(f"{source}: 'name' is missing or no text")
    if not isinstance(properties, dict):
        raise ArtifactError(f"{source}: {kind.label} {name}: 'properties' is missing or no object")
    return Artifact(kind, name, properties, source)


class _DuplicateKeyError(Exception):
    pass


def _without_duplicates(pairs: list[tuple[str, Any]]) -> Json:
    result: Json = {}
    for key, value in pairs:
        if key in result:
            raise _DuplicateKeyError(key)
        result[key] = value
    return result


def _named(value: Any) -> str:
    return {list: "an array", str: "a text", type(None): "null", bool: "a boolean"}.get(type(value), "a number")
