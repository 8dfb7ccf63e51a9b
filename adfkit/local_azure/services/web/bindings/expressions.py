"""Binding expressions: `%setting%` and `{name}` in the paths and names of bindings, and paths that blobs match.

https://learn.microsoft.com/azure/azure-functions/functions-bindings-expressions-patterns
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from adfkit.local_azure.services.web.bindings import BindingError, Data
from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.models import App

SETTING: Final = re.compile(r"%([^%]+)%")
NAME: Final = re.compile(r"\{([^{}]+)\}")


def with_settings(app: App, text: str) -> str:
    """The text with app settings put in; raises HostError for one that the app has not."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in app.settings:
            raise HostError(f"'%{found[1]}%' does not resolve to a value: the app has no such setting.")
        return app.settings[found[1]]

    return SETTING.sub(value, text)


def resolve(app: App, text: str, data: Data) -> str:
    """The text with app settings and the data of the trigger put in; names without regard to case.

    Raises:
        BindingError: a name that nothing has.
    """
    known = {name.lower(): value for name, value in data.items()}

    def value(found: re.Match[str]) -> str:
        name = found[1].lower()
        if name in ("rand-guid", "sys.randguid"):
            return str(uuid4())
        if name in ("datetime", "sys.utcnow"):
            return datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
        if name not in known:
            raise BindingError(f"No value for named parameter '{found[1]}' of the binding expression '{text}'.")
        return known[name]

    return NAME.sub(value, with_settings(app, text))


def names_in(value: Any, prefix: str = "") -> Data:
    """What a JSON object gives to expressions: its members, and with dots those of objects in it."""
    return dict(_names(value, prefix))


def _names(value: Any, prefix: str) -> Iterator[tuple[str, str]]:
    if not isinstance(value, Mapping):
        return
    for name, each in value.items():
        if isinstance(each, Mapping):
            yield from _names(each, f"{prefix}{name}.")
        elif isinstance(each, bool):
            yield f"{prefix}{name}", str(each).lower()
        elif isinstance(each, str | int | float):
            yield f"{prefix}{name}", str(each)


class BlobPath:
    """A trigger's path, e.g. `landing/{name}.csv`; without a blob part every blob of the container matches."""

    def __init__(self, path: str) -> None:
        """Raises HostError where it names no container."""
        self.container, _, blob = path.strip("/").partition("/")
        if not self.container or "{" in self.container:
            raise HostError(f"The path '{path}' of a blob trigger does not begin with the name of a container.")
        self.prefix = blob.partition("{")[0]
        pattern, end = "", 0
        for found in NAME.finditer(blob):
            group = f"(?P<{found[1]}>.+?)" if found[1].isidentifier() else ".+?"
            pattern += re.escape(blob[end : found.start()]) + group
            end = found.end()
        self._pattern = re.compile(pattern + re.escape(blob[end:]) if blob else ".+", re.DOTALL)

    def match(self, blob: str) -> dict[str, str] | None:
        """The values of the path's names for a blob; None for one that does not match."""
        found = self._pattern.fullmatch(blob)
        return found.groupdict() if found else None
