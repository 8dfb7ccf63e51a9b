"""A factory's artifacts as the service has them: read, put and deleted through `azure-mgmt-datafactory`."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import ResourceNotFoundError

from adfkit.artifacts.model import Artifact, Json, Kind, canonical
from adfkit.artifacts.service_errors import named
from adfkit.artifacts.triggers import Triggers

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


class Factory:
    """One factory's artifacts.

    An error of the service becomes an `ArtifactError` that names file, artifact, code and message.
    """

    def __init__(self, client: DataFactoryManagementClient, resource_group: str, name: str) -> None:
        self._client = client
        self._scope = (resource_group, name)
        self.triggers = Triggers(client, resource_group, name)

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
        with named(f"{kind.label} {name}"):
            try:
                found = self._operations(kind).get(*self._scope, name)
            except ResourceNotFoundError:
                return None
            return dict(found.as_dict()["properties"])

    def list(self) -> list[Artifact]:
        """Every artifact of the factory."""
        found: list[Artifact] = []
        for kind in Kind:
            with named(f"{kind.label}s"):
                for item in self._operations(kind).list_by_factory(*self._scope):
                    document = item.as_dict()
                    found.append(Artifact(kind, document["name"], document["properties"], document["id"]))
        return found

    def put(self, artifact: Artifact, *, is_new: bool = False) -> None:
        """Create or update an artifact. A trigger is handled as `Triggers.put` says."""
        with named(f"{artifact.source}: {artifact}"):
            if artifact.kind is Kind.TRIGGER:
                self.triggers.put(artifact, is_new=is_new)
                return
            # sent as it was written: a model would drop what it does not know
            body = io.BytesIO(canonical({"properties": artifact.properties}).encode())
            self._operations(artifact.kind).create_or_update(*self._scope, artifact.name, body)

    def delete(self, kind: Kind, name: str) -> None:
        """Delete an artifact; one that is gone already is no error. A trigger is stopped before."""
        with named(f"{kind.label} {name}"):
            if kind is Kind.TRIGGER:
                self.triggers.delete(name)
                return
            try:
                self._operations(kind).delete(*self._scope, name)
            except ResourceNotFoundError:
                return

    def _operations(self, kind: Kind) -> Any:
        return getattr(self._client, _OPERATIONS[kind])
