"""Connections of bindings to storage accounts: identity-based, by app settings, with the app's own identity.

https://learn.microsoft.com/azure/azure-functions/functions-reference#configure-an-identity-based-connection
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import httpx

from adfkit.local_azure.cloud import host
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.services.web.bindings import BindingError
from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.models import App

Service = Literal["blob", "queue"]
AUDIENCE: Final = "https://storage.azure.com/"
API_VERSION: Final = "2023-11-03"
DEFAULT: Final = "AzureWebJobsStorage"


def endpoint(app: App, connection: str, service: Service) -> str:
    """The account's endpoint for a service, without a trailing slash.

    Raises:
        HostError: the settings name none, or a way to sign in other than the system-assigned identity.
    """
    names = (f"AzureWebJobs{connection}", connection) if connection else (DEFAULT,)
    for name in names:
        if app.settings.get(name):
            raise HostError(
                f"The app setting '{name}' is a connection string; local Azure's storage accounts take identities "
                f"only: set '{name}__{service}ServiceUri' instead."
            )
        found = _endpoint(app, name, service)
        if found:
            return found
    raise HostError(
        f"Storage account connection '{connection or DEFAULT}' does not exist. Make sure that it is a defined App "
        f"Setting: '{names[-1]}__{service}ServiceUri'."
    )


def _endpoint(app: App, name: str, service: Service) -> str:
    settings = {key.replace(":", "__").lower(): value for key, value in app.settings.items()}

    def setting(key: str) -> str:
        return settings.get(f"{name}__{key}".lower(), "")

    account = setting("accountName")
    url = (
        setting(f"{service}ServiceUri")
        or setting("serviceUri")
        or (f"https://{host(account, service)}" if account else "")
    )
    if url and setting("credential").lower() not in ("", "managedidentity"):
        raise HostError(f"The app setting '{name}__credential' must be managedidentity.")
    for key in ("clientId", "managedIdentityResourceId", "tenantId", "clientSecret"):
        if url and setting(key):
            raise HostError(
                f"The app setting '{name}__{key}' is not supported by local Azure: the system-assigned identity "
                "signs in."
            )
    return url.rstrip("/")


class Connections:
    """Requests to storage accounts, signed with the identity of an app."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def send(
        self,
        app: App,
        method: str,
        url: str,
        *,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        allowed: frozenset[int] = frozenset(),
    ) -> httpx.Response:
        """One request; `allowed` are error statuses that the caller takes.

        Raises:
            BindingError: the app has no identity, or storage refuses; the text holds storage's code.
        """
        if app.principal is None:
            raise BindingError(f"The function app '{app.name}' has no system-assigned identity for its connections.")
        token = self._platform.identity.issue(app.principal, AUDIENCE).token
        own = {"Authorization": f"Bearer {token}", "x-ms-version": API_VERSION, "Content-Length": str(len(content))}
        response = await self._platform.http.request(
            method, url, content=content, headers={**own, **(headers or {})}, timeout=60
        )
        if response.is_error and response.status_code not in allowed:
            code = response.headers.get("x-ms-error-code") or response.reason_phrase
            raise BindingError(
                f"{method} {url.partition('?')[0]} with the identity of the function app '{app.name}' (object id "
                f"'{app.principal.object_id}'): Azure Storage responded with {response.reason_phrase} "
                f"({response.status_code}): {code}."
            )
        return response
