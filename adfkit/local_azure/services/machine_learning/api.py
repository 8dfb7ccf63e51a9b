"""What all of Azure Machine Learning's APIs share: the namespace, API versions, host names, system data."""

from __future__ import annotations

from typing import Final

from adfkit.local_azure import resource_id
from adfkit.local_azure.cloud import host
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import Json

PROVIDER: Final = "Microsoft.MachineLearningServices"
WORKSPACES: Final = f"{PROVIDER}/workspaces"

API_VERSIONS: Final = frozenset(
    {
        "2022-02-01-preview",
        "2022-05-01",
        "2022-10-01",
        "2022-10-01-preview",
        "2023-02-01-preview",
        "2023-04-01",
        "2023-04-01-preview",
        "2023-06-01-preview",
        "2023-08-01-preview",
        "2023-10-01",
        "2024-01-01-preview",
        "2024-04-01",
        "2024-04-01-preview",
        "2024-10-01",
        "2024-10-01-preview",
        "2025-01-01-preview",
        "2025-06-01",
        "2025-12-01",
    }
)
"""Those that azure-ai-ml asks for, one an operation, and those of azure-native; the bodies used here are alike."""


def system_data(resource: Resource) -> Json:
    """When a resource was made and last changed."""
    return {"createdAt": resource.created_at, "lastModifiedAt": resource.updated_at}


def services_url(region: str) -> str:
    """The host of a region's run history, discovery and front end, as `api.azureml.ms` is Azure's."""
    return f"https://{host(region, 'api', 'azureml')}"


def scoring_url(endpoint: str, region: str) -> str:
    """Where jobs of a batch endpoint are invoked."""
    return f"https://{host(endpoint, region, 'inference', 'ml')}/jobs"


def workspace_of(platform: Platform, id: str) -> Resource:
    """The workspace that an id is of or below.

    Raises:
        AzureError: 404 `ResourceNotFound`.
    """
    parsed = resource_id.parse(id)
    return platform.resources.require(f"{parsed.scope}/providers/{WORKSPACES}/{parsed.names[0]}")


def workspace_guid(workspace: Resource) -> str:
    """The workspace's `workspaceId`, by which run history and container names know it."""
    return str(workspace.properties["workspaceId"])
