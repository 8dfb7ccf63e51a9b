"""The errors of the token endpoint: OAuth's code, and Entra's own number in the description.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from starlette.responses import JSONResponse, Response

from adfkit.local_azure.errors import AzureError


class LoginError(AzureError):
    """An error of the token endpoint; `code` is OAuth's, `number` Entra's (AADSTS...)."""

    def __init__(self, status: int, code: str, number: int, message: str) -> None:
        super().__init__(status, code, message)
        self.number = number


def unknown_application(client_id: str, tenant: str) -> LoginError:
    """AADSTS700016."""
    return LoginError(
        400,
        "unauthorized_client",
        700016,
        f"Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can happen if the "
        "application has not been installed by the administrator of the tenant or consented to by any user in the "
        "tenant. You may have sent your authentication request to the wrong tenant.",
    )


def invalid_secret(client_id: str) -> LoginError:
    """AADSTS7000215."""
    return LoginError(
        401,
        "invalid_client",
        7000215,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not "
        f"the client secret ID, for a secret added to app '{client_id}'.",
    )


def unsupported_grant(grant: str) -> LoginError:
    """AADSTS70003."""
    return LoginError(
        400,
        "unsupported_grant_type",
        70003,
        f"The app requested an unsupported grant type '{grant}'. Local Azure signs in applications, by "
        "'client_credentials' with a client secret.",
    )


def missing(parameter: str) -> LoginError:
    """AADSTS900144."""
    return LoginError(
        400, "invalid_request", 900144, f"The request body must contain the following parameter: '{parameter}'."
    )


def invalid_scope(scope: str) -> LoginError:
    """AADSTS1002012."""
    return LoginError(
        400,
        "invalid_scope",
        1002012,
        f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
        "/.default suffixed to the resource identifier (application ID URI).",
    )


def unknown_tenant(tenant: str) -> LoginError:
    """AADSTS90002."""
    return LoginError(
        400,
        "invalid_request",
        90002,
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
        "correct cloud: the tenant of local Azure is 'adfs'.",
    )


def render_login_error(error: AzureError) -> Response:
    """OAuth's error body with Entra's additions."""
    if not isinstance(error, LoginError):
        return JSONResponse({"error": error.code, "error_description": error.message}, error.status)
    trace, correlation, now = uuid4(), uuid4(), datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return JSONResponse(
        {
            "error": error.code,
            "error_description": f"AADSTS{error.number}: {error.message} Trace ID: {trace} Correlation ID: "
            f"{correlation} Timestamp: {now}",
            "error_codes": [error.number],
            "timestamp": now,
            "trace_id": str(trace),
            "correlation_id": str(correlation),
            "error_uri": f"https://login.microsoftonline.com/error?code={error.number}",
        },
        error.status,
    )
