"""One request on its way through the chain, with what the steps have found out about it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from adfkit.local_azure.identity import Principal
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.service import DataPlane


@dataclass(slots=True)
class Exchange:
    """`plane` and `principal` are None until the steps that find them have run."""

    platform: Platform
    request: Request
    trace_id: str = ""
    correlation_id: str = ""
    plane: DataPlane | None = None
    host: Mapping[str, str] = field(default_factory=dict)
    principal: Principal | None = None
    started: float = field(default_factory=time.perf_counter)


Step = Callable[[Exchange], Awaitable[Response | None]]
"""A step of the chain: None passes the exchange on, a response ends it, an AzureError is rendered."""
