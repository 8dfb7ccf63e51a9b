"""Local servers that answer as the REST APIs of GitHub and Azure DevOps document for comments of pull requests."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "token-of-the-pipeline"


@dataclass
class Server:
    """What a server holds and answers. `failures` are given before anything else: status and headers."""

    url: str = ""
    bodies: list[str] = field(default_factory=list)
    failures: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    read_only: bool = False
    requests: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Answer:
    """A response in the making."""

    status: int
    document: Any
    headers: dict[str, str] = field(default_factory=dict)


class GitHubHandler(BaseHTTPRequestHandler):
    """https://docs.github.com/rest/issues/comments: pages of at most 100, and of 30 if not asked for otherwise."""

    state: Server
    LIMIT = 65_536

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Answer:
        """The route's answer."""
        comments = [{"id": 1000 + number, "body": text} for number, text in enumerate(self.state.bodies)]
        if method == "GET" and path == "/repos/team/data/issues/7/comments":
            size, page = int(query.get("per_page", ["30"])[0]), int(query.get("page", ["1"])[0])
            headers = {}
            if page * size < len(comments):
                headers["Link"] = f'<{self.state.url}{path}?per_page={size}&page={page + 1}>; rel="next"'
            return Answer(200, comments[(page - 1) * size : page * size], headers)
        found = re.fullmatch(r"/repos/team/data/issues/comments/(\d+)", path)
        if not (method == "POST" and path == "/repos/team/data/issues/7/comments") and not (
            method == "PATCH" and found
        ):
            return Answer(404, {"message": "Not Found"})
        if self.state.read_only:
            return Answer(403, {"message": "Resource not accessible by integration"})
        if len(body["body"]) > self.LIMIT:
            return Answer(422, {"message": "Validation Failed: body is too long (maximum is 65536 characters)"})
        if found:
            self.state.bodies[int(found[1]) - 1000] = body["body"]
            return Answer(200, {"id": int(found[1])})
        self.state.bodies.append(body["body"])
        return Answer(201, {"id": 999 + len(self.state.bodies)})

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        parts = urlsplit(self.path)
        self.state.requests.append(f"{self.command} {parts.path}")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            answer = Answer(401, {"message": "Bad credentials"})
        elif self.state.failures:
            status, headers = self.state.failures.pop(0)
            answer = Answer(status, {"message": "try again"}, headers)
        else:
            answer = self.answer(self.command, parts.path, parse_qs(parts.query), body)
        content = json.dumps(answer.document).encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = _serve

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a test reads `requests`."""


class AzureDevOpsHandler(GitHubHandler):
    """https://learn.microsoft.com/rest/api/azure/devops/git/pull-request-threads: here with pages of two threads."""

    LIMIT = 150_000
    BASE = "/team/my%20data/_apis/git/repositories/repo-1/pullRequests/7/threads"

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Answer:
        """The route's answer."""
        if query.get("api-version") != ["7.1"]:
            return Answer(400, {"message": "No api-version was supplied"})
        threads = [
            {"id": 10 + number, "comments": [{"id": 1, "content": text, "commentType": "text"}]}
            for number, text in enumerate(self.state.bodies)
        ]
        threads.insert(0, {"id": 9, "comments": [{"id": 1, "isDeleted": True}]})
        if method == "GET" and path == self.BASE:
            start = int(query.get("continuationToken", ["0"])[0])
            more = {"x-ms-continuationtoken": str(start + 2)} if start + 2 < len(threads) else {}
            return Answer(200, {"value": threads[start : start + 2]}, more)
        found = re.fullmatch(re.escape(self.BASE) + r"/(\d+)/comments/1", path)
        if not (method == "POST" and path == self.BASE) and not (method == "PATCH" and found):
            return Answer(404, {"message": "not found"})
        text = body["content"] if found else body["comments"][0]["content"]
        if self.state.read_only:
            return Answer(403, {"message": "TF401027: You need the Git 'PullRequestContribute' permission"})
        if len(text) > self.LIMIT:
            return Answer(400, {"message": "The comment is longer than 150000 characters"})
        if found:
            self.state.bodies[int(found[1]) - 10] = text
        else:
            assert (body["status"], body["comments"][0]["parentCommentId"]) == (4, 0)
            self.state.bodies.append(text)
        return Answer(200, {})


@contextmanager
def serve(handler: type[GitHubHandler]) -> Iterator[Server]:
    """A server on a free port of this machine."""
    state = Server()
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (handler,), {"state": state}))
    state.url = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield state
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()
