"""Storage: the lake that ingestions read and write, and an account that the services keep their own files in."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import storage

from infra.deployment import Deployment

LANDING = "landing"
CURATED = "curated"
PACKAGES = "packages"


class StorageAccount(pulumi.ComponentResource):
    """An account for blobs: no shared keys, no public blobs, TLS 1.2, soft delete; with its containers.

    Attributes:
        account_name: the account's name, as a plain string since templates need it.
        blob_endpoint: without a trailing slash.
        id: the account's resource id.
        containers: the container resources by name.
    """

    def __init__(
        self,
        name: str,
        deployment: Deployment,
        *,
        account_name: str,
        hierarchical: bool,
        containers: tuple[str, ...],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("adfkit:storage:StorageAccount", name, None, opts)
        settings = deployment.settings.storage
        child = pulumi.ResourceOptions(parent=self)
        self.account_name = account_name
        self.blob_endpoint = deployment.cloud.blob_endpoint(self.account_name)
        account = storage.StorageAccount(
            name,
            account_name=self.account_name,
            resource_group_name=deployment.resource_group,
            kind=storage.Kind.STORAGE_V2,
            sku=storage.SkuArgs(name=settings.redundancy),
            access_tier=storage.AccessTier.HOT,
            is_hns_enabled=hierarchical,
            allow_shared_key_access=False,
            default_to_o_auth_authentication=True,
            allow_blob_public_access=False,
            allow_cross_tenant_replication=False,
            minimum_tls_version=storage.MinimumTlsVersion.TLS1_2,
            enable_https_traffic_only=True,
            tags=deployment.tags,
            opts=child,
        )
        retention = storage.DeleteRetentionPolicyArgs(enabled=True, days=settings.soft_delete_days)
        storage.BlobServiceProperties(
            name,
            account_name=account.name,
            blob_services_name="default",
            resource_group_name=deployment.resource_group,
            delete_retention_policy=retention,
            container_delete_retention_policy=retention,
            opts=child,
        )
        self.id = account.id
        self.containers = {
            container: storage.BlobContainer(
                f"{name}-{container}",
                account_name=account.name,
                container_name=container,
                resource_group_name=deployment.resource_group,
                public_access=storage.PublicAccess.NONE,
                opts=child,
            )
            for container in containers
        }
        self.register_outputs({"id": self.id, "account_name": self.account_name})


def lake(deployment: Deployment) -> StorageAccount:
    """The data lake, with a hierarchical namespace: `landing` for raw files, `curated` for what runs write."""
    account_name = deployment.names.lake
    return StorageAccount(
        "lake", deployment, account_name=account_name, hierarchical=True, containers=(LANDING, CURATED)
    )


def services(deployment: Deployment) -> StorageAccount:
    """The services' account, without a hierarchical namespace, which Azure ML and the Functions host do not take."""
    account_name = deployment.names.services
    return StorageAccount("services", deployment, account_name=account_name, hierarchical=False, containers=(PACKAGES,))
