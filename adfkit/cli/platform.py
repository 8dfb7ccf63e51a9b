"""The deployed platform as a command sees it: the stack's outputs, and the official clients for what they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from adfkit.cli.project import CliError, find_project

if TYPE_CHECKING:
    from azure.core.rest import HttpRequest
    from azure.identity import DefaultAzureCredential
    from azure.mgmt.core import ARMPipelineClient
    from azure.mgmt.datafactory import DataFactoryManagementClient
    from azure.storage.blob import BlobServiceClient

    from adfkit.artifacts.factory import Factory

MACHINE_LEARNING_API = "2024-10-01"


@dataclass(frozen=True, slots=True)
class Ingestion:
    """One ingestion of the stack: the names of what it is made of."""

    name: str
    pipeline: str
    dataset: str
    model: str
    source: str
    technique: str
    transform: str = ""


@dataclass(frozen=True)
class Platform:
    """What a stack deployed. Clients authenticate as DefaultAzureCredential does and reach the cloud of `cloud`."""

    stack: str
    outputs: Mapping[str, Any]

    def output(self, name: str) -> str:
        """One output of the stack.

        Raises:
            CliError: the stack has no such output, so it is not deployed, or not by this program.
        """
        if name not in self.outputs:
            raise CliError(
                f"stack '{self.stack}' has no output '{name}': deploy it with `adfkit up --stack {self.stack}`."
            )
        return str(self.outputs[name])

    @cached_property
    def ingestions(self) -> dict[str, Ingestion]:
        """The stack's ingestions by name."""
        return {name: Ingestion(name=name, **value) for name, value in self.outputs.get("ingestions", {}).items()}

    def ingestion(self, name: str) -> Ingestion:
        """One ingestion.

        Raises:
            CliError: the stack has none of this name; the text lists those that it has.
        """
        found = self.ingestions.get(name)
        if found is None:
            known = ", ".join(sorted(self.ingestions)) or "none"
            raise CliError(f"stack '{self.stack}' has no ingestion '{name}'. It has: {known}.")
        return found

    @cached_property
    def credential(self) -> DefaultAzureCredential:
        """Azure's default chain, as every tool of the user's takes it."""
        from azure.identity import DefaultAzureCredential

        return DefaultAzureCredential()

    @cached_property
    def data_factory(self) -> DataFactoryManagementClient:
        """The official client of Data Factory."""
        from azure.mgmt.datafactory import DataFactoryManagementClient

        return DataFactoryManagementClient(
            self.credential,
            self.output("subscription_id"),
            base_url=self.output("resource_manager"),
            credential_scopes=[self.output("resource_manager").rstrip("/") + "/.default"],
        )

    @property
    def factory(self) -> Factory:
        """The factory's artifacts."""
        from adfkit.artifacts.factory import Factory

        return Factory(self.data_factory, self.output("resource_group"), self.output("factory"))

    @cached_property
    def blobs(self) -> BlobServiceClient:
        """The official client of the lake's blobs."""
        from azure.storage.blob import BlobServiceClient

        return BlobServiceClient(self.output("lake_blob_endpoint"), credential=self.credential)

    @property
    def resource_manager_scope(self) -> str:
        """What a token for Azure Resource Manager is asked for."""
        return self.output("resource_manager").rstrip("/") + "/.default"

    def get(self, url: str, *, scope: str) -> dict[str, Any]:
        """The JSON object at a URL of one of Azure's APIs.

        Raises:
            azure.core.exceptions.AzureError: it cannot be reached or read; ResourceNotFoundError where it is not there.
        """
        from azure.core.rest import HttpRequest

        return self._json(HttpRequest("GET", url), scope)

    def post(self, url: str, body: Mapping[str, Any], *, scope: str) -> dict[str, Any]:
        """What one of Azure's APIs answers to a JSON body; raises as `get` does."""
        from azure.core.rest import HttpRequest

        return self._json(HttpRequest("POST", url, json=dict(body)), scope)

    def download(self, url: str) -> str:
        """The text at a URL that carries its own signature; raises as `get` does."""
        from azure.core.rest import HttpRequest

        response = self._client(None).send_request(HttpRequest("GET", url))
        response.raise_for_status()
        text: str = response.text(encoding="utf-8")
        return text

    def _json(self, request: HttpRequest, scope: str) -> dict[str, Any]:
        from azure.core.exceptions import ResourceNotFoundError

        response = self._client(scope).send_request(request)
        if response.status_code == 404:
            raise ResourceNotFoundError(response=response)
        response.raise_for_status()
        found: dict[str, Any] = response.json()
        return found

    @cached_property
    def _clients(self) -> dict[str | None, ARMPipelineClient[Any, Any]]:
        return {}

    def _client(self, scope: str | None) -> ARMPipelineClient[Any, Any]:
        """A plain client for a token's audience: the SDKs of some services take seconds to import."""
        from azure.core.pipeline.policies import BearerTokenCredentialPolicy, HeadersPolicy, RetryPolicy
        from azure.mgmt.core import ARMPipelineClient

        if scope not in self._clients:
            signing = [] if scope is None else [BearerTokenCredentialPolicy(self.credential, scope)]
            policies = [HeadersPolicy(), RetryPolicy(), *signing]
            self._clients[scope] = ARMPipelineClient(base_url=self.output("resource_manager"), policies=policies)
        return self._clients[scope]

    def machine_learning_workspace(self) -> dict[str, Any]:
        """The workspace, as ARM shows it; raises as `get` does."""
        url = f"{self.output('resource_manager').rstrip('/')}{self._workspace}?api-version={MACHINE_LEARNING_API}"
        return self.get(url, scope=self.resource_manager_scope)

    @property
    def _workspace(self) -> str:
        return (
            f"/subscriptions/{self.output('subscription_id')}/resourceGroups/{self.output('resource_group')}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.output('machine_learning_workspace')}"
        )

    def asset_versions(self, kind: str, name: str, *, archived: bool = False) -> Iterator[dict[str, Any]]:
        """All versions of an asset (`kind` is `data` or `models`), as ARM shows them; none where it is unknown.

        Archived ones are left out unless asked for.
        """
        yield from self._assets(f"{kind}/{name}/versions", archived=archived)

    def asset_names(self, kind: str) -> list[str]:
        """The names of all assets of a kind, archived ones included."""
        return [str(asset["name"]) for asset in self._assets(kind, archived=True)]

    def _assets(self, path: str, *, archived: bool) -> Iterator[dict[str, Any]]:
        from azure.core.exceptions import ResourceNotFoundError

        base = f"{self.output('resource_manager').rstrip('/')}{self._workspace}"
        view = "&listViewType=All" if archived else ""
        url: str | None = f"{base}/{path}?api-version={MACHINE_LEARNING_API}{view}"
        while url:
            try:
                page = self.get(url, scope=self.resource_manager_scope)
            except ResourceNotFoundError:
                return
            yield from page.get("value", [])
            url = page.get("nextLink")


def load_platform(stack: str) -> Platform:
    """The platform that a stack deployed.

    Raises:
        CliError: there is no such stack, or it is not deployed.
    """
    from adfkit.cli.stacks import stack_outputs

    outputs = stack_outputs(find_project(), stack)
    if not outputs:
        raise CliError(f"stack '{stack}' is not deployed: `adfkit up --stack {stack}` deploys it.")
    return Platform(stack, outputs)
