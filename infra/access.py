"""Every role assignment of the program: each is one that an ingestion's run, or its sample data, cannot do without."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import authorization

from infra.components.batch_pool import BatchPool
from infra.components.data_factory import DataFactory
from infra.components.databricks import Databricks
from infra.components.function_app import FunctionApp
from infra.components.identity import Role, UserIdentity, assign
from infra.components.machine_learning import MachineLearning
from infra.components.storage import StorageAccount
from infra.deployment import Deployment
from infra.settings import IN_FUNCTION_APP, Technique

Assignments = list[authorization.RoleAssignment]


def of_factory(
    deployment: Deployment,
    factory: DataFactory,
    *,
    lake: StorageAccount,
    services: StorageAccount,
    batch_pool: BatchPool,
    databricks: Databricks,
    machine_learning: MachineLearning,
) -> Assignments:
    """The factory looks whether a source exists, runs data flows, tasks, notebooks and machine learning pipelines."""
    return [
        *_of_batch_in_factory(deployment, factory, services=services, batch_pool=batch_pool),
        *_of_databricks_in_factory(deployment, factory, databricks=databricks),
        _on_lake("factory", deployment, lake, factory.principal_id, factory),
        _assign(
            "factory-runs-machine-learning",
            deployment,
            Role.AZUREML_DATA_SCIENTIST,
            machine_learning.id,
            factory.principal_id,
            factory,
        ),
    ]


def _of_batch_in_factory(
    deployment: Deployment, factory: DataFactory, *, services: StorageAccount, batch_pool: BatchPool
) -> Assignments:
    if Technique.BATCH not in deployment.settings.techniques:
        return []
    return [
        _assign(
            "factory-submits-batch-jobs",
            deployment,
            Role.AZURE_BATCH_JOB_SUBMITTER,
            batch_pool.id,
            factory.principal_id,
            factory,
        ),
        _assign(
            "factory-writes-services",
            deployment,
            Role.STORAGE_BLOB_DATA_CONTRIBUTOR,  # what it hands to tasks, and signatures by which they get it
            services.id,
            factory.principal_id,
            factory,
        ),
    ]


def _of_databricks_in_factory(deployment: Deployment, factory: DataFactory, *, databricks: Databricks) -> Assignments:
    if Technique.DATABRICKS not in deployment.settings.techniques:
        return []
    name = "factory-runs-notebooks"
    # the service lets a managed identity in, that is no member of the workspace, by this role alone
    return [_assign(name, deployment, Role.CONTRIBUTOR, databricks.id, factory.principal_id, factory)]


def of_databricks(deployment: Deployment, databricks: Databricks, *, lake: StorageAccount) -> Assignments:
    """Notebooks read sources and write results."""
    if Technique.DATABRICKS not in deployment.settings.techniques:
        return []
    return [
        _assign(
            "databricks-writes-lake",
            deployment,
            Role.STORAGE_BLOB_DATA_CONTRIBUTOR,
            lake.id,
            databricks.connector_principal_id,
            databricks,
        )
    ]


def of_function_app(
    deployment: Deployment, app: FunctionApp, *, lake: StorageAccount, services: StorageAccount
) -> Assignments:
    """The app reads its package and keeps its host's state; transforms read sources and write results."""
    if not IN_FUNCTION_APP & deployment.settings.techniques:
        return []
    wanted = {
        "function-app-writes-lake": (Role.STORAGE_BLOB_DATA_CONTRIBUTOR, lake),
        # the host takes leases and wants to own what it keeps
        "function-app-owns-services": (Role.STORAGE_BLOB_DATA_OWNER, services),
    }
    if Technique.DURABLE_FUNCTION in deployment.settings.techniques:  # messages and histories of orchestrations
        wanted["function-app-queues-services"] = (Role.STORAGE_QUEUE_DATA_CONTRIBUTOR, services)
        wanted["function-app-tables-services"] = (Role.STORAGE_TABLE_DATA_CONTRIBUTOR, services)
    return [
        _assign(name, deployment, role, account.id, app.principal_id, app) for name, (role, account) in wanted.items()
    ]


def of_batch(deployment: Deployment, identity: UserIdentity, *, lake: StorageAccount) -> Assignments:
    """Tasks read sources and write results."""
    if Technique.BATCH not in deployment.settings.techniques:
        return []
    return [
        _assign(
            "batch-writes-lake",
            deployment,
            Role.STORAGE_BLOB_DATA_CONTRIBUTOR,
            lake.id,
            identity.principal_id,
            identity,
        )
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
        _on_lake("machine-learning", deployment, lake, identity.principal_id, identity),
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


def of_deployer(deployment: Deployment, *, lake: StorageAccount, services: StorageAccount) -> Assignments:
    """Who deploys uploads sample data and reads what became of it, in stacks that have some, and Batch's program."""
    accounts = {
        "deployer-writes-lake": (lake, deployment.settings.sample_data),
        "deployer-writes-services": (services, Technique.BATCH in deployment.settings.techniques),
    }
    kind = (
        authorization.PrincipalType.USER
        if deployment.deployer_is_user
        else authorization.PrincipalType.SERVICE_PRINCIPAL
    )
    return [
        assign(
            name,
            deployment,
            role=Role.STORAGE_BLOB_DATA_CONTRIBUTOR,
            scope=account.id,
            principal_id=deployment.deployer_id,
            principal_type=kind,
            opts=pulumi.ResourceOptions(parent=account),
        )
        for name, (account, wanted) in accounts.items()
        if wanted
    ]


def _on_lake(
    who: str, deployment: Deployment, lake: StorageAccount, principal_id: pulumi.Input[str], parent: pulumi.Resource
) -> authorization.RoleAssignment:
    """Read the lake; and write where data flows are used, whose results the factory writes and jobs complete."""
    if Technique.DATA_FLOW in deployment.settings.techniques:
        name, role = f"{who}-writes-lake", Role.STORAGE_BLOB_DATA_CONTRIBUTOR
    else:
        name, role = f"{who}-reads-lake", Role.STORAGE_BLOB_DATA_READER
    return _assign(name, deployment, role, lake.id, principal_id, parent)


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
