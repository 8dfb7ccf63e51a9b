"""Comments of a pull request in Azure Repos: the first one of a thread of its own.

https://learn.microsoft.com/rest/api/azure/devops/git/pull-request-threads
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from adfkit.preview.pull_requests.comment import Comment
from adfkit.preview.pull_requests.rest import CommentError, Rest

LIMIT = 150_000
VERSION = "7.1"
CONTINUATION = "x-ms-continuationtoken"
TEXT, CLOSED = 1, 4
"""A comment of a person or a build, and a thread that waits for no one."""


class AzureDevOps:
    """The threads of one pull request."""

    limit = LIMIT

    def __init__(self, rest: Rest, collection: str, project: str, repository: str, number: int) -> None:
        self._rest = rest
        self._threads = (
            f"{collection.rstrip('/')}/{quote(project)}/_apis/git/repositories/{quote(repository)}"
            f"/pullRequests/{number}/threads"
        )

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> AzureDevOps | None:
        """The pull request that a pipeline runs for; None without a token, which a fork's build doesn't get.

        Raises:
            CommentError: the pipeline runs for no pull request.
        """
        number = environment.get("SYSTEM_PULLREQUEST_PULLREQUESTID", "")
        if not number.isdigit():
            raise CommentError("SYSTEM_PULLREQUEST_PULLREQUESTID names no pull request: run this in its validation.")
        token = environment.get("SYSTEM_ACCESSTOKEN")
        if not token:
            return None
        return cls(
            Rest({"Authorization": f"Bearer {token}", "Accept": "application/json"}),
            environment["SYSTEM_COLLECTIONURI"],
            environment["SYSTEM_TEAMPROJECT"],
            environment["BUILD_REPOSITORY_ID"],
            int(number),
        )

    def comments(self) -> Iterator[Comment]:
        """The first comment of every thread that is not deleted."""
        token: str | None = None
        while True:
            more = f"&continuationToken={quote(token)}" if token else ""
            response = self._rest.request("GET", f"{self._threads}?api-version={VERSION}{more}")
            for thread in response.json()["value"]:
                comments = [comment for comment in thread.get("comments", []) if not comment.get("isDeleted")]
                if comments and not thread.get("isDeleted"):
                    yield Comment(f"{thread['id']}/comments/{comments[0]['id']}", comments[0].get("content") or "")
            token = response.headers.get(CONTINUATION)
            if not token:
                return

    def create(self, body: str) -> None:
        """Add a thread, closed, so that it holds up no merge."""
        comment = {"parentCommentId": 0, "content": body, "commentType": TEXT}
        self._rest.request("POST", f"{self._threads}?api-version={VERSION}", {"comments": [comment], "status": CLOSED})

    def update(self, id: str, body: str) -> None:
        """Replace a comment's text; `id` is of its thread and of itself."""
        self._rest.request("PATCH", f"{self._threads}/{id}?api-version={VERSION}", {"content": body})


def run_url(environment: Mapping[str, str]) -> str | None:
    """The page of the build's artifacts."""
    if "BUILD_BUILDID" not in environment:
        return None
    project = f"{environment['SYSTEM_COLLECTIONURI'].rstrip('/')}/{quote(environment['SYSTEM_TEAMPROJECT'])}"
    return f"{project}/_build/results?buildId={environment['BUILD_BUILDID']}&view=artifacts&type=publishedArtifacts"
