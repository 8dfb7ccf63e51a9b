"""What the Databricks REST API refuses: https://docs.databricks.com/api/azure/workspace/introduction"""

from __future__ import annotations

import orjson
from starlette.responses import Response

from adfkit.local_azure.errors import AzureError


def render_error(error: AzureError) -> Response:
    """The error body of the REST API: `{"error_code", "message"}`."""
    body = {"error_code": _CODES.get(error.code, error.code), "message": error.message}
    return Response(
        orjson.dumps(body), status_code=error.status, headers=dict(error.headers), media_type="application/json"
    )


# what the gateway itself refuses, in the codes of this API
_CODES = {
    "InvalidAuthenticationToken": "UNAUTHENTICATED",
    "ExpiredAuthenticationToken": "UNAUTHENTICATED",
    "InvalidAuthenticationTokenAudience": "UNAUTHENTICATED",
    "AuthenticationFailed": "UNAUTHENTICATED",
    "NotImplemented": "NOT_IMPLEMENTED",
}


def invalid_parameter(message: str) -> AzureError:
    """400 `INVALID_PARAMETER_VALUE`."""
    return AzureError(400, "INVALID_PARAMETER_VALUE", message)


def missing_parameter(name: str) -> AzureError:
    """400 `INVALID_PARAMETER_VALUE` for a parameter that must be there."""
    return invalid_parameter(f"Missing required field: {name}")


def malformed(message: str) -> AzureError:
    """400 `MALFORMED_REQUEST`."""
    return AzureError(400, "MALFORMED_REQUEST", message)


def invalid_state(message: str) -> AzureError:
    """400 `INVALID_STATE`."""
    return AzureError(400, "INVALID_STATE", message)


def not_found(message: str) -> AzureError:
    """404 `RESOURCE_DOES_NOT_EXIST`."""
    return AzureError(404, "RESOURCE_DOES_NOT_EXIST", message)


def run_not_found(run_id: int) -> AzureError:
    """400: the Jobs API answers so for a run or job that it does not know."""
    return invalid_parameter(f"Run {run_id} does not exist.")


def already_exists(message: str) -> AzureError:
    """400 `RESOURCE_ALREADY_EXISTS`."""
    return AzureError(400, "RESOURCE_ALREADY_EXISTS", message)


def permission_denied(message: str) -> AzureError:
    """403 `PERMISSION_DENIED`."""
    return AzureError(403, "PERMISSION_DENIED", message)


def workspace_not_found(host: str) -> AzureError:
    """404: no workspace has this host."""
    return AzureError(404, "NOT_FOUND", f"There is no Databricks workspace at {host}.")


def refused(code: str, message: str) -> AzureError:
    """400 with a code that one API alone has."""
    return AzureError(400, code, message)
