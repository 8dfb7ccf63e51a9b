"""What the Batch resource provider and the Batch service refuse."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response

from adfkit.local_azure.errors import AzureError


def invalid_account_name(name: str) -> AzureError:
    """400 `InvalidBatchAccountName`."""
    return AzureError(
        400,
        "InvalidBatchAccountName",
        f"The Batch account name '{name}' is invalid: 3 to 24 lower-case letters and digits.",
    )


def account_name_in_use(name: str) -> AzureError:
    """409 `AccountNameInUse`."""
    return AzureError(409, "AccountNameInUse", f"The Batch account name '{name}' is already in use in this region.")


def invalid_property(reason: str) -> AzureError:
    """400 `InvalidPropertyValue`."""
    return AzureError(400, "InvalidPropertyValue", f"The request is invalid: {reason}.")


def invalid_auto_storage(id: str) -> AzureError:
    """400 `InvalidAutoStorageAccount`."""
    return AzureError(
        400, "InvalidAutoStorageAccount", f"The auto storage account '{id}' does not exist or cannot be used."
    )


def render_error(error: AzureError) -> Response:
    """The Batch service's own error body: https://learn.microsoft.com/rest/api/batchservice/batch-status-and-error-codes"""
    body: dict[str, Any] = {"code": error.code, "message": {"lang": "en-US", "value": error.message}}
    if error.details:
        body["values"] = [dict(detail) for detail in error.details]
    return Response(
        orjson.dumps(body), status_code=error.status, headers=dict(error.headers), media_type="application/json"
    )


def account_not_found(name: str) -> AzureError:
    """404 `AccountNotFound`."""
    return AzureError(404, "AccountNotFound", f"The Batch account '{name}' does not exist.")


def api_version_invalid(version: str) -> AzureError:
    """400 `UnsupportedRequestVersion`."""
    return AzureError(400, "UnsupportedRequestVersion", f"The version '{version}' of the API is not supported.")


def not_found(kind: str, id: str) -> AzureError:
    """404 `JobNotFound`, `TaskNotFound`, `PoolNotFound`, `NodeNotFound`, `FileNotFound`."""
    return AzureError(404, f"{kind}NotFound", f"The specified {kind.lower()} '{id}' does not exist.")


def exists(kind: str, id: str) -> AzureError:
    """409 `JobExists`, `TaskExists`."""
    return AzureError(409, f"{kind}Exists", f"The specified {kind.lower()} '{id}' already exists.")


def wrong_state(code: str, message: str) -> AzureError:
    """409 `JobCompleted`, `TaskCompleted`, `TaskNotCompleted` and their like."""
    return AzureError(409, code, message)


def invalid_value(name: str, reason: str) -> AzureError:
    """400 `InvalidPropertyValue` of the Batch service."""
    return AzureError(
        400,
        "InvalidPropertyValue",
        f"The value provided for one of the properties in the request body is invalid: {name}: {reason}",
        details=[{"key": "PropertyName", "value": name}, {"key": "Reason", "value": reason}],
    )


def missing_value(name: str) -> AzureError:
    """400 `MissingRequiredProperty`."""
    return AzureError(
        400,
        "MissingRequiredProperty",
        f"A required property was not specified in the request body: {name}.",
        details=[{"key": "PropertyName", "value": name}],
    )
