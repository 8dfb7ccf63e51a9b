"""Where logs and telemetry go: a Log Analytics workspace and Application Insights on it."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import applicationinsights, operationalinsights

from infra.deployment import Deployment


class Monitoring(pulumi.ComponentResource):
    """The stack's `log_analytics_id`, `insights_id` and the `connection_string` for telemetry.

    `customer_id` is what queries call the workspace.
    """

    def __init__(self, deployment: Deployment, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("adfkit:monitoring:Monitoring", "monitoring", None, opts)
        child = pulumi.ResourceOptions(parent=self)
        workspace = operationalinsights.Workspace(
            "logs",
            workspace_name=deployment.names.local("log"),
            resource_group_name=deployment.resource_group,
            sku=operationalinsights.WorkspaceSkuArgs(name=operationalinsights.WorkspaceSkuNameEnum.PER_GB2018),
            retention_in_days=deployment.settings.monitoring.retention_days,
            tags=deployment.tags,
            opts=child,
        )
        insights = applicationinsights.Component(
            "insights",
            resource_name_=deployment.names.local("appi"),
            resource_group_name=deployment.resource_group,
            kind="web",
            application_type=applicationinsights.ApplicationType.WEB,
            ingestion_mode=applicationinsights.IngestionMode.LOG_ANALYTICS,
            workspace_resource_id=workspace.id,
            tags=deployment.tags,
            opts=child,
        )
        self.log_analytics_id = workspace.id
        self.customer_id = workspace.customer_id
        self.insights_id = insights.id
        self.connection_string = insights.connection_string
        self.register_outputs({"log_analytics_id": self.log_analytics_id, "insights_id": self.insights_id})
