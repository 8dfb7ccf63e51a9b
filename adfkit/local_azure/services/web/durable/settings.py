"""What host.json says of Durable Functions (`extensions.durableTask`).

https://learn.microsoft.com/azure/azure-functions/durable/durable-functions-bindings#host-json
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.models import App

CONCURRENT_ACTIVITIES: Final = 10
HUB_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{2,44}")


@dataclass(frozen=True, slots=True)
class HubSettings:
    """The task hub's name, and how many activities may run at once."""

    name: str
    concurrent_activities: int

    @classmethod
    def read(cls, app: App, host: Mapping[str, Any]) -> HubSettings:
        """The settings of an app with this host.json; other keys, which tune what is not here, are ignored.

        Raises:
            HostError: a value is none, or asks for a storage provider other than Azure Storage.
        """
        settings = (host.get("extensions") or {}).get("durableTask") or {}
        provider = str((settings.get("storageProvider") or {}).get("type") or "AzureStorage")
        if provider.lower() not in ("azurestorage", "azure_storage"):
            raise HostError(
                f"host.json: the storage provider '{provider}' of Durable Functions is not supported by local Azure; "
                "it supports AzureStorage."
            )
        most = settings.get("maxConcurrentActivityFunctions", CONCURRENT_ACTIVITIES)
        if not isinstance(most, int) or most < 1:
            raise HostError(f"host.json: maxConcurrentActivityFunctions must be a number from 1 on, not {most!r}.")
        return cls(_name(app, settings.get("hubName")), most)


def _name(app: App, given: Any) -> str:
    """By default the app's name, its letters and digits alone; `%SETTING%` stands for an app setting."""
    if not given:
        return "".join(letter for letter in app.name if letter.isalnum())[:45]
    text = re.sub(r"%([^%]+)%", lambda found: str(app.settings.get(found[1], found[0])), str(given))
    if not HUB_NAME.fullmatch(text):
        raise HostError(
            f"host.json: Task hub name '{text}' should contain only alphanumeric characters, start with a letter, and "
            "have length between 3 and 45."
        )
    return text
