"""The form with which a client uploads a file: https://www.rfc-editor.org/rfc/rfc7578"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from adfkit.local_azure.services.databricks import errors

_BOUNDARY: Final = re.compile(r'boundary="?([^";]+)"?')
_NAME: Final = re.compile(rb'[; ]name="([^"]*)"', re.IGNORECASE)
_FILE: Final = re.compile(rb"[; ]filename\*?=", re.IGNORECASE)


def read_form(content: bytes, content_type: str) -> tuple[dict[str, Any], Mapping[str, bytes]]:
    """The fields of a form as texts, and its files.

    Raises:
        AzureError: 400 `MALFORMED_REQUEST`.
    """
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise errors.malformed("The form's content type names no boundary.")
    fields: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    parts = (b"\r\n" + content).split(b"\r\n--" + boundary[1].encode())
    for part in parts[1:-1]:
        head, separator, value = part.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if not separator or name is None:
            raise errors.malformed("A part of the form has no name.")
        # a client's file may come without a file name; what is no text is a file
        if _FILE.search(head) or name[1] == b"content":
            files[name[1].decode()] = value
        else:
            fields[name[1].decode()] = value.decode(errors="replace")
    return fields, files
