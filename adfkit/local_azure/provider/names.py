"""Automatic names, as azure-native makes them."""

from __future__ import annotations

import hashlib
from typing import Final
from uuid import UUID, uuid4

from adfkit.engine.provider import Properties
from adfkit.local_azure.provider.types import AzureType

CREATE_BEFORE_DELETE: Final = "__createBeforeDelete"
"""The input that marks a random name in azure-native's state: a replacement gets another, so they can be there both."""
_HEX_DIGITS: Final = 8


def add(type: AzureType, logical_name: str, inputs: Properties, old: Properties, seed: bytes) -> None:
    """Name the resource where its program does not: as before, else by the type's rule."""
    parameter = type.name_parameter
    if parameter is None or parameter in inputs:
        return
    if parameter in old:
        inputs[parameter] = old[parameter]
        random = old.get(CREATE_BEFORE_DELETE) is True
    else:
        inputs[parameter] = automatic(type, logical_name, seed)
        random = type.naming != "copy"
    if random:
        inputs[CREATE_BEFORE_DELETE] = True


def automatic(type: AzureType, logical_name: str, seed: bytes) -> str:
    """A name for a resource of this logical name; the same seed gives the same name, an empty one a random name."""
    if type.naming == "copy":
        return logical_name
    digest = hashlib.sha256(seed or uuid4().bytes).digest()
    if type.naming == "uuid":
        return str(UUID(bytes=digest[:16], version=4))
    return f"{logical_name}{digest.hex()[:_HEX_DIGITS]}"
