"""How notebooks reach the lake: Unity Catalog's storage credential and external locations, as resources.

A cluster in Azure Databricks carries no identity of its own. The access connector's managed identity stands behind a
storage credential, external locations say for which containers it is used, and grants say by whom, so that no key and
no secret of an application is kept anywhere. Workspaces made since November 2023 have a metastore without more ado:
https://learn.microsoft.com/azure/databricks/connect/unity-catalog/cloud-storage/
"""

from __future__ import annotations

from typing import Any

import pulumi
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import ResourceConflict
from databricks.sdk.service.catalog import (
    AzureManagedIdentityRequest,
    AzureManagedIdentityResponse,
    IsolationMode,
    PermissionsChange,
    Privilege,
)
from pulumi import dynamic

from infra.databricks_workspace import deleted, done

ANYONE = "account users"
"""Who may use the workspace may use a location, which no other workspace sees: ARM tells nobody the application id by
which a grant would name the factory alone."""
_PLACE = ("workspace_url", "workspace_id", "name")


class StorageCredentialProvider(dynamic.ResourceProvider):
    """Makes, changes and deletes a storage credential."""

    serialize_as_secret_always = False

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Another connector is a change, another name or workspace another credential."""
        return _diff(_olds, _news, changing=("access_connector_id",))

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Make it; one that a deployment cut off has left behind is taken over."""

        def make(workspace: WorkspaceClient) -> None:
            try:
                request = AzureManagedIdentityRequest(access_connector_id=props["access_connector_id"])
                workspace.storage_credentials.create(props["name"], azure_managed_identity=request)
            except ResourceConflict:
                self._change(workspace, props)
            workspace.storage_credentials.update(props["name"], isolation_mode=IsolationMode.ISOLATION_MODE_ISOLATED)

        done(f"The storage credential '{props['name']}'", props, make)
        return dynamic.CreateResult(props["name"], props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Let another connector stand behind it."""
        done(f"The storage credential '{_news['name']}'", _news, lambda workspace: self._change(workspace, _news))
        return dynamic.UpdateResult(_news)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Delete it."""
        deleted(
            f"The storage credential '{_props['name']}'",
            _props,
            lambda workspace: workspace.storage_credentials.delete(_props["name"], force=True),
        )

    @staticmethod
    def _change(workspace: WorkspaceClient, props: dict[str, Any]) -> None:
        identity = AzureManagedIdentityResponse(access_connector_id=props["access_connector_id"])
        workspace.storage_credentials.update(props["name"], azure_managed_identity=identity)


class ExternalLocationProvider(dynamic.ResourceProvider):
    """Makes, changes and deletes an external location with its grant."""

    serialize_as_secret_always = False

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Another URL or credential is a change, another name or workspace another location."""
        return _diff(_olds, _news, changing=("url", "credential", "read_only"))

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Make it; one that a deployment cut off has left behind is taken over."""

        def make(workspace: WorkspaceClient) -> None:
            read_only = bool(props["read_only"])
            try:
                workspace.external_locations.create(
                    props["name"], props["url"], props["credential"], read_only=read_only
                )
            except ResourceConflict:
                self._change(workspace, props)
            workspace.external_locations.update(props["name"], isolation_mode=IsolationMode.ISOLATION_MODE_ISOLATED)
            self._grant(workspace, props)

        done(f"The external location '{props['name']}'", props, make)
        return dynamic.CreateResult(props["name"], props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Change what it names."""

        def change(workspace: WorkspaceClient) -> None:
            self._change(workspace, _news)
            self._grant(workspace, _news)

        done(f"The external location '{_news['name']}'", _news, change)
        return dynamic.UpdateResult(_news)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Delete it."""
        deleted(
            f"The external location '{_props['name']}'",
            _props,
            lambda workspace: workspace.external_locations.delete(_props["name"], force=True),
        )

    @staticmethod
    def _change(workspace: WorkspaceClient, props: dict[str, Any]) -> None:
        workspace.external_locations.update(
            props["name"],
            url=props["url"],
            credential_name=props["credential"],
            read_only=bool(props["read_only"]),
            force=True,
        )

    @staticmethod
    def _grant(workspace: WorkspaceClient, props: dict[str, Any]) -> None:
        privileges = [Privilege.READ_FILES] + ([] if props["read_only"] else [Privilege.WRITE_FILES])
        workspace.grants.update(
            "external_location", props["name"], changes=[PermissionsChange(principal=ANYONE, add=privileges)]
        )


def _diff(olds: dict[str, Any], news: dict[str, Any], *, changing: tuple[str, ...]) -> dynamic.DiffResult:
    replaces = [key for key in _PLACE if olds.get(key) != news.get(key)]
    changes = bool(replaces) or any(olds.get(key) != news.get(key) for key in changing)
    return dynamic.DiffResult(changes=changes, replaces=replaces, delete_before_replace=True)


CREDENTIALS = StorageCredentialProvider()
LOCATIONS = ExternalLocationProvider()


class StorageCredential(dynamic.Resource, module="adfkit", name="StorageCredential"):
    """An access connector's identity as a credential of Unity Catalog; `name` is unique in the region's metastore."""

    def __init__(
        self,
        resource_name: str,
        *,
        workspace_url: pulumi.Input[str],
        workspace_id: pulumi.Input[str],
        name: str,
        access_connector_id: pulumi.Input[str],
        role_propagation_seconds: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`role_propagation_seconds`: how long to try again while the workspace refuses the deployer."""
        props = {
            "workspace_url": workspace_url,
            "workspace_id": workspace_id,
            "name": name,
            "access_connector_id": access_connector_id,
            "role_propagation_seconds": role_propagation_seconds,
        }
        super().__init__(CREDENTIALS, resource_name, props, opts)


class ExternalLocation(dynamic.Resource, module="adfkit", name="ExternalLocation"):
    """A container that notebooks of the workspace reach by a credential, to read it or to write there too."""

    def __init__(
        self,
        resource_name: str,
        *,
        workspace_url: pulumi.Input[str],
        workspace_id: pulumi.Input[str],
        name: str,
        url: str,
        credential: str,
        read_only: bool,
        role_propagation_seconds: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`opts.depends_on` must hold the credential, and the role by which its identity reaches the container.

        Args:
            url: `abfss://<container>@<account>.dfs.<suffix>/`.
            role_propagation_seconds: how long to try again while the workspace, or the storage, refuses it.
        """
        props = {
            "workspace_url": workspace_url,
            "workspace_id": workspace_id,
            "name": name,
            "url": url,
            "credential": credential,
            "read_only": read_only,
            "role_propagation_seconds": role_propagation_seconds,
        }
        super().__init__(LOCATIONS, resource_name, props, opts)
