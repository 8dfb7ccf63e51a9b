"""The sites `<app>.azurewebsites.<suffix>`: HTTP requests to functions."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from adfkit.local_azure.errors import AzureError, not_implemented
from adfkit.local_azure.service import RequestContext
from adfkit.local_azure.services.web.authentication import PRINCIPAL_HEADERS, authenticate, check_key, check_system_key
from adfkit.local_azure.services.web.durable import PATH, SYSTEM_KEY, DurableExtension
from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.functions import HttpFunction, http_functions
from adfkit.local_azure.services.web.history import History
from adfkit.local_azure.services.web.host import FunctionHost, Invocation
from adfkit.local_azure.services.web.models import App

HOP_BY_HOP = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})
"""Headers that the server sets itself."""
ADMIN = HttpFunction(
    name="admin", kind="", trigger={}, bindings=(), route="admin", methods=frozenset(), auth_level="admin"
)


def render_error(error: AzureError) -> Response:
    """Sites answer in plain text."""
    return PlainTextResponse(f"{error.code}: {error.message}", error.status, error.headers)


async def handle(
    context: RequestContext, app: App, host: FunctionHost, history: History, durable: DurableExtension
) -> Response:
    """Answer one request to a site."""
    request = context.request
    if not app.enabled:
        raise AzureError(403, "SiteDisabled", f"The web app '{app.name}' is stopped.")
    caller = authenticate(context.platform, app, request)
    body = await request.body()  # now, so that nothing is awaited between `ready` and `invoke`
    try:
        instance = await host.ready(app)
    except HostError as error:
        raise AzureError(503, "ServiceUnavailable", f"Function host is not running. {error}") from error
    path = request.url.path
    if path.startswith("/admin/"):
        return _admin(history, app, request)
    if path.startswith(f"{PATH}/"):
        check_system_key(history, app, SYSTEM_KEY, request)
        return await durable.answer_webhook(app, instance.functions, request)
    if path == "/":
        return PlainTextResponse(f"The function app '{app.name}' is up and running.")
    match = instance.router.match(request.method, path)
    if match is None:
        known = ", ".join(sorted(function.route for function in http_functions(instance.functions)))
        raise AzureError(
            404, "NotFound", f"'{app.name}' has no function at {request.method} {path}; its routes: {known}."
        )
    function, route_params = match
    check_key(history, app, function, request)
    outcome = await host.invoke(
        instance,
        Invocation(
            function=function,
            method=request.method,
            url=str(request.url),
            headers=_headers(request) | caller,
            params=dict(request.query_params),
            route_params=route_params,
            body=body,
        ),
    )
    response = Response(outcome.body, outcome.status)
    response.raw_headers += [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in outcome.headers if name not in HOP_BY_HOP
    ]
    return response


def _headers(request: Request) -> dict[str, str]:
    """The caller's headers, without those by which the platform tells who it is."""
    return {name: value for name, value in request.headers.items() if not name.startswith(PRINCIPAL_HEADERS)}


def _admin(history: History, app: App, request: Request) -> Response:
    """The host's own API, with the master key."""
    check_key(history, app, ADMIN, request)
    if request.url.path == "/admin/host/status":
        return JSONResponse({"id": app.name, "state": "Running", "version": "4.0.0"})
    raise not_implemented(f"{request.method} {request.url.path} of a function app's host")
