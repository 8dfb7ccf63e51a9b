"""Which artifacts an artifact names, wherever in its body the reference stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from adfkit.local_azure.services.data_factory.runtime.factory import Kind

KINDS: Final[dict[str, Kind]] = {
    "LinkedServiceReference": "linkedservices",
    "DatasetReference": "datasets",
    "PipelineReference": "pipelines",
    "DataFlowReference": "dataflows",
    "CredentialReference": "credentials",
    "TriggerReference": "triggers",
    "IntegrationRuntimeReference": "integrationRuntimes",
}
BUILT_IN: Final = frozenset({("integrationRuntimes", "autoresolveintegrationruntime")})
"""What every factory has without declaring it; kind and name in lower case."""


def references(body: Any) -> Iterator[tuple[Kind, str]]:
    """Kind and name of every reference in an artifact's body, in its order; built-in ones are left out."""
    if isinstance(body, dict):
        kind = KINDS.get(str(body.get("type")))
        name = body.get("referenceName")
        if kind and isinstance(name, str) and (kind, name.lower()) not in BUILT_IN:
            yield kind, name
        for value in body.values():
            yield from references(value)
    elif isinstance(body, list):
        for value in body:
            yield from references(value)
