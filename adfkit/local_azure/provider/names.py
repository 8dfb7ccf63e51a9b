"""Automatic names: as azure-native makes them, and how one is told from a name that was given."""

from __future__ import annotations

import hashlib
import re
from uuid import UUID, uuid4

from adfkit.engine.provider import Properties
from adfkit.local_azure.provider.types import AzureType

_HEX_DIGITS = 8


def automatic(type: AzureType, logical_name: str, seed: bytes) -> str:
    """A name for a resource of this logical name; the same seed gives the same name, an empty one a random name."""
    if type.naming == "copy":
        return logical_name
    digest = hashlib.sha256(seed or uuid4().bytes).digest()
    if type.naming == "uuid":
        return str(UUID(bytes=digest[:16], version=4))
    return f"{logical_name}{digest.hex()[:_HEX_DIGITS]}"


def is_automatic(type: AzureType, logical_name: str, inputs: Properties) -> bool:
    """Whether the resource's name is one that another resource would not get again."""
    name = inputs.get(type.name_parameter or "")
    if not isinstance(name, str):
        return False
    if type.naming == "uuid":
        return re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", name) is not None
    return type.naming == "random" and re.fullmatch(re.escape(logical_name) + r"[0-9a-f]{8}", name) is not None
