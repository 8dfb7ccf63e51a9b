"""AzureFunctionActivity: a call of a function of a Function app."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from adfkit.local_azure.services.data_factory.runtime import errors, http
from adfkit.local_azure.services.data_factory.runtime.activities.base import Activity
from adfkit.local_azure.services.data_factory.runtime.connections import LinkedService, resolve_linked_service
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.services.data_factory.runtime.errors import ActivityFailure
from adfkit.local_azure.services.data_factory.runtime.factory import HttpRequest
from adfkit.local_azure.services.data_factory.runtime.secrets import secret_text

METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE"})
TIMEOUT: Final = 230.0
"""Seconds; Azure's load balancer ends a call of a function after these, whatever the function's own limit."""


class AzureFunction(Activity):
    type = "AzureFunctionActivity"
    required: ClassVar[tuple[str, ...]] = ("functionName", "method")
    documentation = "https://learn.microsoft.com/azure/data-factory/control-flow-azure-function-activity"

    async def execute(self, context: ActivityContext) -> dict[str, Any]:
        reference = context.definition.get("linkedServiceName")
        if not reference:
            raise ActivityFailure("3612", "Azure function activity missing LinkedService definition in JSON.")
        linked_service = resolve_linked_service(context, reference)
        if linked_service.type != "AzureFunction":
            raise ActivityFailure(
                "2110",
                f"The linked service type '{linked_service.type}' is not supported for '{self.type}' activities.",
            )
        if not context.get("functionName"):
            raise ActivityFailure("3607", "Azure function activity missing function name.")
        return await self._call(context, linked_service)

    async def _call(self, context: ActivityContext, linked_service: LinkedService) -> dict[str, Any]:
        base = linked_service.properties.get("functionAppUrl")
        if not base:
            raise ActivityFailure("3609", "Azure function activity missing functionAppUrl.")
        name, method = context.text("functionName"), http.read_method(context, METHODS, "3602")
        headers, body = http.read_headers(context), http.read_body(context, method)
        context.show_input(
            {"functionName": name, "method": method, "headers": http.shown_headers(headers), "body": body}
        )
        content, sent = http.encode(body, headers)
        response = await context.cloud.send(
            HttpRequest(
                method=method,
                url=f"{str(base).rstrip('/')}/api/{name.lstrip('/')}",
                headers=sent | _authorization(context, linked_service),
                content=content,
                timeout=TIMEOUT,
            )
        )
        if not 200 <= response.status < 300:
            audience = _audience(linked_service)
            note = http.refusal_note(context, response.status, audience, linked_service.credential)
            raise ActivityFailure(
                "3608",
                f"Call to provided Azure function '{name}' failed with status-'{response.reason}' and message - "
                f"'{response.text or response.status}'.{note}",
            )
        output = http.json_object(response)
        if output is None:
            raise ActivityFailure("3603", "Response Content is not a valid JObject.")
        return output | {http.RESPONSE_HEADERS: dict(response.headers)} | http.runtime_output(context)


def _audience(linked_service: LinkedService) -> str | None:
    properties = linked_service.properties
    return properties.get("resourceId") if properties.get("authentication") == "MSI" else None


def _authorization(context: ActivityContext, linked_service: LinkedService) -> dict[str, str]:
    properties = linked_service.properties
    kind = properties.get("authentication") or "Anonymous"
    if kind == "MSI":
        audience = properties.get("resourceId")
        if not audience:
            raise errors.required_property("resourceId")
        return {"Authorization": f"Bearer {context.cloud.token(audience, linked_service.credential)}"}
    if kind != "Anonymous":
        raise errors.unsupported(f"authentication of type '{kind}' in a linked service of type AzureFunction")
    if properties.get("functionKey"):
        return {"x-functions-key": secret_text(properties["functionKey"], "functionKey")}
    return {}
