"""Secrets that artifacts hold."""

from __future__ import annotations

from typing import Any

from adfkit.local_azure.services.data_factory.runtime import errors


def secret_text(value: Any, name: str) -> str:
    """The text of a secret property: a SecureString or a plain text.

    Raises:
        ActivityFailure: it is missing, or lies where it cannot be read here.
    """
    if isinstance(value, dict) and value.get("type") == "SecureString":
        value = value.get("value")
    if isinstance(value, dict):
        raise errors.unsupported(f"secrets of type '{value.get('type')}' in '{name}'")
    if not value:
        raise errors.required_property(name)
    return str(value)
