"""The declared resource types, by name without case, and what ARM says of those that are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from adfkit.local_azure.arm import errors
from adfkit.local_azure.arm.locations import REGIONS
from adfkit.local_azure.service import Handler, Json, ResourceType


class Registry:
    """Every `ResourceType` of the running services."""

    def __init__(self, types: Iterable[ResourceType]) -> None:
        self._types: dict[str, ResourceType] = {}
        for type in types:
            if type.name.lower() in self._types:
                raise ValueError(f"Resource type '{type.name}' is declared twice.")
            self._types[type.name.lower()] = type
        self._namespaces: dict[str, list[ResourceType]] = {}
        for type in self._types.values():
            self._namespaces.setdefault(namespace(type.name).lower(), []).append(type)

    @property
    def types(self) -> Mapping[str, ResourceType]:
        """All types, by name in lower case."""
        return MappingProxyType(self._types)

    def get(self, name: str) -> ResourceType | None:
        """The type of this name in any case, or None."""
        return self._types.get(name.lower())

    def require(self, name: str) -> ResourceType:
        """The type of this name.

        Raises:
            AzureError: 501 that names the type.
        """
        type = self.get(name)
        if type is None:
            raise errors.type_not_supported(name)
        return type

    def canonical(self, name: str) -> str:
        """The declared spelling of a type's name, or the name as it is."""
        type = self.get(name)
        return type.name if type else name

    def namespace_action(self, namespace: str, action: str) -> tuple[ResourceType, Handler] | None:
        """The type and handler of `providers/{namespace}/{action}`, such as `checkNameAvailability`."""
        for type in self._namespaces.get(namespace.lower(), []):
            handler = find(type.list_actions, action)
            if handler is not None:
                return type, handler
        return None

    def provider(self, namespace: str, subscription_id: str) -> Json:
        """What `GET .../providers/{namespace}` shows.

        Raises:
            AzureError: 404 `InvalidResourceNamespace`.
        """
        types = self._namespaces.get(namespace.lower())
        if not types:
            raise errors.invalid_namespace(namespace)
        spelled = types[0].name.split("/", 1)[0]
        return {
            "id": f"/subscriptions/{subscription_id}/providers/{spelled}",
            "namespace": spelled,
            "registrationState": "Registered",
            "registrationPolicy": "RegistrationRequired",
            "resourceTypes": [
                {
                    "resourceType": type.name.split("/", 1)[1],
                    "apiVersions": sorted(type.api_versions, reverse=True),
                    "locations": [region.display_name for region in REGIONS],
                }
                for type in types
            ],
        }

    def providers(self, subscription_id: str) -> list[Json]:
        """Every namespace, as `provider` shows it."""
        return [self.provider(namespace, subscription_id) for namespace in sorted(self._namespaces)]


def namespace(type_name: str) -> str:
    """`Microsoft.Storage` of `Microsoft.Storage/storageAccounts/blobServices`."""
    return type_name.split("/", 1)[0]


def find(handlers: Mapping[str, Handler], action: str) -> Handler | None:
    """The handler of an action whose name is given in any case."""
    return next((handler for name, handler in handlers.items() if name.lower() == action.lower()), None)
