"""What the activities that call an HTTP endpoint share: headers, bodies, outputs, and what a refusal says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from adfkit.local_azure.services.data_factory.runtime import errors
from adfkit.local_azure.services.data_factory.runtime.context import ActivityContext
from adfkit.local_azure.services.data_factory.runtime.factory import HttpResponse
from adfkit.local_azure.services.data_factory.runtime.json_values import from_json, to_json
from adfkit.local_azure.services.data_factory.runtime.sealing import MASK

RESPONSE_HEADERS: Final = "ADFWebActivityResponseHeaders"
SECRET_QUERY: Final = re.compile(r"([?&](?:code|sig)=)[^&]+", re.IGNORECASE)
SECRET_HEADERS: Final = frozenset({"authorization", "x-functions-key", "ocp-apim-subscription-key", "x-api-key"})


def read_method(context: ActivityContext, allowed: frozenset[str], code: str) -> str:
    """The required method, in capitals.

    Raises:
        ActivityFailure: `code` where it is none of those allowed.
    """
    method = context.text("method").upper()
    if method not in allowed:
        raise errors.ActivityFailure(code, f"Invalid HttpMethod: '{method}'.")
    return method


def read_headers(context: ActivityContext) -> dict[str, str]:
    """The headers that the activity sets; null values are left out.

    Raises:
        ActivityFailure: 2104 where they are no object.
    """
    headers = context.object("headers")
    return {
        name: value if isinstance(value, str) else _json(value) for name, value in headers.items() if value is not None
    }


def shown_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers as monitoring shows them: credentials are stars."""
    return {name: MASK if name.lower() in SECRET_HEADERS else value for name, value in headers.items()}


def shown_url(url: str) -> str:
    """A URL as monitoring shows it: keys and signatures in its query are stars."""
    return SECRET_QUERY.sub(lambda found: found[1] + MASK, url)


def read_body(context: ActivityContext, method: str) -> Any:
    """The body, which POST and PUT must have and GET must not.

    Raises:
        ActivityFailure: 2103 where it is missing.
    """
    body = context.get("body")
    if body is None and method in ("POST", "PUT"):
        raise errors.required_property("body")
    return None if method in ("GET", "HEAD") else body


def encode(body: Any, headers: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """The bytes to send, and the headers with a content type if the author set none."""
    if body is None:
        return b"", dict(headers)
    content = body if isinstance(body, str) else _json(body)
    if any(name.lower() == "content-type" for name in headers):
        return content.encode(), dict(headers)
    return content.encode(), {**headers, "Content-Type": "application/json"}


def json_object(response: HttpResponse) -> dict[str, Any] | None:
    """The response's content where it is a JSON object."""
    try:
        value = from_json(response.text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def header(response: HttpResponse, name: str) -> str | None:
    """A response header, found without case."""
    return next((value for key, value in response.headers.items() if key.lower() == name.lower()), None)


def runtime_output(context: ActivityContext) -> dict[str, Any]:
    """The part of an output that every activity on an integration runtime has; durations in whole seconds."""
    elapsed = context.clock.now() - context.record.started
    return {
        "effectiveIntegrationRuntime": f"AutoResolveIntegrationRuntime ({context.factory.region})",
        "executionDuration": int(elapsed.total_seconds()),
        "durationInQueue": {"integrationRuntimeQueue": 0},
    }


def refusal_note(context: ActivityContext, status: int, audience: str | None, credential: str | None) -> str:
    """For a 401 or 403: whose token it was and for what, else nothing."""
    if status not in (401, 403):
        return ""
    if audience is None:
        return " The call was made without a token."
    return f" The call was made as {context.cloud.identity(credential)} with a token for '{audience}'."


def _json(value: Any) -> str:
    return to_json(value).decode()
