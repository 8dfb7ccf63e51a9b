"""An app of Durable Functions, published once for these tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from adfkit.local_azure import cloud

CODE = Path(__file__).with_name("durable_app.py").read_text(encoding="utf-8")
REQUIREMENTS = "azure-functions==1.26.0\nazure-functions-durable==1.7.0\n"
HOST = (
    '{"version": "2.0", "extensionBundle": '
    '{"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.*, 5.0.0)"}}'
)
QUEUE_CONTRIBUTOR = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"
TABLE_CONTRIBUTOR = "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"
SECONDS = 60


@dataclass
class DurableApp:
    """The app, and the folder in which it notes what its activities did."""

    site: Any
    folder: Path

    def start(self, name: str, body: Any = None, *, id: str = "") -> dict[str, str]:
        """Start an orchestration; returns its management URLs."""
        id = id or uuid4().hex
        sent = {} if body is None else {"json": body}
        answer = self.site.call("POST", f"/api/start/{name}", params={"id": id}, **sent)
        assert answer.status_code == 202, answer.text
        assert answer.headers["location"] == answer.json()["statusQueryGetUri"]
        urls: dict[str, str] = answer.json()
        return urls

    def use(self, verb: str, id: str, body: Any = None, **params: str) -> str:
        """Let the app use its own client."""
        answer = self.site.call("POST", f"/api/client/{verb}/{id}", params=params, json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.text)

    def status(self, urls: dict[str, str], **params: str) -> httpx.Response:
        """One look at the status."""
        with httpx.Client(timeout=60) as client:
            return client.get(httpx.URL(urls["statusQueryGetUri"]).copy_merge_params(params))

    def until(self, urls: dict[str, str], reached: Callable[[dict[str, Any]], bool], **params: str) -> dict[str, Any]:
        """The status once it is as asked."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            body: dict[str, Any] = self.status(urls, **params).json()
            if reached(body):
                return body
            time.sleep(0.05)
        raise AssertionError(f"not reached within {SECONDS} seconds: {body}")

    def ended(self, urls: dict[str, str], **params: str) -> dict[str, Any]:
        """The status at the end."""
        return self.until(urls, lambda body: body["runtimeStatus"] in ("Completed", "Failed", "Terminated"), **params)

    def notes(self) -> list[str]:
        """What activities noted, in order."""
        file = self.folder / "notes"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def make_durable_app(web: Any, folder: Path) -> tuple[DurableApp, str]:
    """Publish the app to a new site that may use its task hub; also gives its role assignment on the queues."""
    settings = {
        "AzureWebJobsStorage__queueServiceUri": f"https://{web.account}.queue.{cloud.SUFFIX}",
        "AzureWebJobsStorage__tableServiceUri": f"https://{web.account}.table.{cloud.SUFFIX}",
        "NOTES": str(folder / "notes"),
    }
    site = web.app(**settings)
    queue_role = site.grant_role(QUEUE_CONTRIBUTOR)
    site.grant_role(TABLE_CONTRIBUTOR)
    site.publish(CODE, requirements=REQUIREMENTS, host=HOST)
    return DurableApp(site, folder), queue_role


@pytest.fixture(scope="session")
def made_durable_app(made_web_cloud: Any, tmp_path_factory: pytest.TempPathFactory) -> DurableApp:
    """Published once a test run."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in made_web_cloud.local_azure.environment.items():
            patch.setenv(name, value)
        return make_durable_app(made_web_cloud, tmp_path_factory.mktemp("durable"))[0]


@pytest.fixture
def durable(made_durable_app: DurableApp, web: Any) -> DurableApp:
    """The app, with this process' environment pointing at its cloud, and no notes yet."""
    for file in made_durable_app.folder.iterdir():
        file.unlink()
    return made_durable_app


@pytest.fixture
def another_durable_app(web: Any, tmp_path: Path) -> tuple[DurableApp, str]:
    """An app of a test's own, with its role assignment on the queues."""
    return make_durable_app(web, tmp_path)


@pytest.fixture
def publish_durable_app() -> Callable[[Any, Path], tuple[DurableApp, str]]:
    """Publishes the app to any cloud."""
    return make_durable_app
