"""Paths and queries read strictly, so that what is authorized here is what Azurite understands later.

A path with dot segments, or a parameter given twice or in another case, could name one thing to the check and another
to the store; none of them comes from a client that means well, and each is refused.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from adfkit.local_azure.services.storage import errors

_ENCODED: Final = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*")
_DECISIVE: Final = frozenset({"restype", "comp"})
"""The parameters that choose the operation."""


def decode_path(raw: str) -> str:
    """The decoded path of a blob or container.

    Raises:
        AzureError: 400 `InvalidUri`.
    """
    path = _decode(raw)
    segments = path.replace("\\", "/").split("/")
    if "." in segments or ".." in segments or path.startswith("//"):
        raise errors.invalid_uri(raw)
    return path


def decode_query(raw: str) -> dict[str, str]:
    """The decoded parameters of a query.

    Raises:
        AzureError: 400 `InvalidUri`, or `InvalidQueryParameterValue` for `restype` or `comp` that is not clear.
    """
    parameters: dict[str, str] = {}
    for pair in raw.split("&"):
        name, _, value = pair.partition("=")
        name = _decode(name.replace("+", " "))
        if name.lower() in _DECISIVE and (name != name.lower() or name in parameters or "=" in value):
            raise errors.invalid_query_parameter(name)
        if name:
            parameters[name] = _decode(value.replace("+", " "))
    return parameters


def _decode(raw: str) -> str:
    if not _ENCODED.fullmatch(raw):
        raise errors.invalid_uri(raw)
    try:
        return unquote(raw, errors="strict")
    except UnicodeDecodeError as error:
        raise errors.invalid_uri(raw) from error
