"""A transform's declaration (`transform.toml`): what the hosts must know of it, checked when it is read."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import narwhals.stable.v2 as nw

TRANSFORMS = Path(__file__).parent.parent
CODE = (".py", ".R", ".toml")
"""Suffixes of the files that make a transform."""
GROUPS = ("known", "outcome", "label")
"""Known when a prediction is made, so may be a feature; known only later; what is to be predicted."""
TYPES: Mapping[str, Any] = {
    "int64": nw.Int64(),
    "float64": nw.Float64(),
    "string": nw.String(),
    "bool": nw.Boolean(),
    "timestamp": nw.Datetime("us", "UTC"),
}


class DeclarationError(Exception):
    """A transform that is not there, or whose declaration is wrong."""


class Transform(Protocol):
    """The function `transform` of a transform's module: one frame an input, by the input's name."""

    def __call__(self, **frames: nw.LazyFrame) -> nw.LazyFrame:
        """The result, with at least the declared columns."""


@dataclass(frozen=True, slots=True)
class Input:
    """One file of the source: a CSV file, or a zip archive of one."""

    path: str
    columns: Mapping[str, str]
    partitioned: bool
    null_values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the result: its type (a key of `TYPES`) and one of `GROUPS`."""

    name: str
    type: str
    group: str


@dataclass(frozen=True, slots=True)
class Training:
    """What a model is to learn from the result: the label, its features, and the column that orders rows in time."""

    label: str
    time: str
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Declaration:
    """What `transform.toml` says; `code_version` is the SHA-256 over the transform's own files.

    `window_by` is the timestamp column of the result by which a run for a window takes its rows; None where the
    transform runs for the whole source only.
    """

    name: str
    inputs: Mapping[str, Input]
    columns: tuple[Column, ...]
    partition_by: tuple[str, ...]
    float_precision: int
    code_version: str
    training: Training | None
    window_by: str | None = None


def load(name: str) -> tuple[Declaration, Transform]:
    """The declaration and the function of the transform `transforms/<name>`.

    Raises:
        DeclarationError: no such transform here; the text names those that are.
    """
    folder = TRANSFORMS / name
    if not name.isidentifier() or not (folder / "transform.toml").is_file():
        present = ", ".join(sorted(path.parent.name for path in TRANSFORMS.glob("*/transform.toml"))) or "none"
        raise DeclarationError(f"There is no transform '{name}' here. Present: {present}.")
    package = __name__.rsplit(".", 2)[0]
    if find_spec(f"{package}.{name}.transform") is None:
        raise DeclarationError(f"The transform '{name}' has no transform.py beside its transform.toml.")
    transform: Transform = import_module(f"{package}.{name}.transform").transform
    return read(folder), transform


def read(folder: Path) -> Declaration:
    """Read and check the declaration of a transform's folder.

    Raises:
        DeclarationError: a key is missing, or a value is not one of those allowed.
    """
    try:
        text = tomllib.loads((folder / "transform.toml").read_text(encoding="utf-8"))
        columns = tuple(
            Column(column, _known(type, TYPES), _known(group, GROUPS))
            for group, columns in text["output"].items()
            for column, type in columns.items()
        )
        return Declaration(
            name=text["name"],
            inputs={name: _input(fields) for name, fields in text["inputs"].items()},
            columns=columns,
            partition_by=tuple(text["partition_by"]),
            float_precision=int(text["float_precision"]),
            code_version=_code_version(folder),
            training=_training(text["training"], columns) if "training" in text else None,
            window_by=_window_by(text["window_by"], columns) if "window_by" in text else None,
        )
    except KeyError as error:
        raise DeclarationError(f"{folder.name}/transform.toml: the key {error} is missing.") from error
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise DeclarationError(f"{folder.name}/transform.toml: {error}") from error


def _input(fields: Mapping[str, Any]) -> Input:
    return Input(
        path=fields["path"],
        columns={column: _known(type, TYPES) for column, type in fields["columns"].items()},
        partitioned=bool(fields.get("partitioned", False)),
        null_values=tuple(fields.get("null_values", ())),
    )


def _training(fields: Mapping[str, Any], columns: tuple[Column, ...]) -> Training:
    """Refuses a feature that is known only after the prediction, and a label that is no label."""
    in_group = {group: [column.name for column in columns if column.group == group] for group in GROUPS}
    known = tuple(in_group["known"])
    return Training(
        label=_known(fields["label"], tuple(in_group["label"])),
        time=_known(fields["time"], known),
        features=tuple(_known(feature, known) for feature in fields["features"]),
    )


def _window_by(name: str, columns: tuple[Column, ...]) -> str:
    if not any(column.name == name and column.type == "timestamp" for column in columns):
        raise ValueError(f"window_by: '{name}' is no timestamp of the output.")
    return name


def _known(value: str, allowed: Mapping[str, Any] | tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(f"'{value}' is not one of {', '.join(allowed)}.")
    return value


def _code_version(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in CODE):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
