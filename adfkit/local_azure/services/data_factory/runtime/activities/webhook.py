"""WebHook: a call of an endpoint that calls back once its work is done."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Final

from adfkit.local_azure.services.data_factory.runtime import errors, http
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.activities.web import authorization, refused, shown_input
from adfkit.local_azure.services.data_factory.runtime.clock import TimeIsUp, within
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.services.data_factory.runtime.errors import ActivityFailure
from adfkit.local_azure.services.data_factory.runtime.factory import HttpRequest
from adfkit.local_azure.services.data_factory.runtime.json_values import from_json
from adfkit.local_azure.services.data_factory.runtime.policy import read_timeout

CALL_BACK: Final = "callBackUri"
DEFAULT_TIMEOUT: Final = timedelta(minutes=10)
CALL_TIMEOUT: Final = 60.0
"""Seconds for the endpoint to answer the call itself."""


class WebHook(Activity):
    """The call is made once: a restart goes on waiting, and what came before it counts."""

    type = "WebHook"
    required: ClassVar[tuple[str, ...]] = ("url", "method")
    has_policy = False
    documentation = "https://learn.microsoft.com/azure/data-factory/control-flow-webhook-activity"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        timeout = read_timeout("timeout", context.get("timeout"), DEFAULT_TIMEOUT)
        elapsed = (context.clock.now() - context.record.started).total_seconds()
        try:
            await within(context.clock, timeout - elapsed, self._called_back(context))
        except TimeIsUp as error:
            raise errors.timed_out(timeout) from error
        return _result(context.state["callback"], context.boolean("reportStatusOnCallBack", False))

    async def _called_back(self, context: ActivityContext) -> None:
        if "token" not in context.state:
            context.remember(token=secrets.token_urlsafe(32))
        with context.execution.runtime.callbacks.expected(context, context.state["token"]) as called:
            if "called" not in context.state:
                await self._call(context)
                context.remember(called=True)
            await called.wait()

    async def _call(self, context: ActivityContext) -> None:
        method = http.read_method(context, frozenset({"POST"}), "2104")
        url, headers, body = context.text("url"), http.read_headers(context), http.read_body(context, method)
        authentication = context.object("authentication")
        context.show_input(shown_input(url, method, headers, body, authentication))
        content, sent = http.encode(_with_call_back(context, body), headers)
        sent |= authorization(context, authentication)
        response = await context.cloud.send(
            HttpRequest(method=method, url=url, headers=sent, content=content, timeout=CALL_TIMEOUT)
        )
        if not 200 <= response.status < 300:
            raise refused(context, url, response, authentication)


def _with_call_back(context: ActivityContext, body: Any) -> dict[str, Any]:
    """The body with the address to call back.

    Raises:
        ActivityFailure: 2104 where the body is no JSON object, which that could be put in.
    """
    value = body
    if isinstance(body, str):
        try:
            value = from_json(body)
        except ValueError:
            value = body
    if not isinstance(value, dict):
        raise errors.wrong_type("body", "Object", value)
    return value | {CALL_BACK: context.cloud.call_back_url(context.record.id, context.state["token"])}


def _result(sent: Any, reports_status: bool) -> dict[str, Any]:
    """The output for what the caller sent.

    Raises:
        ActivityFailure: the activity lets the caller report its status, and that is a failure.
    """
    body: Mapping[str, Any] = sent if isinstance(sent, dict) else {}
    if not reports_status:
        return dict(body)
    given = body.get("Output")
    output = dict(given) if isinstance(given, dict) else {}
    error = body.get("Error")
    status = str(body.get("StatusCode") or "")
    if (status.isdecimal() and int(status) >= 400) or error:
        named: Mapping[str, Any] = error if isinstance(error, dict) else {}
        code = str(named.get("ErrorCode") or status or "2108")
        message = str(named.get("Message") or f"The endpoint called back with the status code {status}.")
        raise ActivityFailure(code, message, output=output)
    return output
