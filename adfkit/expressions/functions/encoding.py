"""Conversion functions between text, binary, base64, data URIs and URI components."""

from __future__ import annotations

import base64
import re
from urllib.parse import quote, unquote_plus, unquote_to_bytes

from adfkit.expressions.functions.signatures import REGISTRY, STRING, Invocation, Parameter
from adfkit.expressions.values import BINARY_TYPE, Value, content, content_bytes, to_text

conversion = REGISTRY.category("conversion")

_ONLY_STRING = Parameter(STRING, "its parameter to be a string")


def _one(purpose: str) -> str:
    return f"one parameter: {purpose}"


def _bytes(value: Value) -> bytes:
    data = content_bytes(value)
    return to_text(value).encode("utf-8", "replace") if data is None else data


def _from_base64(call: Invocation, text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise call.error(
            "was invoked with a parameter that is not valid. The value cannot be decoded from base64 representation."
        ) from None


@conversion(
    "base64",
    1,
    _one("the string to encode into base64 representation"),
    Parameter(frozenset({"String", "Object", "Array"}), "its parameter to be a string, an object or an array"),
    counted="parameters",
)
def base64_(call: Invocation, value: Value) -> str:
    return base64.b64encode(_bytes(value)).decode("ascii")


@conversion("base64ToString", 1, _one("the base64 string to decode"), _ONLY_STRING, counted="parameters")
def base64_to_string(call: Invocation, value: str) -> str:
    return _from_base64(call, value).decode("utf-8", "replace")


@conversion(
    "decodeBase64", 1, _one("the string to decode from base64 representation"), _ONLY_STRING, counted="parameters"
)
def decode_base64(call: Invocation, value: str) -> str:
    return _from_base64(call, value).decode("utf-8", "replace")


@conversion(
    "base64ToBinary", 1, _one("the string to decode from base64 representation"), _ONLY_STRING, counted="parameters"
)
def base64_to_binary(call: Invocation, value: str) -> Value:
    return content(_from_base64(call, value), BINARY_TYPE)


@conversion("binary", 1, _one("the value that is to be converted to binary"), counted="parameters")
def binary(call: Invocation, value: Value) -> Value:
    if value is None:
        raise call.error(
            "was invoked with a parameter that is not valid. The value cannot be converted to the target type."
        )
    return content(_bytes(value), BINARY_TYPE)


@conversion("dataUri", 1, _one("the value to be converted to a data URI"), counted="parameters")
def data_uri(call: Invocation, value: Value) -> str:
    if value is None:
        raise call.error(
            "was invoked with a parameter that is not valid. The value cannot be converted to the target type."
        )
    if content_bytes(value) is not None:
        content_type = str(value["$content-type"])
    else:
        content_type = f"{'text/plain' if isinstance(value, str) else 'application/json'};charset=utf-8"
    return f"data:{content_type};base64,{base64.b64encode(_bytes(value)).decode('ascii')}"


_DATA_URI = re.compile(r"data:(?P<type>[^,]*?)(?P<base64>;base64)?,(?P<data>.*)", re.IGNORECASE | re.DOTALL)


def _match_data_uri(call: Invocation, value: str) -> re.Match[str]:
    match = _DATA_URI.fullmatch(value)
    if match is None:
        raise call.error(
            f"expects its parameter to be formatted as a valid data URI. The provided value '{value}' was not "
            "formatted "
            "correctly."
        )
    return match


def _data_uri_text(call: Invocation, value: str) -> str:
    match = _match_data_uri(call, value)
    charset = re.search(r";charset=([^;]*)", match["type"], re.IGNORECASE)
    if charset and charset[1].lower() != "utf-8":
        raise call.error(f"parameter is not valid. The provided charset '{charset[1]}' is not supported.")
    data = _from_base64(call, match["data"]) if match["base64"] else unquote_to_bytes(match["data"])
    return data.decode("utf-8", "replace")


@conversion(
    "dataUriToBinary", 1, _one("the data URI that is to be converted to binary"), _ONLY_STRING, counted="parameters"
)
def data_uri_to_binary(call: Invocation, value: str) -> Value:
    match = _match_data_uri(call, value)
    content_type = match["type"] or "text/plain"
    if match["base64"]:
        # Taken as it is: Azure doesn't look whether it is base64.
        return {"$content-type": content_type, "$content": match["data"]}
    return content(unquote_to_bytes(match["data"]), content_type)


@conversion(
    "dataUriToString", 1, _one("the data URI that is to be converted to string"), _ONLY_STRING, counted="parameters"
)
def data_uri_to_string(call: Invocation, value: str) -> str:
    return _data_uri_text(call, value)


@conversion("decodeDataUri", 1, _one("the data URI"), _ONLY_STRING, counted="parameters")
def decode_data_uri(call: Invocation, value: str) -> str:
    return _data_uri_text(call, value)


def _uri_component(values: tuple[Value, ...]) -> str:
    return quote("".join(map(to_text, values)), safe="-_.~", errors="replace")


@conversion(
    "uriComponent", (1, None), "at least one parameter: the value to convert to URI component", counted="parameters"
)
def uri_component(call: Invocation, *values: Value) -> str:
    return _uri_component(values)


@conversion("encodeUriComponent", (1, None), "at least one parameter: the string to URL encode", counted="parameters")
def encode_uri_component(call: Invocation, *values: Value) -> str:
    return _uri_component(values)


@conversion("decodeUriComponent", 1, _one("the string to decode"), _ONLY_STRING, counted="parameters")
def decode_uri_component(call: Invocation, value: str) -> str:
    return unquote_plus(value, errors="replace")


@conversion(
    "uriComponentToString", 1, _one("the URI component to convert to binary"), _ONLY_STRING, counted="parameters"
)
def uri_component_to_string(call: Invocation, value: str) -> str:
    return unquote_plus(value, errors="replace")


@conversion(
    "uriComponentToBinary", 1, _one("the URI component to convert to binary"), _ONLY_STRING, counted="parameters"
)
def uri_component_to_binary(call: Invocation, value: str) -> Value:
    return content(unquote_to_bytes(value.replace("+", " ")), BINARY_TYPE)
