"""The host at which endpoints call WebHook activities back: no token of Entra, but the one in the address."""

from __future__ import annotations

import re
from typing import Any, Final

from starlette.responses import Response

from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.service import DataPlane, RequestContext
from adfkit.local_azure.services.data_factory.runtime import PipelineRuntime
from adfkit.local_azure.services.data_factory.runtime.json_values import from_json

MAX_BODY: Final = 1 << 20
_PATH: Final = re.compile(r"/workflow/callback/([0-9a-f-]{36})")


def callback_plane(runtime: PipelineRuntime) -> DataPlane:
    """The data plane that takes the calls."""

    async def handle(context: RequestContext) -> Response:
        request = context.request
        found = _PATH.fullmatch(request.url.path)
        if found is None:
            raise AzureError(404, "NotFound", f"Nothing is at '{request.url.path}'.")
        if request.method != "POST":
            raise AzureError(405, "MethodNotAllowed", "A WebHook activity is called back by POST.")
        body = _read(await request.body())
        if not runtime.callbacks.call(found[1], request.query_params.get("callBackToken", ""), body):
            raise AzureError(
                404, "ActivityNotWaiting", f"No activity run '{found[1]}' waits for a call by this address."
            )
        return Response(status_code=200)

    return DataPlane(host="{region}.svc.datafactory", audiences=frozenset(), handle=handle)


def _read(content: bytes) -> Any:
    if len(content) > MAX_BODY:
        raise AzureError(413, "RequestBodyTooLarge", f"A call back has a body of at most {MAX_BODY} bytes.")
    if not content.strip():
        return {}
    try:
        return from_json(content)
    except ValueError as error:
        raise AzureError(400, "InvalidRequestContent", f"The body of a call back must be JSON: {error}.") from error
