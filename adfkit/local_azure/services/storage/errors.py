"""What the blob service refuses, in its own words and its own XML.

https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
"""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

from starlette.responses import Response

from adfkit.local_azure.cloud import HOME_TENANT_ID, LOGIN
from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.identity import Principal

_CHALLENGE: Final = (
    f"Bearer authorization_uri={LOGIN}{HOME_TENANT_ID}/oauth2/authorize resource_id=https://storage.azure.com"
)


class BlobError(AzureError):
    """An error of the blob service; `explanation` says in an element of its own what Azure leaves open."""

    def __init__(self, status: int, code: str, message: str, *, explanation: tuple[str, str] | None = None) -> None:
        super().__init__(status, code, message)
        self.explanation = explanation


def no_authentication() -> BlobError:
    """401 `NoAuthenticationInformation`, with the challenge that clients answer."""
    error = BlobError(
        401,
        "NoAuthenticationInformation",
        "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.",
    )
    error.headers["WWW-Authenticate"] = _CHALLENGE
    return error


def invalid_authentication(reason: AzureError) -> BlobError:
    """401 `InvalidAuthenticationInfo`, with the reason as its detail."""
    error = BlobError(
        401,
        "InvalidAuthenticationInfo",
        "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.",
        explanation=("AuthenticationErrorDetail", f"{reason.code}: {reason.message}"),
    )
    error.headers["WWW-Authenticate"] = _CHALLENGE
    return error


def key_not_permitted() -> BlobError:
    """403 `KeyBasedAuthenticationNotPermitted`: for shared keys, and for SAS that one signed."""
    return BlobError(
        403,
        "KeyBasedAuthenticationNotPermitted",
        "Key based authentication is not permitted on this storage account.",
    )


def public_access_not_permitted() -> BlobError:
    """409 `PublicAccessNotPermitted`."""
    return BlobError(409, "PublicAccessNotPermitted", "Public access is not permitted on this storage account.")


def permission_mismatch(principal: Principal, permission: str, scope: str, roles: str) -> BlobError:
    """403 `AuthorizationPermissionMismatch`; the detail names who lacks what, where, and the roles that give it."""
    return BlobError(
        403,
        "AuthorizationPermissionMismatch",
        "This request is not authorized to perform this operation using this permission.",
        explanation=(
            "AuthorizationErrorDetail",
            f"'{principal.display_name}' (object id '{principal.object_id}') lacks '{permission}' on '{scope}'. "
            f"Assign it one of these roles there or above: {roles}.",
        ),
    )


def sas_permission_mismatch() -> BlobError:
    """403 `AuthorizationPermissionMismatch` for a SAS that does not hold the permission."""
    return BlobError(
        403,
        "AuthorizationPermissionMismatch",
        "This request is not authorized to perform this operation using this permission.",
    )


def account_not_found(account: str) -> BlobError:
    """404 `ResourceNotFound`: in Azure, such a host name does not resolve."""
    return BlobError(404, "ResourceNotFound", f"The storage account '{account}' does not exist.")


def invalid_uri(raw: str) -> BlobError:
    """400 `InvalidUri`."""
    return BlobError(400, "InvalidUri", f"The requested URI does not represent any resource on the server: '{raw}'.")


def invalid_query_parameter(name: str) -> BlobError:
    """400 `InvalidQueryParameterValue`."""
    return BlobError(
        400,
        "InvalidQueryParameterValue",
        f"Value for one of the query parameters specified in the request URI is invalid: '{name}'.",
    )


def length_required() -> BlobError:
    """411 `MissingContentLengthHeader`."""
    return BlobError(411, "MissingContentLengthHeader", "The Content-Length header was not specified.")


def cannot_verify_copy_source(source: str) -> BlobError:
    """501 for a copy from another account or from outside."""
    return BlobError(
        501,
        "NotImplemented",
        f"Local Azure copies blobs within one storage account; the source '{source}' is outside of it.",
    )


def render_blob_error(error: AzureError) -> Response:
    """The blob service's XML body."""
    detail = ""
    if isinstance(error, BlobError) and error.explanation:
        name, text = error.explanation
        detail = f"<{name}>{escape(text)}</{name}>"
    body = (
        f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{escape(error.code)}</Code>'
        f"<Message>{escape(error.message)}</Message>{detail}</Error>"
    )
    return Response(
        body,
        status_code=error.status,
        headers={"x-ms-error-code": error.code, **error.headers},
        media_type="application/xml",
    )
