"""What the templates of data flows are told of the transforms that they stand for, from `transform.toml`."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pulumi

PROJECT = Path(__file__).resolve().parent.parent
TRANSFORMS = PROJECT / "transforms"
TEMPLATES = PROJECT / "adf_templates"
SHARED = "macros/data_flow.json.j2"


def declared(transforms: Sequence[str]) -> dict[str, dict[str, Any]]:
    """For each transform its inputs, output columns with their types, and the part of the manifest that it settles.

    Raises:
        pulumi.RunError: a transform or its data flow is not there, or a data flow cannot read its inputs; the text
            names the file.
    """
    return {name: _declared(name) for name in transforms}


def _declared(name: str) -> dict[str, Any]:
    declaration, template = TRANSFORMS / name / "transform.toml", TEMPLATES / "data_flows" / f"{name}.json.j2"
    for path, kind in ((declaration, "transform"), (template, "data flow for the transform")):
        if not path.is_file():
            raise pulumi.RunError(f"{path.relative_to(PROJECT)}: there is no such file, so no {kind} '{name}'")
    text = tomllib.loads(declaration.read_text("utf-8"))
    output = {column: (type, group) for group, columns in text["output"].items() for column, type in columns.items()}
    return {
        "inputs": {key: _input(name, key, fields) for key, fields in text["inputs"].items()},
        "columns": {column: type for column, (type, _) in output.items()},
        "float_precision": text["float_precision"],
        "window_by": text.get("window_by"),
        "manifest": {
            "source_files": [{"path": fields["path"]} for fields in text["inputs"].values()],
            "code_version": _code_version(declaration, template),
            "float_precision": text["float_precision"],
            "schema": [{"name": column, "type": type, "group": group} for column, (type, group) in output.items()],
            **({"training": text["training"]} if "training" in text else {}),
        },
    }


def _input(transform: str, name: str, fields: dict[str, Any]) -> dict[str, Any]:
    """A zip archive is unpacked first: data flows read none. They know one text beside the empty one for null."""
    nulls = [value for value in fields.get("null_values", []) if value]
    if len(nulls) > 1:
        raise pulumi.RunError(
            f"transforms/{transform}/transform.toml: inputs.{name}.null_values: a data flow takes one text, not {nulls}"
        )
    folder, _, file = str(fields["path"]).rpartition("/")
    return {
        "folder": folder,
        "file": file,
        "is_archive": file.endswith(".zip"),
        "null_value": nulls[0] if nulls else "",
        "columns": fields["columns"],
    }


def _code_version(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in (*paths, TEMPLATES / SHARED):
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
