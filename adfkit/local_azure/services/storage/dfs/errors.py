"""What the Data Lake service refuses, as JSON.

https://learn.microsoft.com/rest/api/storageservices/datalakestoragegen2/path/create#status-code
"""

from __future__ import annotations

from typing import Final

import orjson
from starlette.responses import Response

from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.services.storage.errors import BlobError

_CODES: Final = {
    "BlobNotFound": "PathNotFound",
    "BlobAlreadyExists": "PathAlreadyExists",
    "ContainerNotFound": "FilesystemNotFound",
    "ContainerAlreadyExists": "FilesystemAlreadyExists",
    "ContainerBeingDeleted": "FilesystemBeingDeleted",
}
"""Codes of the blob service that have a name of their own here."""


def from_blobs(status: int, code: str) -> AzureError:
    """What the blob store below refused, in this service's words."""
    return AzureError(status, _CODES.get(code, code), f"The operation was refused: {code}.")


def path_not_found() -> AzureError:
    """404 `PathNotFound`."""
    return AzureError(404, "PathNotFound", "The specified path does not exist.")


def source_path_not_found() -> AzureError:
    """404 `SourcePathNotFound`."""
    return AzureError(404, "SourcePathNotFound", "The source path for a rename operation does not exist.")


def destination_parent_not_found() -> AzureError:
    """404 `RenameDestinationParentPathNotFound`."""
    return AzureError(
        404, "RenameDestinationParentPathNotFound", "The parent directory of the destination path does not exist."
    )


def path_already_exists() -> AzureError:
    """409 `PathAlreadyExists`."""
    return AzureError(409, "PathAlreadyExists", "The specified path already exists.")


def path_conflict() -> AzureError:
    """409 `PathConflict`."""
    return AzureError(
        409,
        "PathConflict",
        "The specified path, or an element of the path, exists and its resource type is invalid for this operation.",
    )


def directory_not_empty() -> AzureError:
    """409 `DirectoryNotEmpty`."""
    return AzureError(
        409,
        "DirectoryNotEmpty",
        "The recursive query parameter value must be true to delete a non-empty directory.",
    )


def destination_not_empty() -> AzureError:
    """409 `InvalidDestinationPath`: a rename onto a directory that holds something."""
    return AzureError(409, "InvalidDestinationPath", "The destination of a rename is a directory that is not empty.")


def invalid_rename_source() -> AzureError:
    """400 `InvalidRenameSourcePath`."""
    return AzureError(400, "InvalidRenameSourcePath", "The source directory cannot be the same as or above the target.")


def invalid_flush_position() -> AzureError:
    """400 `InvalidFlushPosition`."""
    return AzureError(
        400,
        "InvalidFlushPosition",
        "The uploaded data is not contiguous or the position query parameter value is not equal to the length of the "
        "file after appending the uploaded data.",
    )


def condition_not_met() -> AzureError:
    """412 `ConditionNotMet`."""
    return AzureError(412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")


def missing_parameter(name: str) -> AzureError:
    """400 `MissingRequiredQueryParameter`."""
    return AzureError(
        400, "MissingRequiredQueryParameter", f"The query parameter '{name}' is required for this request."
    )


def invalid_header(name: str) -> AzureError:
    """400 `InvalidHeaderValue`."""
    return AzureError(400, "InvalidHeaderValue", f"The value for one of the HTTP headers is invalid: '{name}'.")


def invalid_parameter(name: str) -> AzureError:
    """400 `InvalidQueryParameterValue`."""
    return AzureError(400, "InvalidQueryParameterValue", f"Value for one of the query parameters is invalid: '{name}'.")


def no_hierarchical_namespace(account: str) -> AzureError:
    """400 `HierarchicalNamespaceNotEnabled`."""
    return AzureError(
        400,
        "HierarchicalNamespaceNotEnabled",
        f"Hierarchical namespace is not enabled for the account '{account}'; local Azure answers its 'dfs' host only "
        "for accounts with 'isHnsEnabled'.",
    )


def render_dfs_error(error: AzureError) -> Response:
    """The Data Lake service's JSON body."""
    message = error.message
    if isinstance(error, BlobError) and error.explanation:
        message += f" {error.explanation[1]}"
    return Response(
        orjson.dumps({"error": {"code": error.code, "message": message}}),
        status_code=error.status,
        headers={"x-ms-error-code": error.code, **error.headers},
        media_type="application/json",
    )
