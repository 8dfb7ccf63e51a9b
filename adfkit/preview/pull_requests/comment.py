"""The comment of a stack: found by its marker and updated in place, else made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from adfkit.preview import markdown


class Outcome(StrEnum):
    """What became of a comment."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment as the host knows it; `id` is what the host needs to update it."""

    id: str
    body: str


class Host(Protocol):
    """Where pull requests are reviewed. Every method raises CommentError with what the host answered."""

    limit: int
    """The longest comment, in characters."""

    def comments(self) -> Iterator[Comment]:
        """All comments of the pull request, of all pages."""

    def create(self, body: str) -> None:
        """Add a comment."""

    def update(self, id: str, body: str) -> None:
        """Replace a comment's text."""


def marker(stack: str) -> str:
    """The first line of the stack's comment, which readers don't see."""
    return f"<!-- adfkit preview: stack {stack} -->"


def publish(host: Host, stack: str, report: str, *, full_report: str | None = None) -> Outcome:
    """Make the Markdown report of a stack its one comment, within the host's limit.

    `full_report` is the URL of the whole report, for what is left out.

    Raises:
        CommentError: the host refuses, or can't be reached.
    """
    first = marker(stack)
    link = f"\n\n[The full report]({full_report})\n" if full_report else ""
    body = f"{first}\n{markdown.shorten(report, host.limit - len(first) - 1 - len(link))}{link}"
    found = next((comment for comment in host.comments() if comment.body.startswith(first)), None)
    if found is None:
        host.create(body)
        return Outcome.CREATED
    if found.body.rstrip().replace("\r\n", "\n") == body.rstrip():  # hosts may store other line ends
        return Outcome.UNCHANGED
    host.update(found.id, body)
    return Outcome.UPDATED
