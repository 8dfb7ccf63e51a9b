"""Secret values at rest: sealed with a key that lies beside the store, readable by its owner alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from adfkit.local_azure.services.data_factory.runtime.json_values import from_json, to_json

MASK = "**********"
"""What the service shows in the place of a secret."""


class Sealer:
    """Seals JSON values; what is sealed with one key opens with that key only."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)

    @classmethod
    def ephemeral(cls) -> Sealer:
        """With a new key that is kept nowhere."""
        return cls(Fernet.generate_key())

    @classmethod
    def from_file(cls, path: Path) -> Sealer:
        """With the key of that file, which is made (mode 0600) if it is not there."""
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(Fernet.generate_key())
        return cls(path.read_bytes())

    def seal(self, value: Any) -> str:
        return self._fernet.encrypt(to_json(value)).decode()

    def open(self, sealed: str) -> Any:
        return from_json(self._fernet.decrypt(sealed.encode()))


def seal_secure_strings(value: Any, sealer: Sealer) -> Any:
    """A copy with every `{"type": "SecureString", "value": ...}` holding its value sealed."""
    return _map_secure_strings(value, lambda node: _sealed(node, sealer))


def mask_secure_strings(value: Any) -> Any:
    """A copy for showing: every SecureString's value is stars."""
    return _map_secure_strings(value, lambda _: {"type": "SecureString", "value": MASK})


def open_secure_strings(value: Any, sealer: Sealer) -> Any:
    """The reverse of `seal_secure_strings`."""
    return _map_secure_strings(value, lambda node: _opened(node, sealer))


def _sealed(node: dict[str, Any], sealer: Sealer) -> dict[str, Any]:
    if "sealed" in node or "value" not in node:
        return node
    return {"type": "SecureString", "sealed": sealer.seal(node["value"])}


def _opened(node: dict[str, Any], sealer: Sealer) -> dict[str, Any]:
    return {"type": "SecureString", "value": sealer.open(node["sealed"])} if "sealed" in node else node


def _map_secure_strings(value: Any, change: Any) -> Any:
    if isinstance(value, dict):
        if value.get("type") == "SecureString" and ("value" in value or "sealed" in value):
            return change(value)
        return {key: _map_secure_strings(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_map_secure_strings(item, change) for item in value]
    return value
