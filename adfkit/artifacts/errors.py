"""What is wrong with artifacts: each problem says where it is, and what to do where that is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Whether a problem stops a deployment."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `path` is a JSON path in the artifact, `$` for the whole of it."""

    source: str
    artifact: str
    path: str
    message: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        where = self.artifact if self.path == "$" else f"{self.artifact}: {self.path}"
        return f"{self.source}: {where}: {self.message}"


class ArtifactError(Exception):
    """Artifacts that cannot be rendered, loaded, deployed; the text names file, artifact and cause."""


class InvalidArtifactsError(ArtifactError):
    """Artifacts with problems, all of them listed."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
