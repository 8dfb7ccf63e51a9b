"""Shared Key signatures, with which the gateway (and nobody else) speaks to Azurite.

https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from email.utils import formatdate
from typing import Final
from urllib.parse import unquote

import httpx

_SIGNED: Final = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)
# Azurite orders header names as JavaScript's localeCompare does: punctuation, then digits, then letters
_COLLATION: Final = str.maketrans({"_": "\x01", "-": "\x02"})


def sign(request: httpx.Request, account: str, key: bytes) -> None:
    """Add the `Authorization` header, and `x-ms-date` where the client sent none."""
    headers = request.headers
    if "x-ms-date" not in headers:
        headers["x-ms-date"] = formatdate(usegmt=True)
    text = "\n".join([request.method, *(_value(headers, name) for name in _SIGNED)]) + "\n"
    text += _canonical_headers(headers) + _canonical_resource(request.url, account)
    signature = base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()
    headers["Authorization"] = f"SharedKey {account}:{signature}"


def _value(headers: httpx.Headers, name: str) -> str:
    value = headers.get(name, "")
    return "" if name == "content-length" and value == "0" else value


def _canonical_headers(headers: httpx.Headers) -> str:
    names = sorted({name for name in headers if name.startswith("x-ms-")}, key=lambda name: name.translate(_COLLATION))
    return "".join(f"{name}:{headers[name].lstrip()}\n" for name in names)


def _canonical_resource(url: httpx.URL, account: str) -> str:
    path, _, query = url.raw_path.decode("ascii").partition("?")
    values = {}
    for pair in query.split("&"):
        name, separator, value = pair.partition("=")
        if name and separator and "=" not in value:  # Azurite leaves out every other parameter
            values[name.lower()] = unquote(value.replace("+", "%20"))
    return f"/{account}{path}" + "".join(f"\n{name}:{values[name]}" for name in sorted(values))
