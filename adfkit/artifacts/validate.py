"""Whether artifacts would be taken by the service and would run: everything that can be told before deploying them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from adfkit.artifacts.activities import check_activities
from adfkit.artifacts.errors import InvalidArtifactsError, Problem, Severity
from adfkit.artifacts.model import Artifact, Kind
from adfkit.artifacts.references import BUILT_IN, in_order, references

Check = Callable[[Artifact], Iterator[Problem]]
Index = dict[tuple[Kind, str], Artifact]

CHECKS: tuple[Check, ...] = (check_activities,)
"""Checks of one artifact by itself."""


def validate(artifacts: Sequence[Artifact]) -> list[Problem]:
    """Every problem of a set of artifacts that are to be one factory, in the order of the artifacts."""
    index = {artifact.key: artifact for artifact in artifacts}
    problems: list[Problem] = []
    for artifact in artifacts:
        problems.extend(_check_references(artifact, index))
        for check in CHECKS:
            problems.extend(check(artifact))
    return problems


def require_valid(artifacts: Sequence[Artifact]) -> list[Problem]:
    """Return the warnings of a set of artifacts.

    Raises:
        InvalidArtifactsError: there are errors; it lists all of them.
        ArtifactError: artifacts refer to each other in a circle.
    """
    problems = validate(artifacts)
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors:
        raise InvalidArtifactsError(errors)
    in_order(artifacts)
    return problems


def _check_references(artifact: Artifact, index: Index) -> Iterator[Problem]:
    for reference in references(artifact):
        if reference.key in BUILT_IN:
            continue
        target = index.get(reference.key)
        what = f"the {reference.kind.label} '{reference.name}'"
        if target is None:
            names = sorted(
                found.name
                for kind, found in ((key[0], value) for key, value in index.items())
                if kind is reference.kind
            )
            known = f"; there are {', '.join(names)}" if names else f"; there is no {reference.kind.label} at all"
            yield Problem(artifact.source, str(artifact), reference.path, f"{what} does not exist{known}")
        elif target.name != reference.name:
            yield Problem(
                artifact.source,
                str(artifact),
                reference.path,
                f"{what} is spelt '{target.name}' where it is declared",
                Severity.WARNING,
            )
