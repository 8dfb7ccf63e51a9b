"""What every component needs to know about the deployment that it is part of."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.cloud import Cloud
from infra.names import Names
from infra.settings import StackSettings

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""The application that people sign in by; a service principal signs in as itself."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of the program: a stack's settings, in a cloud, by a deployer, into a resource group.

    Attributes:
        deployer_id: object id of the principal that deploys, a person or a service principal.
        resource_group: the name of the group, known once the group exists, so that what uses it waits for it.
    """

    settings: StackSettings
    names: Names
    cloud: Cloud
    subscription_id: str
    tenant_id: str
    deployer_id: str
    deployer_is_user: bool
    resource_group: pulumi.Output[str]

    @property
    def tags(self) -> dict[str, str]:
        """The tags of every resource."""
        return self.settings.tags
