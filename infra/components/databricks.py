"""Databricks: a workspace without public addresses on its nodes, and a connector that carries its identity."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import databricks

from infra.components.identity import principal_of
from infra.deployment import Deployment


class Databricks(pulumi.ComponentResource):
    """The workspace: `id` and `url`; `connector_principal_id` is who reads and writes storage for it."""

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
            workspace_name=deployment.names.local("dbw"),
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
        self.connector_principal_id = principal_of(connector.identity)
        self.register_outputs({"id": self.id, "url": self.url})
