"""Whether artifacts would be taken by the service and would run: everything that can be told before deploying them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence

from adfkit.artifacts.activities import check_activities
from adfkit.artifacts.errors import InvalidArtifactsError, Problem, Severity
from adfkit.artifacts.expressions import check_expressions
from adfkit.artifacts.model import Artifact, Kind
from adfkit.artifacts.recurrence import check_time_zone
from adfkit.artifacts.references import BUILT_IN, in_order, references
from adfkit.artifacts.sdk_model import check_model

Check = Callable[[Artifact], Iterator[Problem]]
Index = dict[tuple[Kind, str], Artifact]

CHECKS: tuple[Check, ...] = (check_activities, check_model, check_expressions, check_time_zone)
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
            names = sorted(found.name for found in index.values() if found.kind is reference.kind)
            message = f"{what} does not exist{_instead(reference.name, names, reference.kind)}"
            yield Problem(artifact.source, str(artifact), reference.path, message)
        elif target.name != reference.name:
            message = f"{what} is spelt '{target.name}' where it is declared"
            yield Problem(artifact.source, str(artifact), reference.path, message, Severity.WARNING)


def _instead(name: str, names: list[str], kind: Kind) -> str:
    close = difflib.get_close_matches(name, names, 1)
    if close:
        return f"; did you mean '{close[0]}'?"
    if not names:
        return f"; there is no {kind.label} at all"
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"; there are {', '.join(names[:5])}{more}"
