"""Batch endpoints and their deployments of pipeline components."""

from __future__ import annotations

import re
from typing import Any, Final

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import ArmRequest, Json, ResourceType
from adfkit.local_azure.services.machine_learning import errors, pipelines
from adfkit.local_azure.services.machine_learning.api import (
    API_VERSIONS,
    WORKSPACES,
    scoring_url,
    system_data,
    workspace_of,
)

ENDPOINTS: Final = f"{WORKSPACES}/batchEndpoints"
DEPLOYMENTS: Final = f"{ENDPOINTS}/deployments"
NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9-]{1,30}[a-zA-Z0-9]")


async def put_endpoint(request: ArmRequest) -> Json:
    """An endpoint that takes Entra tokens; its name is unique in the region, since it is a host name."""
    properties = dict(request.body.get("properties") or {})
    mode = properties.get("authMode", "AADToken")
    if str(mode).lower() != "aadtoken":
        raise not_implemented(f"batch endpoints with authMode '{mode}'; AADToken is supported")
    location = request.body.get("location")
    if not location:
        raise errors.validation("A batch endpoint needs a location.", "location")
    for other in request.platform.resources.of_type(ENDPOINTS):
        place = (other.name.lower(), other.body.get("location"))
        if place == (request.id.name.lower(), location) and other.id.lower() != request.id.key:
            raise errors.validation(f"The endpoint name '{request.id.name}' is taken in '{location}'.", "name")
    default = (properties.get("defaults") or {}).get("deploymentName")
    if default and request.platform.resources.get(f"{request.id.text}/deployments/{default}") is None:
        raise errors.deployment_not_found(request.id.name, default)
    return {**request.body, "properties": {**properties, "authMode": "AADToken"}}


def show_endpoint(_: Platform, resource: Resource) -> Json:
    """The endpoint with the address at which it is invoked."""
    url = scoring_url(resource.name, str(resource.body["location"]))
    computed = {
        "scoringUri": url,
        "swaggerUri": f"{url.removesuffix('/jobs')}/swagger.json",
        "provisioningState": "Succeeded",
        "properties": {},
    }
    properties = {**computed, **resource.properties}
    properties.setdefault("defaults", {"deploymentName": None})
    return {"tags": {}, **resource.body, "properties": properties, "systemData": system_data(resource)}


async def put_deployment(request: ArmRequest) -> Json:
    """A deployment of a pipeline component whose steps can run here and whose compute exists.

    Raises:
        AzureError: 501 for a model deployment or a component that needs more than local Azure has.
    """
    properties = dict(request.body.get("properties") or {})
    configuration = dict(properties.get("deploymentConfiguration") or {})
    if configuration.get("deploymentConfigurationType") != "PipelineComponent":
        raise not_implemented("batch deployments of a model; those of a pipeline component are")
    component = component_id(configuration)
    pipelines.load(request.platform, component)
    compute = default_compute(configuration)
    if compute is None:
        raise errors.validation("The deployment's settings name no 'default_compute'.", "settings")
    workspace = workspace_of(request.platform, request.id.text)
    if request.platform.resources.get(compute_id(workspace, compute)) is None:
        raise errors.validation(f"The compute '{compute}' does not exist in '{workspace.name}'.", "default_compute")
    configuration["settings"] = {str(name): str(value) for name, value in configuration["settings"].items()}
    return {**request.body, "properties": {**properties, "deploymentConfiguration": configuration}}


def show_deployment(_: Platform, resource: Resource) -> Json:
    """The deployment, which is in place as soon as it is stored."""
    properties = {"provisioningState": "Succeeded", "properties": {}, **resource.properties}
    return {"tags": {}, **resource.body, "properties": properties, "systemData": system_data(resource)}


def component_id(configuration: Json) -> str:
    """The id of the component version that a deployment runs.

    Raises:
        AzureError: 400 where there is none.
    """
    reference: Any = configuration.get("componentId") or {}
    if not reference.get("assetId"):
        raise errors.validation("The deployment names no component.", "componentId")
    return str(reference["assetId"])


def default_compute(configuration: Json) -> str | None:
    """The name of the compute on which steps run that name none themselves; it may come as `azureml:name` or an id."""
    settings = configuration.get("settings") or {}
    named = settings.get("default_compute") or settings.get("DefaultCompute")
    return str(named).removeprefix("azureml:").rsplit("/", 1)[-1] if named else None


def compute_id(workspace: Resource, name: str) -> str:
    """The id of a workspace's compute."""
    return f"{workspace.id}/computes/{name}"


def find_endpoint(platform: Platform, name: str, region: str) -> Resource:
    """The endpoint behind a host name.

    Raises:
        AzureError: 404 `NotFound`.
    """
    for endpoint in platform.resources.of_type(ENDPOINTS):
        if endpoint.name.lower() == name.lower() and endpoint.body.get("location") == region:
            return endpoint
    raise errors.endpoint_not_found(name)


def find_deployment(platform: Platform, endpoint: Resource, name: str | None) -> Resource:
    """The endpoint's deployment of a name, else its default one.

    Raises:
        AzureError: 404 `DeploymentNotFound`.
    """
    wanted = name or (endpoint.properties.get("defaults") or {}).get("deploymentName")
    deployment = platform.resources.get(f"{endpoint.id}/deployments/{wanted}") if wanted else None
    if deployment is None:
        raise errors.deployment_not_found(endpoint.name, wanted)
    return deployment


RESOURCE_TYPES: Final = (
    ResourceType(
        name=ENDPOINTS,
        api_versions=API_VERSIONS,
        name_pattern=NAME,
        put=put_endpoint,
        show=show_endpoint,
        long_running=True,
    ),
    ResourceType(
        name=DEPLOYMENTS,
        api_versions=API_VERSIONS,
        name_pattern=NAME,
        put=put_deployment,
        show=show_deployment,
        long_running=True,
    ),
)
