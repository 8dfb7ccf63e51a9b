"""Who may do what: user-assigned identities and role assignments, each the least that an ingestion needs."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pulumi
from pulumi_azure_native import authorization, managedidentity

from infra.deployment import Deployment


class Role(StrEnum):
    """Built-in roles by the GUID of their definition.

    https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
    """

    CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
    STORAGE_BLOB_DATA_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
    STORAGE_BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
    STORAGE_BLOB_DATA_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
    STORAGE_QUEUE_DATA_CONTRIBUTOR = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"
    STORAGE_TABLE_DATA_CONTRIBUTOR = "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"
    AZURE_BATCH_JOB_SUBMITTER = "48e5e92e-a480-4e71-aa9c-2778f4c13781"
    AZUREML_DATA_SCIENTIST = "f6c7c914-8db3-469d-8ca1-694a8f32e121"


class UserIdentity(pulumi.ComponentResource):
    """A user-assigned identity: `id`, `principal_id` and `client_id`."""

    def __init__(self, name: str, deployment: Deployment, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("adfkit:identity:UserIdentity", name, None, opts)
        identity = managedidentity.UserAssignedIdentity(
            name,
            resource_name_=deployment.names.local(f"id-{name}"),
            resource_group_name=deployment.resource_group,
            tags=deployment.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.id = identity.id
        self.principal_id = identity.principal_id
        self.client_id = identity.client_id
        self.register_outputs({"id": self.id, "principal_id": self.principal_id, "client_id": self.client_id})


def principal_of(identity: pulumi.Output[Any]) -> pulumi.Output[str]:
    """The object id behind a resource's own identity (the resource's output `identity`)."""
    return identity.apply(lambda found: found.principal_id)


def assign(
    name: str,
    deployment: Deployment,
    *,
    role: Role,
    scope: pulumi.Input[str],
    principal_id: pulumi.Input[str],
    principal_type: authorization.PrincipalType = authorization.PrincipalType.SERVICE_PRINCIPAL,
    opts: pulumi.ResourceOptions | None = None,
) -> authorization.RoleAssignment:
    """Give a principal a role at a scope; `name` says who may do what, as in `factory-reads-lake`."""
    definitions = f"/subscriptions/{deployment.subscription_id}/providers/Microsoft.Authorization/roleDefinitions"
    return authorization.RoleAssignment(
        name,
        role_assignment_name=deployment.names.guid(name),
        scope=scope,
        role_definition_id=f"{definitions}/{role}",
        principal_id=principal_id,
        principal_type=principal_type,
        opts=opts,
    )
