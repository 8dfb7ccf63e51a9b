"""Errors of local Azure: one root, and the error that a cloud answers with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class LocalAzureError(Exception):
    """Anything that local Azure refuses or cannot do; its text says what, where and what to do."""


class AzureError(LocalAzureError):
    """An error that a service answers with: HTTP status, Azure's error code, and a message for people.

    Rendered by the request pipeline as the ARM error envelope (or as the service's own, see `DataPlane.render_error`):
    https://learn.microsoft.com/azure/azure-resource-manager/management/common-error-response
    Each service keeps its own constructors, one a code, in `errors.py`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str | None = None,
        details: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.details = tuple(details)
        self.headers = dict(headers or {})

    def envelope(self) -> dict[str, Any]:
        """The body `{"error": {"code", "message", "target"?, "details"?}}`."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target is not None:
            error["target"] = self.target
        if self.details:
            error["details"] = [dict(detail) for detail in self.details]
        return {"error": error}


def not_implemented(what: str) -> AzureError:
    """501: what local Azure does not have, by name; never a silent success."""
    return AzureError(501, "NotImplemented", f"Local Azure does not support {what}.")
