"""The client of a Databricks workspace, for the resources that live inside of it."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from azure.identity import DefaultAzureCredential
from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.credentials_provider import CredentialsStrategy
from databricks.sdk.errors import DatabricksError, NotFound, PermissionDenied, Unauthenticated

from infra import cloud

DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"
"""The application of Azure Databricks, in every cloud."""
RETRY_SECONDS = 15

T = TypeVar("T")


class WorkspaceError(Exception):
    """What could not be done in a workspace; the text says where, and what the service said."""


class EntraTokens(CredentialsStrategy):
    """Signs in by Entra, as one whom a role on the workspace's resource lets in: who deploys is no member yet.

    https://learn.microsoft.com/azure/databricks/dev-tools/auth/aad-token-manual
    """

    def __init__(self, workspace_id: str) -> None:
        self._workspace_id = workspace_id

    def auth_type(self) -> str:
        """The name under which the client's own messages mention it."""
        return "entra"

    def __call__(self, cfg: Config) -> Callable[[], dict[str, str]]:
        """What gives a request its headers."""
        credential, management = DefaultAzureCredential(), cloud.current().management_core
        return lambda: {
            "Authorization": f"Bearer {credential.get_token(DATABRICKS).token}",
            "X-Databricks-Azure-SP-Management-Token": credential.get_token(f"{management}/.default").token,
            "X-Databricks-Azure-Workspace-Resource-Id": self._workspace_id,
        }


def client(props: dict[str, Any]) -> WorkspaceClient:
    """The client for a resource's `workspace_url` and `workspace_id`."""
    identity = tuple(os.environ.get(name) for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"))
    return _client(props["workspace_url"], props["workspace_id"], identity)


@functools.lru_cache(maxsize=8)
def _client(url: str, workspace_id: str, _identity: tuple[str | None, ...]) -> WorkspaceClient:
    return WorkspaceClient(host=url, credentials_strategy=EntraTokens(workspace_id))


def done(what: str, props: dict[str, Any], action: Callable[[WorkspaceClient], T]) -> T:
    """Do something in the workspace, again while `role_propagation_seconds` last and the service refuses it.

    Raises:
        WorkspaceError: it was refused for good.
    """
    deadline = time.monotonic() + float(props["role_propagation_seconds"])
    while True:
        try:
            return action(client(props))
        except DatabricksError as error:
            refused = isinstance(error, PermissionDenied | Unauthenticated)
            if not refused or time.monotonic() >= deadline:
                raise WorkspaceError(f"{what} in {props['workspace_url']}: {error.error_code}: {error}") from error
            time.sleep(RETRY_SECONDS)


def deleted(what: str, props: dict[str, Any], delete: Callable[[WorkspaceClient], object]) -> None:
    """Delete something from the workspace; that it is gone already is well. Tries again, and raises, as `done` does."""

    def unless_gone(workspace: WorkspaceClient) -> None:
        with suppress(NotFound):
            delete(workspace)

    done(what, props, unless_gone)
