"""Databricks: a workspace without public addresses on its nodes, and a connector that carries its identity."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_azure_native import databricks

from infra.components.identity import principal_of
from infra.components.storage import CURATED, LANDING, StorageAccount
from infra.deployment import Deployment
from infra.unity_catalog import ExternalLocation, StorageCredential


class Databricks(pulumi.ComponentResource):
    """The workspace: `id` and `url`; the identity of `connector_id`, `connector_principal_id`, is who uses storage."""

    def __init__(self, deployment: Deployment, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("adfkit:databricks:Databricks", "databricks", None, opts)
        child = pulumi.ResourceOptions(parent=self)
        connector = databricks.AccessConnector(
            "databricks-connector",
            connector_name=deployment.names.local("dbac"),
            resource_group_name=deployment.resource_group,
            identity=databricks.ManagedServiceIdentityArgs(type=databricks.ManagedServiceIdentityType.SYSTEM_ASSIGNED),
            tags=deployment.tags,
            opts=child,
        )
        managed_group = deployment.names.local("rg-databricks")
        workspace = databricks.Workspace(
            "databricks",
            workspace_name=deployment.names.databricks,
            resource_group_name=deployment.resource_group,
            compute_mode=databricks.ComputeMode.HYBRID,
            # Azure creates this group with the workspace, and deletes it with the workspace
            managed_resource_group_id=f"/subscriptions/{deployment.subscription_id}/resourceGroups/{managed_group}",
            sku=databricks.SkuArgs(name=deployment.settings.databricks.sku),
            parameters=databricks.WorkspaceCustomParametersArgs(
                enable_no_public_ip=databricks.WorkspaceNoPublicIPBooleanParameterArgs(value=True)
            ),
            tags=deployment.tags,
            opts=child,
        )
        self.id = workspace.id
        self.url = workspace.workspace_url.apply(lambda url: f"https://{url}")
        self.connector_id = connector.id
        self.connector_principal_id = principal_of(connector.identity)
        self.register_outputs({"id": self.id, "url": self.url})

    def reach(
        self, deployment: Deployment, lake: StorageAccount, *, allowed: Sequence[pulumi.Resource]
    ) -> list[pulumi.Resource]:
        """Let notebooks read what lands in the lake and write what is curated; `allowed` is what lets the connector."""
        names = deployment.names
        where = {
            "workspace_url": self.url,
            "workspace_id": self.id,
            "role_propagation_seconds": deployment.settings.role_propagation_seconds,
        }
        credential = StorageCredential(
            "databricks-lake",
            name=names.world("lake"),
            access_connector_id=self.connector_id,
            opts=pulumi.ResourceOptions(parent=self),
            **where,
        )
        containers = [lake.containers[name] for name in (LANDING, CURATED)]
        return [
            ExternalLocation(
                f"databricks-{container}",
                name=names.world(container),
                url=deployment.cloud.lake_url(lake.account_name, container),
                credential=names.world("lake"),
                read_only=read_only,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[credential, *containers, *allowed]),
                **where,
            )
            for container, read_only in ((LANDING, True), (CURATED, False))
        ]
