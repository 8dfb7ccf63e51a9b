"""What the driver knows of its workspace: notebooks and files as they were when the run began, secrets by the API."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .redaction import Secrets

if TYPE_CHECKING:
    from .run import Request


class NotebookNotFoundError(Exception):
    """A notebook that another one runs is not there."""


class SecretError(Exception):
    """A secret that could not be read."""


class Workspace:
    """One task's view."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.secrets = Secrets()
        self.task_values: dict[str, Any] = {}
        self.given_values = request.task_values
        self.dbfs = request.dbfs
        self.install = request.install
        self.install_environment = request.install_environment
        self.packages = request.packages

    def notebook(self, path: str) -> tuple[str, str]:
        """The text and the language of a notebook.

        Raises:
            NotebookNotFoundError: there is none at this path.
        """
        language = self._request.languages.get(path)
        if language is None:
            raise NotebookNotFoundError(f"Notebook not found: {path}")
        return self.file(path).read_text(encoding="utf-8"), language

    def file(self, path: str) -> Path:
        """Where an object of the workspace lies on this machine."""
        return Path(self._request.root) / path.lstrip("/")

    def secret(self, scope: str, key: str) -> str:
        """A secret's value."""
        value = base64.b64decode(self.call("secrets/get", scope=scope, key=key)["value"]).decode()
        self.secrets.add(value)
        return value

    def call(self, path: str, **query: str) -> dict[str, Any]:
        """GET of the workspace's API as the identity that the run has.

        Raises:
            SecretError: the API's refusal.
        """
        api = self._request.api
        token = self._get(api["token_url"], {"X-IDENTITY-HEADER": api["token_secret"]})["access_token"]
        url = f"{api['host']}/api/2.0/{path}?{urllib.parse.urlencode(query)}"
        return self._get(url, {"Authorization": f"Bearer {token}"})

    def _get(self, url: str, headers: dict[str, str]) -> dict[str, Any]:
        if not url.startswith("https://"):
            raise ValueError(f"{url} is no https address")
        asked = urllib.request.Request(url, headers=headers)  # noqa: S310 - checked above
        try:
            with urllib.request.urlopen(asked, context=ssl.create_default_context()) as answer:  # noqa: S310
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            body = error.read().decode(errors="replace")
            try:
                body = json.loads(body)["message"]
            except (ValueError, KeyError, TypeError):
                raise SecretError(f"{error.code} {error.reason}: {body}") from error
            raise SecretError(body) from error
