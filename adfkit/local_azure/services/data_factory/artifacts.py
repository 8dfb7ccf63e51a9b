"""A deployed factory's artifacts: its child resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adfkit.local_azure.resources import Resources
from adfkit.local_azure.services.data_factory.runtime.factory import Kind
from adfkit.local_azure.services.data_factory.runtime.sealing import Sealer, open_secure_strings


class StoredArtifacts:
    """Reads a factory's artifacts as they are now."""

    def __init__(self, resources: Resources, factory_id: str, sealer: Sealer) -> None:
        self._resources = resources
        self._factory_id = factory_id
        self._sealer = sealer

    def find(self, kind: Kind, name: str) -> tuple[str, Mapping[str, Any]] | None:
        """The artifact's own name and `properties`, or None."""
        resource = self._resources.get(f"{self._factory_id}/{kind}/{name}")
        if resource is None:
            return None
        return resource.name, open_secure_strings(resource.properties, self._sealer)

    def global_parameters(self) -> dict[str, Any]:
        """Values by name: the factory's own, and those of its `globalParameters` child, which wins."""
        declared: dict[str, Any] = {}
        factory = self._resources.get(self._factory_id)
        if factory is not None:
            declared |= factory.properties.get("globalParameters") or {}
        for resource in self._resources.children(self._factory_id, "Microsoft.DataFactory/factories/globalParameters"):
            declared |= resource.properties
        return {name: spec.get("value") for name, spec in declared.items()}
