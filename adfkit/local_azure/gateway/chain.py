"""The request pipeline: ordered steps, the data plane's handler, error envelope, common headers, request log."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adfkit.local_azure.cloud import HOME_TENANT_ID, LOGIN
from adfkit.local_azure.errors import AzureError, LocalAzureError
from adfkit.local_azure.gateway.exchange import Exchange, Step
from adfkit.local_azure.gateway.hosts import Hosts
from adfkit.local_azure.gateway.metadata import cloud_metadata
from adfkit.local_azure.gateway.request_log import RequestLog
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.service import DataPlane, RequestContext, render_arm_error

logger = logging.getLogger(__name__)


class Chain:
    """The ASGI application of the gateway."""

    def __init__(self, platform: Platform, planes: Sequence[DataPlane], log: RequestLog) -> None:
        self._platform = platform
        self._hosts = Hosts(planes)
        self._log = log
        self._steps: tuple[Step, ...] = (trace, self._find_host, cloud_metadata, check_token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; lifespan and websockets are not served."""
        if scope["type"] != "http":
            raise ValueError(f"the gateway serves HTTP only, not {scope['type']}")
        exchange = Exchange(self._platform, Request(scope, receive))
        response = await self._respond(exchange)
        response.headers.setdefault("x-ms-request-id", exchange.trace_id)
        response.headers.setdefault("x-ms-correlation-request-id", exchange.correlation_id)
        try:
            await response(scope, receive, send)
        finally:
            self._log.write(exchange, response)

    async def _respond(self, exchange: Exchange) -> Response:
        try:
            for step in self._steps:
                response = await step(exchange)
                if response is not None:
                    return response
            return await dispatch(exchange)
        except AzureError as error:
            return _render(exchange, error)
        except LocalAzureError as error:
            logger.error("request %s failed: %s", exchange.trace_id, error)  # noqa: TRY400 - its text says it all
            return _render(exchange, AzureError(500, "InternalServerError", str(error)))
        except ClientDisconnect:
            logger.info("the client of request %s left before it was read", exchange.trace_id)
            return Response(status_code=499)
        except Exception:
            logger.exception("request %s failed", exchange.trace_id)
            message = f"An unexpected error happened; the gateway's log has it under trace id '{exchange.trace_id}'."
            return _render(exchange, AzureError(500, "InternalServerError", message))

    async def _find_host(self, exchange: Exchange) -> None:
        exchange.plane, exchange.host = self._hosts.match(exchange.request.headers.get("host", ""))


async def trace(exchange: Exchange) -> None:
    """Give the request its id, and take over the client's correlation id if it sent one."""
    exchange.trace_id = str(uuid4())
    exchange.correlation_id = exchange.request.headers.get("x-ms-correlation-request-id", exchange.trace_id)


async def check_token(exchange: Exchange) -> None:
    """Find the principal of the bearer token; a data plane without audiences checks its callers itself."""
    audiences = exchange.plane.audiences if exchange.plane else frozenset()
    if not audiences:
        return
    scheme, _, token = exchange.request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _unauthorized(
            AzureError(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
            if not scheme
            else AzureError(
                401,
                "AuthenticationFailedInvalidHeader",
                "Authentication failed. The 'Authorization' header is provided in an invalid format.",
            )
        )
    try:
        exchange.principal = exchange.platform.identity.verify(token.strip(), audiences)
    except AzureError as error:
        raise _unauthorized(error) from error


async def dispatch(exchange: Exchange) -> Response:
    """Hand the request to the data plane of its host."""
    plane = exchange.plane
    if plane is None:
        raise RuntimeError("the host was not matched")
    context = RequestContext(
        platform=exchange.platform,
        request=exchange.request,
        host=exchange.host,
        principal=exchange.principal,
        trace_id=exchange.trace_id,
    )
    return await plane.handle(context)


def _unauthorized(error: AzureError) -> AzureError:
    """Add the challenge by which clients learn where to sign in."""
    error.headers.setdefault(
        "WWW-Authenticate",
        f'Bearer authorization_uri="{LOGIN}{HOME_TENANT_ID}", error="invalid_token", error_description="{error.code}"',
    )
    return error


def _render(exchange: Exchange, error: AzureError) -> Response:
    render = exchange.plane.render_error if exchange.plane else render_arm_error
    return render(error)
