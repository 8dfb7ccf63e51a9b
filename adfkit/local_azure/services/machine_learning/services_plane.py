"""A region's services beside ARM: discovery, run history with its logs, and the list of an endpoint's jobs."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from typing import Final

import orjson
from starlette.responses import FileResponse, JSONResponse, Response

from adfkit.local_azure.cloud import AUDIENCE_ARM, AUDIENCE_MACHINE_LEARNING
from adfkit.local_azure.errors import AzureError, not_implemented
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import Json, RequestContext
from adfkit.local_azure.services.machine_learning import bodies, errors
from adfkit.local_azure.services.machine_learning.api import services_url, workspace_guid, workspace_of
from adfkit.local_azure.services.machine_learning.invocations import list_jobs
from adfkit.local_azure.services.machine_learning.models import Run
from adfkit.local_azure.services.machine_learning.runs import Runs
from adfkit.local_azure.services.machine_learning.steps import LOG, run_folder

HOST: Final = "{region}.api.azureml"
READ_RUNS: Final = "Microsoft.MachineLearningServices/workspaces/experiments/runs/read"
READ_JOBS: Final = "Microsoft.MachineLearningServices/workspaces/batchEndpoints/jobs/read"
DISCOVERY: Final = re.compile(r"/discovery/workspaces/[^/]+")
LOGS: Final = re.compile(r"/artifact/v2.0/(?P<guid>[\w-]+)/(?P<run>[\w-]+)/" + re.escape(LOG))
BELOW_WORKSPACE: Final = re.compile(
    r"/(?P<service>history/v1.0|mferp/managementfrontend)(?P<workspace>/subscriptions/[^/]+/resourceGroups/[^/]+"
    r"/providers/Microsoft.MachineLearningServices/workspaces/[^/]+)/(?P<rest>.+)",
    re.IGNORECASE,
)
_LOG_KEY: Final = secrets.token_bytes(32)


class ServicesPlane:
    """Answers at `https://<region>.api.azureml.<suffix>`."""

    def __init__(self, platform: Platform, runs: Runs) -> None:
        self._platform = platform
        self._runs = runs

    async def handle(self, context: RequestContext) -> Response:
        """Answer one request; discovery and signed log addresses need no token.

        Raises:
            AzureError: 401, 403, 404, or 501 for what is not served.
        """
        path = context.request.url.path.rstrip("/")
        if DISCOVERY.fullmatch(path):
            url = services_url(context.host["region"])
            return JSONResponse({"api": url, "history": url, "experimentation": url, "modelmanagement": url})
        if match := LOGS.fullmatch(path):
            return self._log(context, match)
        match = BELOW_WORKSPACE.fullmatch(path)
        if match is None:
            raise not_implemented(f"{context.request.method} {path} of Azure Machine Learning's regional services")
        workspace = workspace_of(self._platform, match["workspace"])
        if match["service"].lower().startswith("history"):
            self._authorize(context, workspace, READ_RUNS)
            return await self._history(context, workspace, match["rest"])
        return self._endpoint_jobs(context, workspace, match["rest"])

    async def _history(self, context: RequestContext, workspace: Resource, rest: str) -> Response:
        if rest == "rundata" and context.request.method == "POST":
            wanted = orjson.loads(await context.request.body() or b"{}")
            return JSONResponse({"runMetadata": bodies.history(self._run(workspace, str(wanted.get("runId"))))})
        kind, _, rest = rest.partition("/")
        name, _, part = rest.partition("/")
        views: dict[str, Callable[[Run], Json]] = {
            "": bodies.history,
            "details": lambda run: bodies.details(run, self._log_addresses(workspace, run)),
            "children": lambda run: {"value": [bodies.history(child) for child in self._runs.children(run.id)]},
        }
        if kind != "runs" or part not in views or context.request.method != "GET":
            raise not_implemented(f"{context.request.method} {kind}/{part} of run history")
        return JSONResponse(views[part](self._run(workspace, name)))

    def _endpoint_jobs(self, context: RequestContext, workspace: Resource, rest: str) -> Response:
        match = re.fullmatch(r"batchEndpoints/(?P<endpoint>[^/]+)(?:/deployments/(?P<deployment>[^/]+))?/jobs", rest)
        if match is None or context.request.method != "GET":
            raise not_implemented(f"{context.request.method} {rest} of the management front end")
        endpoint = self._platform.resources.require(f"{workspace.id}/batchEndpoints/{match['endpoint']}")
        self._authorize(context, endpoint, READ_JOBS)
        return JSONResponse({"value": list_jobs(context, self._runs, endpoint, match["deployment"])})

    def _authorize(self, context: RequestContext, scope: Resource, action: str) -> None:
        scheme, _, token = context.request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise AzureError(401, "Unauthorized", "A bearer token is needed.")
        principal = self._platform.identity.verify(token.strip(), AUDIENCE_ARM | AUDIENCE_MACHINE_LEARNING)
        self._platform.identity.authorize(principal, scope.id, action=action)

    def _run(self, workspace: Resource, name: str) -> Run:
        run = self._runs.get(workspace_guid(workspace), name)
        if run is None:
            raise errors.job_not_found(name)
        return run

    def _log_addresses(self, workspace: Resource, run: Run) -> Json:
        if not (run_folder(self._platform, run) / LOG).exists():
            return {}
        path = f"/artifact/v2.0/{run.workspace}/{run.id}/{LOG}"
        return {LOG: f"{services_url(str(workspace.body['location']))}{path}?sig={_signature(path)}"}

    def _log(self, context: RequestContext, match: re.Match[str]) -> Response:
        path = context.request.url.path
        run = self._runs.get(match["guid"], match["run"])
        if run is None or not hmac.compare_digest(context.request.query_params.get("sig", ""), _signature(path)):
            raise AzureError(403, "AuthenticationFailed", "The address of this log is not, or not any more, valid.")
        return FileResponse(run_folder(self._platform, run) / LOG, media_type="text/plain")


def _signature(path: str) -> str:
    return hmac.new(_LOG_KEY, path.encode(), hashlib.sha256).hexdigest()
