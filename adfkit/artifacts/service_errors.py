"""Errors of the service, told with what was being done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import AzureError, HttpResponseError

from adfkit.artifacts.errors import ArtifactError


@contextmanager
def named(what: str) -> Iterator[None]:
    """Let an error of the service be an `ArtifactError` that begins with what it is about."""
    try:
        yield
    except AzureError as error:
        raise ArtifactError(f"{what}: {told(error)}") from error


def told(error: AzureError) -> str:
    """The service's code and message, where it answered at all."""
    if not isinstance(error, HttpResponseError):
        return str(error.message)
    code = error.error.code if error.error else f"HTTP {error.status_code}"
    return f"{code}: {error.error.message if error.error else error.message}"
