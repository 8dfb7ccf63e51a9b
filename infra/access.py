"""Every role assignment of the program: each is one that an ingestion's run, or its sample data, cannot do without."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import authorization

from infra.components.data_factory import DataFactory
from infra.components.function_app import FunctionApp
from infra.components.identity import Role, UserIdentity, assign
from infra.components.machine_learning import MachineLearning
from infra.components.storage import StorageAccount
from infra.deployment import Deployment
from infra.settings import Technique

Assignments = list[authorization.RoleAssignment]


def of_factory(
    deployment: Deployment, factory: DataFactory, *, lake: StorageAccount, machine_learning: MachineLearning
) -> Assignments:
    """The factory looks whether a source exists, and runs machine learning pipelines."""
    return [
        _assign(
            "factory-reads-lake", deployment, Role.STORAGE_BLOB_DATA_READER, lake.id, factory.principal_id, factory
        ),
        _assign(
            "factory-runs-machine-learning",
            deployment,
            Role.AZUREML_DATA_SCIENTIST,
            machine_learning.id,
            factory.principal_id,
            factory,
        ),
    ]


def of_function_app(
    deployment: Deployment, app: FunctionApp, *, lake: StorageAccount, services: StorageAccount
) -> Assignments:
    """The app reads its package and keeps its host's state; transforms read sources and write results."""
    if Technique.AZURE_FUNCTION not in deployment.settings.techniques:
        return []
    return [
        _assign(
            "function-app-writes-lake",
            deployment,
            Role.STORAGE_BLOB_DATA_CONTRIBUTOR,
            lake.id,
            app.principal_id,
            app,
        ),
        _assign(
            "function-app-owns-services",
            deployment,
            Role.STORAGE_BLOB_DATA_OWNER,  # the host takes leases and wants to own what it keeps
            services.id,
            app.principal_id,
            app,
        ),
    ]


def of_machine_learning(
    deployment: Deployment,
    identity: UserIdentity,
    *,
    lake: StorageAccount,
    services: StorageAccount,
    machine_learning: MachineLearning,
) -> Assignments:
    """Jobs read what a run wrote, keep their code and outputs, and register dataset versions and models."""
    return [
        _assign(
            "machine-learning-reads-lake",
            deployment,
            Role.STORAGE_BLOB_DATA_READER,
            lake.id,
            identity.principal_id,
            identity,
        ),
        _assign(
            "machine-learning-writes-services",
            deployment,
            Role.STORAGE_BLOB_DATA_CONTRIBUTOR,
            services.id,
            identity.principal_id,
            identity,
        ),
        _assign(
            "machine-learning-registers-assets",
            deployment,
            Role.AZUREML_DATA_SCIENTIST,
            machine_learning.id,
            identity.principal_id,
            identity,
        ),
    ]


def of_deployer(deployment: Deployment, *, lake: StorageAccount) -> Assignments:
    """Who deploys uploads the sample data and reads what a run made of it, in stacks that have some."""
    if not deployment.settings.sample_data:
        return []
    kind = (
        authorization.PrincipalType.USER
        if deployment.deployer_is_user
        else authorization.PrincipalType.SERVICE_PRINCIPAL
    )
    return [
        assign(
            "deployer-writes-lake",
            deployment,
            role=Role.STORAGE_BLOB_DATA_CONTRIBUTOR,
            scope=lake.id,
            principal_id=deployment.deployer_id,
            principal_type=kind,
            opts=pulumi.ResourceOptions(parent=lake),
        )
    ]


def _assign(
    name: str,
    deployment: Deployment,
    role: Role,
    scope: pulumi.Input[str],
    principal_id: pulumi.Input[str],
    parent: pulumi.Resource,
) -> authorization.RoleAssignment:
    opts = pulumi.ResourceOptions(parent=parent)
    return assign(name, deployment, role=role, scope=scope, principal_id=principal_id, opts=opts)
