"""The host of a batch endpoint: invoke its deployment, and ask after the job that came of it.

https://learn.microsoft.com/azure/machine-learning/how-to-use-batch-pipeline-deployments
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.responses import JSONResponse, Response

from adfkit.local_azure.errors import AzureError, not_implemented
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import Json, RequestContext
from adfkit.local_azure.services.machine_learning import bodies, endpoints, errors, pipelines
from adfkit.local_azure.services.machine_learning.api import workspace_guid, workspace_of
from adfkit.local_azure.services.machine_learning.jobs import Jobs
from adfkit.local_azure.services.machine_learning.runs import Runs

HOST: Final = "{endpoint}.{region}.inference.ml"
DEPLOYMENT_HEADER: Final = "azureml-model-deployment"
ACTIONS: Final = "Microsoft.MachineLearningServices/workspaces/batchEndpoints/jobs"
JOB: Final = re.compile(r"/jobs/(?P<name>[^/]+)")


class Invocations:
    """Answers at `https://<endpoint>.<region>.inference.ml.<suffix>/jobs`."""

    def __init__(self, runs: Runs, jobs: Jobs) -> None:
        self._runs = runs
        self._jobs = jobs

    async def handle(self, context: RequestContext) -> Response:
        """Answer one request.

        Raises:
            AzureError: whatever the endpoint refuses.
        """
        endpoint = endpoints.find_endpoint(context.platform, context.host["endpoint"], context.host["region"])
        method, path = context.request.method, context.request.url.path.rstrip("/")
        if path == "/jobs" and method == "POST":
            return await self._invoke(context, endpoint)
        if path == "/jobs" and method == "GET":
            return self._list(context, endpoint)
        if (match := JOB.fullmatch(path)) and method == "GET":
            return self._get(context, endpoint, match["name"])
        raise not_implemented(f"{method} {path} at a batch endpoint")

    async def _invoke(self, context: RequestContext, endpoint: Resource) -> Response:
        _authorize(context, endpoint, "write")
        properties = _lowered(_body(await context.request.body()).get("properties"), "properties")
        if unsupported := set(properties) - {"inputdata", "outputdata", "name", "properties"}:
            raise not_implemented(f"'{min(unsupported)}' in the invocation of a pipeline component")
        if properties.get("outputdata"):
            raise not_implemented("OutputData in the invocation of a batch endpoint")
        name = context.request.headers.get(DEPLOYMENT_HEADER)
        deployment = endpoints.find_deployment(context.platform, endpoint, name)
        configuration = deployment.properties["deploymentConfiguration"]
        component = endpoints.component_id(configuration)
        pipeline = pipelines.load(context.platform, component)
        settings = {str(key): str(value).lower() for key, value in configuration["settings"].items()}
        definition = {
            "endpoint": endpoint.id,
            "deployment": deployment.name,
            "component": component,
            "compute": endpoints.default_compute(configuration),
            "inputs": pipelines.invocation_inputs(pipeline, properties.get("inputdata") or {}),
            "continue_on_step_failure": settings.get("continue_on_step_failure", "true") == "true",
        }
        experiment = (properties.get("properties") or {}).get("experimentName") or endpoint.name
        workspace = workspace_of(context.platform, endpoint.id)
        run = self._jobs.submit(workspace, experiment, f"{endpoint.name}/{deployment.name}", definition)
        return JSONResponse(bodies.batch_job(endpoint, run), status_code=201)

    def _list(self, context: RequestContext, endpoint: Resource) -> Response:
        _authorize(context, endpoint, "read")
        return JSONResponse({"value": list_jobs(context, self._runs, endpoint)})

    def _get(self, context: RequestContext, endpoint: Resource, name: str) -> Response:
        _authorize(context, endpoint, "read")
        run = self._runs.get(workspace_guid(workspace_of(context.platform, endpoint.id)), name)
        if run is None or run.definition.get("endpoint") != endpoint.id:
            raise errors.job_not_found(name)
        return JSONResponse(bodies.batch_job(endpoint, run))


def list_jobs(context: RequestContext, runs: Runs, endpoint: Resource, deployment: str | None = None) -> list[Json]:
    """The jobs of an endpoint (of one deployment, if given), the newest first."""
    found = runs.jobs(workspace_guid(workspace_of(context.platform, endpoint.id)))
    return [
        bodies.batch_job(endpoint, run)
        for run in found
        if run.definition["endpoint"] == endpoint.id and deployment in (None, run.definition["deployment"])
    ]


def _authorize(context: RequestContext, endpoint: Resource, verb: str) -> None:
    if context.principal is None:
        raise AzureError(401, "Unauthorized", "A batch endpoint is called with an Entra token.")
    context.platform.identity.authorize(context.principal, endpoint.id, action=f"{ACTIONS}/{verb}")


def _body(content: bytes) -> Json:
    try:
        body = orjson.loads(content or b"{}")
    except orjson.JSONDecodeError as error:
        raise errors.invalid_input(f"The body is not JSON: {error}.") from None
    return _lowered(body, "body")


def _lowered(value: Any, what: str) -> Json:
    """An object with its own keys in lower case, since clients and documentation disagree about theirs."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise errors.invalid_input(f"The {what} of the invocation is not a JSON object.")
    return {str(key).lower(): each for key, each in value.items()}
