"""Batch: an account without keys, and a pool that runs transforms and costs nothing while there are none."""

from __future__ import annotations

import shlex

import pulumi
from pulumi_azure_native import batch

from infra.components.identity import UserIdentity
from infra.components.storage import StorageAccount
from infra.deployment import Deployment
from infra.settings import Batch

POOL = "transforms"
INSTALL_UV = "apt-get install --yes python3-pip && pip install --break-system-packages 'uv>=0.9,<1'"
INSTALL_R = "apt-get install --yes r-base-core"


class BatchPool(pulumi.ComponentResource):
    """The account, by its `id`, and its pool; `account_name` and `pool_name` are plain strings."""

    def __init__(
        self,
        deployment: Deployment,
        *,
        services: StorageAccount,
        identity: UserIdentity,
        with_r: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("adfkit:batch_pool:BatchPool", "batch", None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.account_name = deployment.names.batch_account
        self.pool_name = POOL
        account = batch.BatchAccount(
            "batch",
            account_name=self.account_name,
            resource_group_name=deployment.resource_group,
            pool_allocation_mode=batch.PoolAllocationMode.BATCH_SERVICE,
            allowed_authentication_modes=[batch.AuthenticationMode.AAD],
            identity=batch.BatchAccountIdentityArgs(type=batch.ResourceIdentityType.SYSTEM_ASSIGNED),
            auto_storage=batch.AutoStorageBasePropertiesArgs(
                storage_account_id=services.id,
                authentication_mode=batch.AutoStorageAuthenticationMode.BATCH_ACCOUNT_MANAGED_IDENTITY,
                node_identity_reference=batch.ComputeNodeIdentityReferenceArgs(resource_id=identity.id),
            ),
            tags=deployment.tags,
            opts=child,
        )
        self.id = account.id
        self.pool = batch.Pool(
            "batch-pool",
            account_name=account.name,
            pool_name=POOL,
            resource_group_name=deployment.resource_group,
            vm_size=deployment.settings.batch.vm_size,
            identity=batch.BatchPoolIdentityArgs(
                type=batch.PoolIdentityType.USER_ASSIGNED, user_assigned_identities=[identity.id]
            ),
            deployment_configuration=_ubuntu(),
            scale_settings=batch.ScaleSettingsArgs(
                auto_scale=batch.AutoScaleSettingsArgs(
                    formula=autoscale_formula(deployment.settings.batch), evaluation_interval="PT5M"
                )
            ),
            start_task=_start_task(with_r=with_r),
            task_slots_per_node=deployment.settings.batch.task_slots_per_node,
            target_node_communication_mode=batch.NodeCommunicationMode.SIMPLIFIED,
            opts=child,
        )
        self.register_outputs({"account_name": self.account_name, "pool_name": self.pool_name})


def autoscale_formula(settings: Batch) -> str:
    """As many nodes as the tasks of late fill, at most `maximum_nodes`, none where there were none.

    https://learn.microsoft.com/azure/batch/batch-automatic-scaling
    """
    return "\n".join(
        (
            "samples = $PendingTasks.GetSamplePercent(TimeInterval_Minute * 5);",
            "tasks = samples < 70 ? max(0, $PendingTasks.GetSample(1)) : "
            "max($PendingTasks.GetSample(1), avg($PendingTasks.GetSample(TimeInterval_Minute * 5)));",
            f"$TargetDedicatedNodes = min({settings.maximum_nodes}, ceil(tasks / {settings.task_slots_per_node}));",
            "$NodeDeallocationOption = taskcompletion;",
        )
    )


def _ubuntu() -> batch.DeploymentConfigurationArgs:
    return batch.DeploymentConfigurationArgs(
        virtual_machine_configuration=batch.VirtualMachineConfigurationArgs(
            image_reference=batch.ImageReferenceArgs(
                publisher="canonical", offer="ubuntu-24_04-lts", sku="server", version="latest"
            ),
            node_agent_sku_id="batch.node.ubuntu 24.04",
        )
    )


def start_command(*, with_r: bool) -> str:
    """What a new node installs, unless it is there: uv, which makes the environment of a task, and R if wanted."""
    wanted = [f"(command -v uv || (apt-get update && {INSTALL_UV}))"]
    if with_r:
        wanted.append(f"(command -v Rscript || (apt-get update && {INSTALL_R}))")
    return f"/bin/bash -c {shlex.quote(' && '.join(wanted))}"


def _start_task(*, with_r: bool) -> batch.StartTaskArgs:
    return batch.StartTaskArgs(
        command_line=start_command(with_r=with_r),
        user_identity=batch.UserIdentityArgs(
            auto_user=batch.AutoUserSpecificationArgs(
                elevation_level=batch.ElevationLevel.ADMIN, scope=batch.AutoUserScope.POOL
            )
        ),
        max_task_retry_count=2,
        wait_for_success=True,
    )
