"""Comments of a GitHub pull request.

https://docs.github.com/rest/issues/comments
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from adfkit.preview.pull_requests.comment import Comment
from adfkit.preview.pull_requests.rest import CommentError, Rest

LIMIT = 65_536
PULL_REQUEST = re.compile(r"refs/pull/(\d+)/")


class GitHub:
    """The comments of one pull request."""

    limit = LIMIT

    def __init__(self, rest: Rest, api: str, repository: str, number: int) -> None:
        self._rest = rest
        self._api = f"{api.rstrip('/')}/repos/{repository}/issues"
        self._number = number

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> GitHub | None:
        """The pull request that a workflow runs for; None without a token, which a fork's workflow doesn't get.

        Raises:
            CommentError: the workflow runs for no pull request.
        """
        number = _number(environment)
        token = environment.get("GITHUB_TOKEN")
        if not token:
            return None
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        api = environment.get("GITHUB_API_URL", "https://api.github.com")
        return cls(Rest(headers), api, environment["GITHUB_REPOSITORY"], number)

    def comments(self) -> Iterator[Comment]:
        """All comments, page by page, as the Link header leads."""
        url: str | None = f"{self._api}/{self._number}/comments?per_page=100"
        while url:
            response = self._rest.request("GET", url)
            for comment in response.json():
                yield Comment(str(comment["id"]), comment.get("body") or "")
            url = response.links.get("next", {}).get("url")

    def create(self, body: str) -> None:
        """Add a comment."""
        self._rest.request("POST", f"{self._api}/{self._number}/comments", {"body": body})

    def update(self, id: str, body: str) -> None:
        """Replace a comment's text."""
        self._rest.request("PATCH", f"{self._api}/comments/{id}", {"body": body})


def run_url(environment: Mapping[str, str]) -> str | None:
    """The page of the workflow run, which has its artifacts."""
    if "GITHUB_RUN_ID" not in environment:
        return None
    server = environment.get("GITHUB_SERVER_URL", "https://github.com")
    return f"{server}/{environment['GITHUB_REPOSITORY']}/actions/runs/{environment['GITHUB_RUN_ID']}"


def is_fork(environment: Mapping[str, str]) -> bool:
    """Whether the pull request comes from another repository."""
    head = _event(environment).get("pull_request", {}).get("head", {}).get("repo") or {}
    return bool(head) and head.get("full_name") != environment.get("GITHUB_REPOSITORY")


def _number(environment: Mapping[str, str]) -> int:
    found = PULL_REQUEST.match(environment.get("GITHUB_REF", ""))
    if found:
        return int(found[1])
    number = _event(environment).get("pull_request", {}).get("number")
    if number is None:
        raise CommentError("GITHUB_REF and GITHUB_EVENT_PATH name no pull request: run this on the event pull_request.")
    return int(number)


def _event(environment: Mapping[str, str]) -> dict[str, Any]:
    path = environment.get("GITHUB_EVENT_PATH")
    event: dict[str, Any] = json.loads(Path(path).read_bytes()) if path else {}
    return event
