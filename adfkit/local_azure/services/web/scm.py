"""The deployment sites `<app>.scm.azurewebsites.<suffix>`: publish a package, ask how far it is."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.service import RequestContext
from adfkit.local_azure.services.web import errors
from adfkit.local_azure.services.web.history import Deployment, History
from adfkit.local_azure.services.web.host import FunctionHost
from adfkit.local_azure.services.web.models import App
from adfkit.local_azure.services.web.publishing import Publisher

PUBLISH_ACTION = "Microsoft.Web/sites/publish/Action"


async def handle(
    context: RequestContext, app: App, host: FunctionHost, history: History, publisher: Publisher
) -> Response:
    """Answer one request to a deployment site; every one needs the right to publish."""
    if context.principal is None:
        raise RuntimeError("the gateway lets no request without a token through to a deployment site")
    context.platform.identity.authorize(context.principal, app.id, action=PUBLISH_ACTION)
    request = context.request
    match request.method, request.url.path.strip("/").lower().split("/"):
        case "POST", ["api", "publish"]:
            return await _publish(context, app, host, publisher)
        case "GET", ["api", "deployments"]:
            return JSONResponse([_shown(app, deployment) for deployment in history.deployments(app.key)])
        case "GET", ["api", "deployments", id]:
            return JSONResponse(_shown(app, _found(history, app, id)))
        case "GET", ["api", "deployments", id, "log"]:
            deployment = _found(history, app, id)
            entry = {"log_time": deployment.ended_at or deployment.received_at, "id": deployment.id, "type": 0}
            return JSONResponse([{**entry, "message": deployment.status_text or deployment.status.name.capitalize()}])
    raise not_implemented(f"{request.method} {request.url.path} of a deployment site")


async def _publish(context: RequestContext, app: App, host: FunctionHost, publisher: Publisher) -> Response:
    request = context.request
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/zip":
        raise errors.not_zip(content_type)
    id = publisher.publish(
        app,
        host,
        await request.body(),
        remote_build=request.query_params.get("RemoteBuild", "false").lower() == "true",
        deployer=request.query_params.get("Deployer", ""),
    )
    return JSONResponse(id, 202)


def _found(history: History, app: App, id: str) -> Deployment:
    for deployment in history.deployments(app.key):
        if id in ("latest", deployment.id):
            return deployment
    raise errors.deployment_not_found(id)


def _shown(app: App, deployment: Deployment) -> dict[str, Any]:
    url = f"https://{app.host.replace('.', '.scm.', 1)}/api/deployments/{deployment.id}"
    return {
        "id": deployment.id,
        "status": int(deployment.status),
        "status_text": deployment.status_text,
        "deployer": deployment.deployer,
        "remoteBuild": deployment.remote_build,
        "message": "",
        "progress": "",
        "received_time": deployment.received_at,
        "start_time": deployment.received_at,
        "end_time": deployment.ended_at,
        "complete": deployment.status.complete,
        "active": False,
        "is_temp": False,
        "is_readonly": True,
        "url": url,
        "log_url": f"{url}/log",
        "site_name": app.name,
        "build_summary": {"errors": [], "warnings": []},
    }
