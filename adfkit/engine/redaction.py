"""Keeps secrets out of what a run tells, also where one is but a part of a text that is not secret as a whole."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from adfkit.engine.events import Diagnostic, Event, PropertyChange, ResourcePlanned, Step, StepFinished
from adfkit.engine.properties import Secret

MASK: Final = "[secret]"
SHORTEST: Final = 4
"""Shorter texts are not looked for: they would be found in every other word."""


class Redaction:
    """Learns the secrets of a run as they come by, and takes them out of events. Safe to use from many threads."""

    def __init__(self) -> None:
        self._texts: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._lock = threading.Lock()

    def learn(self, value: Any) -> None:
        """Remember every text inside a secret inside the value, also as JSON and as a URL would spell it."""
        found = {spelling for text in _secret_texts(value, secret=False) for spelling in _spellings(text)}
        with self._lock:
            if not found <= self._texts:
                self._texts |= found
                # the longest first: one secret may be the beginning of another
                longest_first = sorted(self._texts, key=len, reverse=True)
                self._pattern = re.compile("|".join(re.escape(text) for text in longest_first))

    def text(self, text: str) -> str:
        """The text with `[secret]` for every secret in it."""
        return self._pattern.sub(MASK, text) if self._pattern is not None else text

    def value(self, value: Any) -> Any:
        """The value with every text in it redacted."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value

    def step(self, step: Step) -> Step:
        """The step with its values redacted."""
        changes = tuple(
            PropertyChange(change.path, change.kind, self.value(change.old), self.value(change.new))
            for change in step.changes
        )
        return replace(step, changes=changes, before=self.value(step.before), after=self.value(step.after))

    def event(self, event: Event) -> Event:
        """The event with its texts and values redacted."""
        match event:
            case ResourcePlanned():
                return ResourcePlanned(self.step(event.step))
            case Diagnostic():
                return replace(event, message=self.text(event.message))
            case StepFinished(error=error) if error:
                return replace(event, error=self.text(error))
            case _:
                return event


def _secret_texts(value: Any, *, secret: bool) -> list[str]:
    if isinstance(value, Secret):
        return _secret_texts(value.value, secret=True)
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _secret_texts(item, secret=secret)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in _secret_texts(item, secret=secret)]
    return [value] if secret and isinstance(value, str) and len(value) >= SHORTEST else []


def _spellings(text: str) -> set[str]:
    return {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], quote(text, safe="")}
