"""Azure Machine Learning: the workspace and what it stands on, a cluster that rests at no node, a batch endpoint."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import keyvault, machinelearningservices

from infra.components.identity import UserIdentity
from infra.components.monitoring import Monitoring
from infra.components.storage import StorageAccount
from infra.deployment import Deployment

COMPUTE = "cpu-cluster"


class MachineLearning(pulumi.ComponentResource):
    """The workspace with its cluster and endpoint.

    Attributes:
        id, workspace_name: of the workspace, known once it exists.
        compute_name, endpoint_name: plain strings; `endpoint_url` is where the endpoint is invoked.
        endpoint, compute: the resources, to wait for.
    """

    def __init__(
        self,
        deployment: Deployment,
        *,
        services: StorageAccount,
        monitoring: Monitoring,
        identity: UserIdentity,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("adfkit:machine_learning:MachineLearning", "machine-learning", None, opts)
        self.compute_name = COMPUTE
        self.endpoint_name = deployment.names.batch_endpoint
        self.endpoint_url = deployment.cloud.batch_endpoint(self.endpoint_name, deployment.settings.location)
        vault = self._vault(deployment)
        workspace = self._workspace(deployment, vault, services, monitoring)
        self.id = workspace.id
        self.workspace_name = workspace.name
        self.compute = self._compute(deployment, identity)
        self.endpoint = machinelearningservices.BatchEndpoint(
            "batch-endpoint",
            endpoint_name=self.endpoint_name,
            workspace_name=self.workspace_name,
            resource_group_name=deployment.resource_group,
            properties=machinelearningservices.BatchEndpointPropertiesArgs(
                auth_mode=machinelearningservices.EndpointAuthMode.AAD_TOKEN,
                description="Registers a dataset version for an ingestion's run and trains on it.",
            ),
            tags=deployment.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"id": self.id, "endpoint_url": self.endpoint_url})

    def _vault(self, deployment: Deployment) -> keyvault.Vault:
        # Vault and workspace get automatic names: deleted ones keep theirs for a while (soft delete), so that a stack
        # that was destroyed could not be deployed again.
        return keyvault.Vault(
            "kv-ml",
            resource_group_name=deployment.resource_group,
            properties=keyvault.VaultPropertiesArgs(
                tenant_id=deployment.tenant_id,
                sku=keyvault.SkuArgs(family=keyvault.SkuFamily.A, name=keyvault.SkuName.STANDARD),
                enable_rbac_authorization=True,
                enable_soft_delete=True,
                soft_delete_retention_in_days=max(7, min(90, deployment.settings.storage.soft_delete_days)),
            ),
            tags=deployment.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _workspace(
        self, deployment: Deployment, vault: keyvault.Vault, services: StorageAccount, monitoring: Monitoring
    ) -> machinelearningservices.Workspace:
        return machinelearningservices.Workspace(
            "mlw",
            resource_group_name=deployment.resource_group,
            kind="Default",
            friendly_name=deployment.names.local("ml"),
            identity=machinelearningservices.ManagedServiceIdentityArgs(
                type=machinelearningservices.ManagedServiceIdentityType.SYSTEM_ASSIGNED
            ),
            sku=machinelearningservices.SkuArgs(name="Basic", tier=machinelearningservices.SkuTier.BASIC),
            storage_account=services.id,
            key_vault=vault.id,
            application_insights=monitoring.insights_id,
            system_datastores_auth_mode=machinelearningservices.SystemDatastoresAuthMode.IDENTITY,
            v1_legacy_mode=False,
            public_network_access=machinelearningservices.PublicNetworkAccessType.ENABLED,
            tags=deployment.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _compute(self, deployment: Deployment, identity: UserIdentity) -> machinelearningservices.Compute:
        settings = deployment.settings.machine_learning
        return machinelearningservices.Compute(
            "compute",
            compute_name=COMPUTE,
            workspace_name=self.workspace_name,
            resource_group_name=deployment.resource_group,
            identity=machinelearningservices.ManagedServiceIdentityArgs(
                type=machinelearningservices.ManagedServiceIdentityType.USER_ASSIGNED,
                user_assigned_identities=[identity.id],
            ),
            properties=machinelearningservices.AmlComputeArgs(
                compute_type="AmlCompute",
                disable_local_auth=True,
                properties=machinelearningservices.AmlComputePropertiesArgs(
                    os_type=machinelearningservices.OsType.LINUX,
                    vm_size=settings.vm_size,
                    vm_priority=machinelearningservices.VmPriority.DEDICATED,
                    remote_login_port_public_access=machinelearningservices.RemoteLoginPortPublicAccess.DISABLED,
                    scale_settings=machinelearningservices.ScaleSettingsArgs(
                        min_node_count=0,
                        max_node_count=settings.maximum_nodes,
                        node_idle_time_before_scale_down=f"PT{settings.idle_minutes}M",
                    ),
                ),
            ),
            tags=deployment.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
