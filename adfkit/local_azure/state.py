"""What a gateway tells of itself in its folder: whether it is ready, and its ports."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from adfkit.local_azure.files import write_private

STATE_FILE: Final = "gateway.json"
PORTS_FILE: Final = "ports.json"
"""The ports of the last run, kept when it ends."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Loopback ports; 0 takes a free one. `proxy` is the one that clients need, `tls` stands behind it."""

    tls: int = 0
    proxy: int = 0


@dataclass(frozen=True, slots=True)
class GatewayState:
    """What a ready gateway writes to `<folder>/gateway.json`."""

    pid: int
    ports: Ports
    version: str

    def write(self, folder: Path) -> None:
        """Write the file, whole or not at all, and beside it the ports, which stay when the gateway ends."""
        write_private(folder / PORTS_FILE, json.dumps(asdict(self.ports)).encode())
        write_private(folder / STATE_FILE, json.dumps(asdict(self), indent=2).encode())

    @staticmethod
    def remove(folder: Path) -> None:
        """Delete the file: the gateway is not ready any more."""
        (folder / STATE_FILE).unlink(missing_ok=True)

    @staticmethod
    def read(folder: Path) -> GatewayState | None:
        """The state as last written (the gateway may have ended since), or None."""
        path = folder / STATE_FILE
        if not path.exists():
            return None
        stored = json.loads(path.read_bytes())
        return GatewayState(stored["pid"], Ports(**stored["ports"]), stored["version"])
