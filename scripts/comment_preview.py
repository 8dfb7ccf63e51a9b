#!/usr/bin/env python
"""Make a stack's preview its one comment on the pull request that a pipeline runs for (GitHub, Azure DevOps).

The report is what `adfkit preview --format markdown --out FILE` writes. The comment is updated in place, always within
the host's limit, and links the run, whose artifacts should hold the whole report.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from adfkit.preview.pull_requests import AzureDevOps, CommentError, GitHub, Host, azure_devops, github, publish


def main(
    stack: Annotated[str, typer.Option("--stack", "-s", help="The stack that the report is of.")],
    report: Annotated[Path, typer.Option("--report", help="The report, in Markdown.")],
) -> None:
    """Publish the report; without the right to comment, as on a pull request from a fork, say so and succeed."""
    try:
        text = report.read_text(encoding="utf-8")
    except OSError as error:
        _fail(f"--report: {report} can't be read: {error.strerror}. `adfkit preview --out {report}` writes it.")
    try:
        host, full_report = _host()
        if host is None:
            print(f"No token for comments, as on a pull request from a fork: the report is in {report}.")
            return
        outcome = publish(host, stack, text, full_report=full_report)
    except CommentError as error:
        if error.forbidden and _is_fork():
            print(f"The token of a fork's pull request may not comment: the report is in {report}.")
            return
        _fail(str(error))
    print(f"The comment of the stack '{stack}' is {outcome}.")


def _host() -> tuple[Host | None, str | None]:
    if "GITHUB_REPOSITORY" in os.environ:
        return GitHub.of_environment(os.environ), github.run_url(os.environ)
    if "SYSTEM_COLLECTIONURI" in os.environ:
        return AzureDevOps.of_environment(os.environ), azure_devops.run_url(os.environ)
    raise CommentError("Neither GITHUB_REPOSITORY nor SYSTEM_COLLECTIONURI is set: run this in a pipeline of either.")


def _is_fork() -> bool:
    return github.is_fork(os.environ) or os.environ.get("SYSTEM_PULLREQUEST_ISFORK", "").lower() == "true"


def _fail(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
