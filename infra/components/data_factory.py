"""The Data Factory, with an identity of its own and no repository: its artifacts are deployed from here."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import datafactory

from infra.components.identity import principal_of
from infra.deployment import Deployment


class DataFactory(pulumi.ComponentResource):
    """The factory: `factory_name` is a plain string; `principal_id` is of the factory's identity."""

    def __init__(self, deployment: Deployment, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("adfkit:data_factory:DataFactory", "data-factory", None, opts)
        self.factory_name = deployment.names.factory
        public = deployment.settings.data_factory.public_network_access
        self.factory = datafactory.Factory(
            "factory",
            factory_name=self.factory_name,
            resource_group_name=deployment.resource_group,
            identity=datafactory.FactoryIdentityArgs(type=datafactory.FactoryIdentityType.SYSTEM_ASSIGNED),
            public_network_access=(
                datafactory.PublicNetworkAccess.ENABLED if public else datafactory.PublicNetworkAccess.DISABLED
            ),
            tags=deployment.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.id = self.factory.id
        self.principal_id = principal_of(self.factory.identity)
        self.register_outputs({"id": self.id, "factory_name": self.factory_name})
