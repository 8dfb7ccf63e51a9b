"""Artifacts from a folder in the layout of a factory's Git repository: a folder a kind, a JSON file an artifact.

https://learn.microsoft.com/azure/data-factory/source-control
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from adfkit.artifacts.errors import ArtifactError, Problem, Severity
from adfkit.artifacts.model import Artifact, Kind, from_json


def load(folder: Path) -> tuple[list[Artifact], list[Problem]]:
    """The artifacts of a folder, and warnings where a file is named otherwise than its artifact.

    Raises:
        ArtifactError: a file is no valid artifact, two declare the same one, or the folder holds none; the text names
            the files.
    """
    artifacts: dict[tuple[Kind, str], Artifact] = {}
    warnings: list[Problem] = []
    for kind, path in _files(folder):
        source = path.relative_to(folder).as_posix()
        artifact = from_json(_text(path, source), kind, source)
        other = artifacts.setdefault(artifact.key, artifact)
        if other is not artifact:
            raise ArtifactError(f"{source}: {artifact} is declared in {other.source} too")
        if path.stem != artifact.name:
            message = f"the file is named '{path.stem}'; the service goes by the name inside"
            warnings.append(Problem(source, str(artifact), "$", message, Severity.WARNING))
    if not artifacts:
        folders = ", ".join(f"{kind.value}/" for kind in Kind)
        raise ArtifactError(f"{folder}: no artifacts here: a factory's folder holds some of {folders}")
    return list(artifacts.values()), warnings


def _files(folder: Path) -> Iterator[tuple[Kind, Path]]:
    folders = {path.name.lower(): path for path in folder.iterdir() if path.is_dir()} if folder.is_dir() else {}
    for kind in Kind:
        found = folders.get(kind.value.lower())
        if found:
            yield from ((kind, path) for path in sorted(found.glob("*.json")))


def _text(path: Path, source: str) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")  # the service's own exports begin with a byte-order mark
    except UnicodeDecodeError as error:
        raise ArtifactError(f"{source}: no valid UTF-8 at byte {error.start}") from None
