"""JSON as expressions have it: whole numbers of any size, and floats that are not finite."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

INT64 = range(-(2**63), 2**64)


def to_json(value: Any) -> bytes:
    """UTF-8 text that `from_json` reads back as the same value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def from_json(text: bytes | str) -> Any:
    """The value of a JSON text."""
    return json.loads(text)


def narrowed(value: Any) -> Any:
    """A value that any JSON reader takes: whole numbers beyond 64 bits as floats, as .NET clients read them."""
    if isinstance(value, int) and value not in INT64:
        return float(value)
    if isinstance(value, dict):
        return {key: narrowed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [narrowed(item) for item in value]
    return value


def time_text(time: datetime) -> str:
    """A time as .NET writes it: in UTC, with seven digits of a second."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"
