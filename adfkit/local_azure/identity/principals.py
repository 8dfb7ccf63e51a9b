"""Who asks: a service principal or a managed identity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Principal:
    """One identity of the tenant. `resource_id` is the resource that a managed identity belongs to, else None."""

    object_id: str
    client_id: str
    display_name: str
    kind: Literal["ServicePrincipal", "ManagedIdentity"]
    resource_id: str | None = None
