"""WebActivity: a call of a REST endpoint."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Final
from urllib.parse import urljoin

from adfkit.local_azure.services.data_factory.runtime import errors, http
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.services.data_factory.runtime.factory import HttpRequest, HttpResponse
from adfkit.local_azure.services.data_factory.runtime.policy import read_timeout
from adfkit.local_azure.services.data_factory.runtime.secrets import secret_text

METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH"})
DEFAULT_TIMEOUT: Final = timedelta(minutes=1)
POLL_SECONDS: Final = 10
"""How long to wait before asking a 202's Location where the response has no Retry-After."""


class Web(Activity):
    type = "WebActivity"
    required: ClassVar[tuple[str, ...]] = ("url", "method")
    documentation = "https://learn.microsoft.com/azure/data-factory/control-flow-web-activity"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        for name in ("datasets", "linkedServices"):
            if context.raw(name):
                raise errors.unsupported(f"'{name}' of a Web activity")
        method = http.read_method(context, METHODS, "2104")
        url, headers = context.text("url"), http.read_headers(context)
        body = http.read_body(context, method)
        authentication = context.object("authentication")
        context.show_input(shown_input(url, method, headers, body, authentication))
        response = await self._call(context, method, url, headers, body, authentication)
        if not 200 <= response.status < 300:
            raise refused(context, url, response, authentication)
        return response_output(response) | http.runtime_output(context)

    async def _call(
        self,
        context: ActivityContext,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Any,
        authentication: Mapping[str, Any],
    ) -> HttpResponse:
        """The call itself, then, for a 202 with a Location, GET of that until it answers otherwise."""
        timeout = read_timeout("httpRequestTimeout", context.get("httpRequestTimeout"), DEFAULT_TIMEOUT)
        location = context.state.get("location")
        while True:
            if location is None:
                content, sent = http.encode(body, headers)
            else:
                method, url, content, sent = "GET", location, b"", dict(headers)
            sent |= authorization(context, authentication)
            response = await context.cloud.send(
                HttpRequest(method=method, url=url, headers=sent, content=content, timeout=timeout)
            )
            next_location = http.header(response, "Location")
            if response.status != 202 or next_location is None or context.boolean("turnOffAsync", False):
                return response
            location = urljoin(url, next_location)
            context.remember(location=location)
            await context.clock.sleep(_retry_after(response))


def authorization(context: ActivityContext, authentication: Mapping[str, Any]) -> dict[str, str]:
    """The header that an activity's `authentication` means; made anew for each call, since tokens expire.

    Raises:
        ActivityFailure: the type is not supported, or what it needs is missing.
    """
    kind = str(authentication.get("type") or "None")
    if kind == "None":
        return {}
    if kind in ("MSI", "UserAssignedManagedIdentity"):
        audience = authentication.get("resource")
        if not audience:
            raise errors.required_property("authentication.resource")
        return {"Authorization": f"Bearer {context.cloud.token(audience, _credential(authentication))}"}
    if kind == "Basic":
        pair = f"{authentication.get('username', '')}:{secret_text(authentication.get('password'), 'password')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    raise errors.unsupported(f"authentication of type '{kind}' in a Web activity")


def _credential(authentication: Mapping[str, Any]) -> str | None:
    reference = authentication.get("credential")
    return reference.get("referenceName") if isinstance(reference, Mapping) else None


def _retry_after(response: HttpResponse) -> float:
    text = http.header(response, "Retry-After") or ""
    return float(text) if text.isdecimal() else POLL_SECONDS


def shown_input(
    url: str, method: str, headers: Mapping[str, str], body: Any, authentication: Mapping[str, Any]
) -> dict[str, Any]:
    """The input for monitoring: no credential in it."""
    shown: dict[str, Any] = {"url": http.shown_url(url), "method": method, "headers": http.shown_headers(headers)}
    if body is not None:
        shown["body"] = body
    if authentication:
        shown["authentication"] = {
            name: value for name, value in authentication.items() if name in ("type", "resource", "credential")
        }
    return shown


def response_output(response: HttpResponse) -> dict[str, Any]:
    content = http.json_object(response)
    if content is None:
        content = {"Response": response.text} if response.content else {}
    return content | {http.RESPONSE_HEADERS: dict(response.headers)}


def refused(
    context: ActivityContext, url: str, response: HttpResponse, authentication: Mapping[str, Any]
) -> errors.ActivityFailure:
    note = http.refusal_note(context, response.status, authentication.get("resource"), _credential(authentication))
    return errors.ActivityFailure(
        "2108",
        f"Error calling the endpoint '{http.shown_url(url)}'. "
        f"Response status code: '{response.status} - {response.reason}'. "
        f"More details: {response.text or 'the response has no body'}.{note}",
        output=response_output(response),
    )
