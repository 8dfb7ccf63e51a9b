"""A function app as its ARM resource declares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from adfkit.local_azure.cloud import host
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource

SITES: Final = "Microsoft.Web/sites"
FUNCTIONS: Final = "Microsoft.Web/sites/functions"
CONFIG: Final = "Microsoft.Web/sites/config"
PLANS: Final = "Microsoft.Web/serverfarms"


@dataclass(frozen=True, slots=True)
class App:
    """One function app.

    Attributes:
        principal: its system-assigned identity, which reads its package; None where it has none.
        settings: app settings, which its worker gets as environment variables.
        container_url: the blob container of its package, without a trailing slash.
        authentication: the properties of `config/authsettingsV2`, empty where there are none.
    """

    id: str
    name: str
    host: str
    principal: Principal | None
    settings: Mapping[str, str]
    container_url: str
    runtime_version: str
    enabled: bool
    authentication: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The id without regard to case."""
        return self.id.lower()


def find_app(platform: Platform, name: str) -> App | None:
    """The app of a host name's first label."""
    for resource in platform.resources.of_type(SITES):
        if resource.name.lower() == name.lower():
            return app_of(platform, resource)
    return None


def app_of(platform: Platform, resource: Resource) -> App:
    """The app that a stored site declares."""
    config = resource.properties["functionAppConfig"]
    identity = str((resource.body.get("identity") or {}).get("type", "")).lower()
    own = "systemassigned" in identity
    return App(
        id=resource.id,
        name=resource.name,
        host=host_name(resource.name),
        principal=platform.identity.managed_identity(resource.id, display_name=resource.name) if own else None,
        settings=_config(platform, resource.id, "appsettings"),
        container_url=config["deployment"]["storage"]["value"].rstrip("/"),
        runtime_version=str(config["runtime"]["version"]),
        enabled=resource.properties.get("enabled") is not False and resource.body.get("state") != "Stopped",
        authentication=_config(platform, resource.id, "authsettingsV2"),
    )


def host_name(app: str) -> str:
    """The host name of an app."""
    return host(app.lower(), "azurewebsites")


def _config(platform: Platform, id: str, name: str) -> Mapping[str, Any]:
    stored = platform.resources.get(f"{id}/config/{name}")
    return stored.properties if stored else {}
