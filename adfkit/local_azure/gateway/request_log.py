"""One JSON line a request: what was asked, by whom, what was answered; no token and no secret of a query among it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode

import orjson
from starlette.responses import Response

from adfkit.local_azure.gateway.exchange import Exchange
from adfkit.local_azure.identity import Principal

_PLAIN: Final = frozenset(
    {"api-version", "comp", "restype", "prefix", "maxresults", "delimiter", "timeout", "blockid", "$filter", "$top"}
)
"""Query parameters that are logged as they are; of every other one only the name is."""
_MAX_BYTES: Final = 50 * 1024 * 1024


class RequestLog:
    """Appends to a file, which starts anew when it has grown to 50 MiB (the one before it is kept as `.1`)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = path.open("ab", buffering=0)

    def write(self, exchange: Exchange, response: Response) -> None:
        """Log one request with its response."""
        request = exchange.request
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "method": request.method,
            "host": request.headers.get("host", ""),
            "path": request.url.path,
            "query": redact(request.url.query),
            "status": response.status_code,
            "error": response.headers.get("x-ms-error-code"),
            "ms": round((time.perf_counter() - exchange.started) * 1000, 1),
            "principal": _principal(exchange),
            "trace_id": exchange.trace_id,
        }
        self._file.write(orjson.dumps(line) + b"\n")
        if self._file.tell() > _MAX_BYTES:
            self._rotate()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        self._path.replace(self._path.with_suffix(self._path.suffix + ".1"))
        self._file = self._path.open("ab", buffering=0)


def _principal(exchange: Exchange) -> str | None:
    """Who asked: as the chain found, or as a data plane that checks tokens itself left in the request's state."""
    principal = exchange.principal or getattr(exchange.request.state, "principal", None)
    return principal.display_name if isinstance(principal, Principal) else None


def redact(query: str) -> str:
    """The query with the values left out that may be secrets."""
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode([(name, value if name.lower() in _PLAIN else "...") for name, value in pairs], safe="$.")
