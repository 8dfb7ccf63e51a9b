"""Templates to artifacts: Jinja2 with every undefined value an error that names file and line.

A template folder holds `linked_services/`, `datasets/`, `data_flows/`, `pipelines/`, `triggers/` with `*.json.j2`
files, one artifact each, and `macros/` that they import. A template named `ingestion` is rendered once an ingestion,
which it sees as `ingestion`. A template that renders to nothing yields no artifact.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    Undefined,
)

from adfkit.artifacts.errors import ArtifactError
from adfkit.artifacts.model import Artifact, Kind, from_json

SUFFIX = ".json.j2"
PER_INGESTION = "ingestion"


def render(
    templates: Path, values: Mapping[str, Any], ingestions: Mapping[str, Mapping[str, Any]] | None = None
) -> list[Artifact]:
    """Render every template of a folder with `values`; ingestions are values by name.

    Raises:
        ArtifactError: a template is broken, uses what is not defined, or yields no valid JSON; the text names file and
            line. Two artifacts of one kind with one name are an error too.
    """
    if not templates.is_dir():
        raise ArtifactError(f"{templates}: there is no such folder of templates")
    environment = _environment(templates)
    artifacts: dict[tuple[Kind, str], Artifact] = {}
    for kind, path in _templates(templates):
        for artifact in _render(environment, templates, path, kind, values, ingestions or {}):
            other = artifacts.setdefault(artifact.key, artifact)
            if other is not artifact:
                raise ArtifactError(f"{artifact.source}: {artifact} is rendered by {other.source} too")
    return list(artifacts.values())


def _templates(folder: Path) -> Iterator[tuple[Kind, Path]]:
    for kind in Kind:
        for path in sorted((folder / kind.folder).glob(f"*{SUFFIX}")):
            yield kind, path


def _render(
    environment: Environment,
    folder: Path,
    path: Path,
    kind: Kind,
    values: Mapping[str, Any],
    ingestions: Mapping[str, Mapping[str, Any]],
) -> Iterator[Artifact]:
    source = f"{folder.name}/{path.relative_to(folder).as_posix()}"
    name = path.name.removesuffix(SUFFIX)
    contexts: list[tuple[str, dict[str, Any]]] = [(source, dict(values))]
    if name == PER_INGESTION:
        contexts = [
            (f"{source} (ingestion {key})", {**values, "ingestion": {"name": key, **ingestion}})
            for key, ingestion in ingestions.items()
        ]
    for where, context in contexts:
        text = _text(environment, folder, path, where, context)
        if text.strip():
            yield from_json(text, kind, where)


def _text(environment: Environment, folder: Path, path: Path, where: str, context: dict[str, Any]) -> str:
    try:
        return environment.get_template(path.relative_to(folder).as_posix()).render(context)
    except TemplateSyntaxError as error:
        file = f"{folder.name}/{error.name}" if error.name else where
        raise ArtifactError(f"{file}:{error.lineno}: {error.message}") from None
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise ArtifactError(f"{_line(error, folder, where)}: {_cause(error)}") from None


def _line(error: Exception, folder: Path, where: str) -> str:
    """The template line that raised: the innermost frame of the traceback that lies in a template."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(str(folder))]
    if not frames:
        return where
    file = Path(frames[-1].filename).relative_to(folder).as_posix()
    ingestion = where.partition(" ")[2]
    return f"{folder.name}/{file}:{frames[-1].lineno}" + (f" {ingestion}" if ingestion else "")


def _cause(error: Exception) -> str:
    if isinstance(error, TemplateNotFound):
        return f"there is no template '{error.name}'"
    return str(error) if isinstance(error, TemplateError) else f"{type(error).__name__}: {error}"


def _environment(folder: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  JSON, not HTML: the filter `json` quotes
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["json"] = _json
    environment.filters["json_text"] = _json_text
    return environment


def _json(value: Any) -> str:
    """The value as JSON, quoted where it is a text."""
    return json.dumps(_defined(value), ensure_ascii=False)


def _json_text(value: Any) -> str:
    """The value as indented JSON, for a body that is itself a text: filter the result by `json`."""
    return json.dumps(_defined(value), ensure_ascii=False, indent=2)


def _defined(value: Any) -> Any:
    if isinstance(value, Undefined):
        str(value)  # raises the error that names the undefined value
    return value
