"""Reading values out of a request's body, with the service's own error where one is missing or wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.service import Json

Refuse = Callable[[str], AzureError]
"""Makes the service's error from a reason such as `'properties.sku.name' is required`."""


def optional(body: Json, path: str) -> Any:
    """The value at a path such as `properties.sku.name`, or None."""
    value: Any = body
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def required(body: Json, path: str, refuse: Refuse) -> Any:
    """The value at a path; empty counts as missing."""
    value = optional(body, path)
    if value is None or value in ("", {}):
        raise refuse(f"'{path}' is required")
    return value


def one_of(body: Json, path: str, allowed: Collection[str], refuse: Refuse) -> str | None:
    """The text at a path if it is there and one of these (in any case), spelled as they are."""
    value = optional(body, path)
    if value is None:
        return None
    for choice in allowed:
        if isinstance(value, str) and choice.lower() == value.lower():
            return choice
    raise refuse(f"'{path}' is '{value}'; it must be one of {', '.join(allowed)}")


def between(body: Json, path: str, low: int, high: int, refuse: Refuse) -> int | None:
    """The whole number at a path if it is there and within bounds."""
    value = optional(body, path)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise refuse(f"'{path}' is '{value}'; it must be a whole number from {low} to {high}")
    return value
