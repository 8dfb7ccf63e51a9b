"""The platform: what exists in Azure for the ingestions of a stack."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import authorization, resources

from infra import access, artifacts, batch_package, cloud, ingestions, settings
from infra.components import storage
from infra.components.batch_pool import BatchPool
from infra.components.data_factory import DataFactory
from infra.components.databricks import Databricks
from infra.components.function_app import FunctionApp
from infra.components.identity import UserIdentity
from infra.components.machine_learning import MachineLearning
from infra.components.monitoring import Monitoring
from infra.deployment import AZURE_CLI, Deployment
from infra.function_package import FunctionPackage
from infra.ml_assets import MachineLearningAssets
from infra.names import Names
from infra.notebooks import Notebooks

# What can be wrong with settings and templates is found before the first resource is registered.
config = settings.read()
azure = cloud.current()
client = authorization.get_client_config()
names = Names(config.name, pulumi.get_stack(), client.subscription_id)
rendered = ingestions.artifacts(config, names, azure)

group = resources.ResourceGroup("group", resource_group_name=names.resource_group, tags=config.tags)
deployment = Deployment(
    settings=config,
    names=names,
    cloud=azure,
    subscription_id=client.subscription_id,
    tenant_id=client.tenant_id,
    deployer_id=client.object_id,
    deployer_is_user=client.client_id == AZURE_CLI,
    resource_group=group.name,
)
lake = storage.lake(deployment)
services = storage.services(deployment)
monitoring = Monitoring(deployment)
batch_identity = UserIdentity("batch", deployment)
ml_identity = UserIdentity("machine-learning", deployment)

function_app = FunctionApp(deployment, services=services, monitoring=monitoring)
batch_transforms = ingestions.transforms(config, settings.Technique.BATCH)
batch_pool = BatchPool(
    deployment, services=services, identity=batch_identity, with_r=batch_package.needs_r(batch_transforms)
)
databricks = Databricks(deployment)
machine_learning = MachineLearning(deployment, services=services, monitoring=monitoring, identity=ml_identity)
factory = DataFactory(deployment)

function_app.allow(deployment, factory.principal_id)
deployer_access = access.of_deployer(deployment, lake=lake, services=services)
factory_access = access.of_factory(
    deployment,
    factory,
    lake=lake,
    services=services,
    batch_pool=batch_pool,
    databricks=databricks,
    machine_learning=machine_learning,
)
batch_access = access.of_batch(deployment, batch_identity, lake=lake)
databricks_access = access.of_databricks(deployment, databricks, lake=lake)
app_access = access.of_function_app(deployment, function_app, lake=lake, services=services)
ml_access = access.of_machine_learning(
    deployment, ml_identity, lake=lake, services=services, machine_learning=machine_learning
)

packages: list[pulumi.Resource] = []
if function_transforms := ingestions.transforms(config, *settings.IN_FUNCTION_APP):
    packages.append(
        FunctionPackage(
            "function-package",
            scm_host=function_app.scm_host,
            app_principal_id=function_app.principal_id,
            scope=azure.credential_scopes[0],
            transforms=function_transforms,
            durable=settings.Technique.DURABLE_FUNCTION in config.techniques,
            role_propagation_seconds=config.role_propagation_seconds,
            opts=pulumi.ResourceOptions(parent=function_app, depends_on=[function_app.app, *app_access]),
        )
    )
programs: list[pulumi.Resource] = []
if batch_transforms:
    programs.append(
        batch_package.BatchPackage(
            "batch-package",
            blob_endpoint=services.blob_endpoint,
            transforms=batch_transforms,
            role_propagation_seconds=config.role_propagation_seconds,
            opts=pulumi.ResourceOptions(
                parent=batch_pool, depends_on=[services.containers[storage.PACKAGES], *deployer_access]
            ),
        )
    )
notebook_transforms = ingestions.transforms(config, settings.Technique.DATABRICKS)
if notebook_transforms:
    programs += databricks.reach(deployment, lake, allowed=databricks_access)
    programs.append(
        Notebooks(
            "notebooks",
            workspace_url=databricks.url,
            workspace_id=databricks.id,
            transforms=notebook_transforms,
            role_propagation_seconds=config.role_propagation_seconds,
            opts=pulumi.ResourceOptions(parent=databricks),
        )
    )
ml_assets = MachineLearningAssets(
    "machine-learning-assets",
    subscription_id=client.subscription_id,
    resource_group=names.resource_group,
    workspace=machine_learning.workspace_name,
    endpoint=names.batch_endpoint,
    compute=machine_learning.compute_name,
    opts=pulumi.ResourceOptions(
        parent=machine_learning, depends_on=[machine_learning.endpoint, machine_learning.compute]
    ),
)
artifacts.deploy(
    rendered,
    subscription_id=client.subscription_id,
    resource_group=names.resource_group,
    factory=names.factory,
    outputs={ingestions.DATABRICKS_URL: databricks.url},
    opts=pulumi.ResourceOptions(parent=factory, depends_on=[factory.factory, *programs]),
    before_triggers=[
        *(*factory_access, *batch_access, *app_access, *ml_access),
        *(*packages, ml_assets, *lake.containers.values()),
    ],
)

outputs = {
    "subscription_id": client.subscription_id,
    "resource_group": names.resource_group,
    "resource_manager": azure.resource_manager,
    "factory": names.factory,
    "lake_account": names.lake,
    "lake_blob_endpoint": lake.blob_endpoint,
    "services_account": names.services,
    "function_app": names.function_app,
    "function_url": function_app.url,
    "batch_account": batch_pool.account_name,
    "batch_url": azure.batch_account(batch_pool.account_name, config.location),
    "databricks_url": databricks.url,
    "log_analytics_endpoint": azure.log_analytics,
    "log_analytics_workspace": monitoring.customer_id,
    "machine_learning_workspace": machine_learning.workspace_name,
    "batch_endpoint": names.batch_endpoint,
    "sample_data": config.sample_data,
    "retention_days": config.retention_days,
    "ingestions": ingestions.summary(config),
}
for name, value in outputs.items():
    pulumi.export(name, value)
