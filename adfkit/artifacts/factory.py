"""A factory's artifacts as the service has them: read, put and deleted through `azure-mgmt-datafactory`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError

from adfkit.artifacts.errors import ArtifactError
from adfkit.artifacts.model import Artifact, Json, Kind, canonical

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.mgmt.datafactory import DataFactoryManagementClient

_OPERATIONS = {
    Kind.CREDENTIAL: "credential_operations",
    Kind.INTEGRATION_RUNTIME: "integration_runtimes",
    Kind.LINKED_SERVICE: "linked_services",
    Kind.DATASET: "datasets",
    Kind.DATA_FLOW: "data_flows",
    Kind.PIPELINE: "pipelines",
    Kind.TRIGGER: "triggers",
}
STARTED = "Started"
RUNTIME_STATE = "runtimeState"
"""A trigger's state: part of its JSON in a repository, but set by starting and stopping it."""


class Factory:
    """One factory's artifacts.

    An error of the service becomes an `ArtifactError` that names file, artifact, code and message.
    """

    def __init__(self, client: DataFactoryManagementClient, resource_group: str, name: str) -> None:
        self._client = client
        self._scope = (resource_group, name)

    @classmethod
    def connect(
        cls,
        credential: TokenCredential,
        subscription_id: str,
        resource_group: str,
        name: str,
        *,
        base_url: str,
        credential_scopes: list[str],
    ) -> Factory:
        """The factory in the cloud whose resource manager is at `base_url`."""
        from azure.mgmt.datafactory import DataFactoryManagementClient  # takes most of a second to import

        client = DataFactoryManagementClient(
            credential, subscription_id, base_url=base_url, credential_scopes=credential_scopes
        )
        return cls(client, resource_group, name)

    def get(self, kind: Kind, name: str) -> Json | None:
        """An artifact's properties as the service has them; None where there is no such artifact."""
        with _named(f"{kind.label} {name}"):
            try:
                found = self._operations(kind).get(*self._scope, name)
            except ResourceNotFoundError:
                return None
            return dict(found.as_dict()["properties"])

    def list(self) -> list[Artifact]:
        """Every artifact of the factory."""
        found: list[Artifact] = []
        for kind in Kind:
            with _named(f"{kind.label}s"):
                for item in self._operations(kind).list_by_factory(*self._scope):
                    document = item.as_dict()
                    found.append(Artifact(kind, document["name"], document["properties"], document["id"]))
        return found

    def put(self, artifact: Artifact) -> None:
        """Create or update an artifact. A trigger is stopped before, and started after as its JSON says.

        Where the update of a trigger fails, it is started again if it was running.
        """
        with _named(f"{artifact.source}: {artifact}"):
            if artifact.kind is not Kind.TRIGGER:
                self._put(artifact, artifact.properties)
                return
            running = self._stop(artifact.name)
            properties = {key: value for key, value in artifact.properties.items() if key != RUNTIME_STATE}
            try:
                self._put(artifact, properties)
            except AzureError:
                if running:
                    self._client.triggers.begin_start(*self._scope, artifact.name).result()
                raise
            if artifact.properties.get(RUNTIME_STATE) == STARTED:
                self._client.triggers.begin_start(*self._scope, artifact.name).result()

    def delete(self, kind: Kind, name: str) -> None:
        """Delete an artifact; one that is gone already is no error. A trigger is stopped before."""
        with _named(f"{kind.label} {name}"):
            if kind is Kind.TRIGGER:
                self._stop(name)
            try:
                self._operations(kind).delete(*self._scope, name)
            except ResourceNotFoundError:
                return

    def _put(self, artifact: Artifact, properties: Json) -> None:
        # sent as it was written: a model would drop what it does not know
        body = io.BytesIO(canonical({"properties": properties}).encode())
        self._operations(artifact.kind).create_or_update(*self._scope, artifact.name, body)

    def _stop(self, trigger: str) -> bool:
        """Stop a trigger; returns whether it was running."""
        current = self.get(Kind.TRIGGER, trigger)
        if current is None or current.get(RUNTIME_STATE) != STARTED:
            return False
        self._client.triggers.begin_stop(*self._scope, trigger).result()
        return True

    def _operations(self, kind: Kind) -> Any:
        return getattr(self._client, _OPERATIONS[kind])


@contextmanager
def _named(what: str) -> Iterator[None]:
    try:
        yield
    except HttpResponseError as error:
        code = error.error.code if error.error else f"HTTP {error.status_code}"
        message = error.error.message if error.error else error.message
        raise ArtifactError(f"{what}: {code}: {message}") from error
    except AzureError as error:
        raise ArtifactError(f"{what}: {error.message}") from error
