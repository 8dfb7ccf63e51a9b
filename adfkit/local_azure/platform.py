"""What every service of local Azure stands on, handed to each as one typed object."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

    from adfkit.local_azure.identity import Identity
    from adfkit.local_azure.processes import Processes
    from adfkit.local_azure.python_environments import PythonEnvironments
    from adfkit.local_azure.resources import Resources
    from adfkit.local_azure.store import Store


@dataclass(frozen=True, slots=True)
class Platform:
    """One running local Azure.

    Attributes:
        folder: where everything of this local Azure lies (SQLite, certificates, blobs, environments, logs).
        store: the SQLite file. A service declares its tables with `store.migrate(<service>, ...)`.
        resources: every ARM resource.
        identity: principals, tokens, role checks, and the managed identity endpoints.
        processes: starts child processes that end with the gateway.
        environments: Python environments made from requirements, cached by hash.
        http: a client that reaches this cloud (through the proxy, trusting its CA), as any outside client would.
        client_environment: variables with which a child process reaches this cloud (proxy, CA files, metadata URL,
            authority host); no credential among them.
    """

    folder: Path
    store: Store
    resources: Resources
    identity: Identity
    processes: Processes
    environments: PythonEnvironments
    http: httpx.AsyncClient
    client_environment: dict[str, str]
