"""One comment a stack, on both hosts, by the script that pipelines call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from adfkit.preview import markdown
from adfkit.preview.pull_requests import marker
from adfkit.preview.report import Report
from tests.preview.changes import REPORT, artifact, pipeline
from tests.preview.pull_requests.hosts import TOKEN, AzureDevOpsHandler, GitHubHandler, Server, serve

SCRIPT = Path(__file__).parents[3] / "scripts" / "comment_preview.py"
pytestmark = pytest.mark.slow
RETRY_NOW = {"Retry-After": "0"}


@dataclass
class Pipeline:
    """The environment that a host's pipelines give a step."""

    server: Server
    environment: dict[str, str]
    folder: Path
    limit: int

    def comment(
        self, stack: str = "dev", report: str = "report", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the script."""
        file = self.folder / f"{stack}.md"
        file.write_text(report, encoding="utf-8")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("GITHUB_", "SYSTEM_", "BUILD_"))}
        return subprocess.run(
            [sys.executable, str(SCRIPT), "--stack", stack, "--report", str(file)],
            env=kept | self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture(params=["github", "azure_devops"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pipeline]:
    with serve(GitHubHandler if request.param == "github" else AzureDevOpsHandler) as server:
        if request.param == "github":
            event = tmp_path / "event.json"
            head = {"repo": {"full_name": "team/data"}}
            event.write_text(json.dumps({"pull_request": {"number": 7, "head": head}}))
            environment = {
                "GITHUB_TOKEN": TOKEN,
                "GITHUB_REPOSITORY": "team/data",
                "GITHUB_API_URL": server.url,
                "GITHUB_EVENT_PATH": str(event),
                "GITHUB_RUN_ID": "42",
            }
            yield Pipeline(server, environment, tmp_path, GitHubHandler.LIMIT)
        else:
            environment = {
                "SYSTEM_ACCESSTOKEN": TOKEN,
                "SYSTEM_COLLECTIONURI": f"{server.url}/team/",
                "SYSTEM_TEAMPROJECT": "my data",
                "BUILD_REPOSITORY_ID": "repo-1",
                "BUILD_BUILDID": "42",
                "SYSTEM_PULLREQUEST_PULLREQUESTID": "7",
            }
            yield Pipeline(server, environment, tmp_path, AzureDevOpsHandler.LIMIT)


def test_the_comment_is_made_once_and_updated_in_place(host: Pipeline) -> None:
    host.server.bodies = [f"somebody says {number}" for number in range(205)]  # the comment is on a later page
    assert host.comment(report="first").stdout == "The comment of the stack 'dev' is created.\n"
    assert host.comment(stack="prod", report="other").stdout == "The comment of the stack 'prod' is created.\n"
    assert host.comment(report="second").stdout == "The comment of the stack 'dev' is updated.\n"
    assert host.comment(report="second").stdout == "The comment of the stack 'dev' is unchanged.\n"
    dev, prod = host.server.bodies[205:]
    assert dev.startswith(f"{marker('dev')}\nsecond\n\n[The full report](http")
    assert "42" in dev
    assert prod.startswith(f"{marker('prod')}\nother")


def test_a_long_report_stays_within_the_limit(host: Pipeline) -> None:
    many = [artifact("update", "pipeline", f"p{number}", pipeline(1), pipeline(2)) for number in range(700)]
    done = host.comment(report=markdown.render(Report("dev", True, many, 0)))
    assert done.returncode == 0, done.stderr
    [body] = host.server.bodies
    assert len(body) <= host.limit
    assert "details are left out here" in body
    assert "[The full report](" in body


def test_a_busy_host_is_asked_again(host: Pipeline) -> None:
    host.server.failures = [(503, RETRY_NOW), (429, RETRY_NOW), (403, RETRY_NOW)]
    done = host.comment(report=markdown.render(REPORT))
    assert done.returncode == 0, done.stderr
    assert len(host.server.bodies) == 1


def test_a_host_that_stays_away_fails_the_step(host: Pipeline) -> None:
    host.server.failures = [(502, RETRY_NOW)] * 5
    done = host.comment()
    assert (done.returncode, done.stdout) == (1, "")
    assert "failed 5 times, at last with 502 Bad Gateway: try again" in done.stderr
    assert TOKEN not in done.stderr


def test_a_token_without_the_right_fails_the_step(host: Pipeline) -> None:
    host.server.read_only = True
    done = host.comment()
    assert done.returncode == 1
    assert "403 Forbidden" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_fork_gets_no_comment_and_no_failure(host: Pipeline) -> None:
    host.server.read_only = True
    event = host.folder / "fork.json"
    event.write_text(json.dumps({"pull_request": {"number": 7, "head": {"repo": {"full_name": "else/data"}}}}))
    fork = {"GITHUB_EVENT_PATH": str(event), "SYSTEM_PULLREQUEST_ISFORK": "True"}
    for environment in (fork, fork | {"GITHUB_TOKEN": "", "SYSTEM_ACCESSTOKEN": ""}):
        done = host.comment(**{key: environment[key] for key in environment if key in host.environment or key in fork})
        assert done.returncode == 0, done.stderr
        assert "fork" in done.stdout
        assert host.server.bodies == []


def test_outside_a_pull_request_the_step_says_so(host: Pipeline) -> None:
    (host.folder / "push.json").write_text("{}")
    push = {"GITHUB_EVENT_PATH": str(host.folder / "push.json"), "SYSTEM_PULLREQUEST_PULLREQUESTID": ""}
    done = host.comment(**{key: value for key, value in push.items() if key in host.environment})
    assert done.returncode == 1
    assert "no pull request" in done.stderr


def test_a_missing_report_says_what_writes_it(tmp_path: Path) -> None:
    line = [sys.executable, str(SCRIPT), "--stack", "dev", "--report", str(tmp_path / "none.md")]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "can't be read: No such file or directory. `adfkit preview --out" in done.stderr
