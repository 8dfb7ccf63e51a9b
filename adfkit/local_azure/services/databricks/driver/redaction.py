"""Keeps the values of secrets out of what a task writes, as Databricks does."""

from __future__ import annotations

from typing import Any, TextIO

REDACTED = "[REDACTED]"


class Secrets:
    """The values that the task has read."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def add(self, value: str) -> None:
        """Note a value; from now on it is not shown."""
        if value.strip():
            self._values.add(value)

    def redact(self, text: str) -> str:
        """The text without them."""
        for value in self._values:
            text = text.replace(value, REDACTED)
        return text


class Redacting:
    """A stream that shows no secret."""

    def __init__(self, stream: TextIO, secrets: Secrets) -> None:
        self._stream = stream
        self._secrets = secrets

    def write(self, text: str) -> int:
        """Write; the length is that of what was given."""
        self._stream.write(self._secrets.redact(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
