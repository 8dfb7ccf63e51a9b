"""Who may call an app: App Service authentication with Microsoft Entra ID, and the functions' keys.

https://learn.microsoft.com/azure/app-service/configure-authentication-provider-aad
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request

from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.services.web.functions import HttpFunction
from adfkit.local_azure.services.web.history import MASTER_KEY, History
from adfkit.local_azure.services.web.keys import function_keys, host_keys
from adfkit.local_azure.services.web.models import App

PRINCIPAL_HEADERS: Final = "x-ms-client-principal"
"""Headers that begin so come from the platform alone; a caller's own are dropped."""


def authenticate(platform: Platform, app: App, request: Request) -> dict[str, str]:
    """Let the caller in, and return the headers that tell the function who it is (none for an anonymous caller).

    Raises:
        AzureError: 401 without a valid token for the app, 403 for a principal that is not allowed.
    """
    validation = app.authentication.get("globalValidation") or {}
    excluded = any(request.url.path.startswith(path) for path in validation.get("excludedPaths") or ())
    if not _of(app.authentication, "platform", "enabled") or excluded:
        return {}
    required = bool(validation.get("requireAuthentication"))
    directory = _of(app.authentication, "identityProviders", "azureActiveDirectory") or {}
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" and not required:
        return {}
    if scheme.lower() != "bearer" or not directory:
        raise _unauthorized(app, validation, "the request has no bearer token")
    try:
        principal = platform.identity.verify(token.strip(), _audiences(directory))
    except AzureError as error:
        raise _unauthorized(app, validation, error.message) from error
    _check_allowed(app, directory, principal)
    return {
        f"{PRINCIPAL_HEADERS}-id": principal.object_id,
        f"{PRINCIPAL_HEADERS}-name": principal.display_name,
        f"{PRINCIPAL_HEADERS}-idp": "aad",
    }


def _audiences(directory: Mapping[str, Any]) -> frozenset[str]:
    """The allowed audiences; the client id is always one."""
    client_id = _of(directory, "registration", "clientId")
    own = (client_id, f"api://{client_id}") if client_id else ()
    return frozenset((*own, *(_of(directory, "validation", "allowedAudiences") or ())))


def _check_allowed(app: App, directory: Mapping[str, Any], principal: Principal) -> None:
    policy = _of(directory, "validation", "defaultAuthorizationPolicy") or {}
    identities = _of(policy, "allowedPrincipals", "identities") or ()
    applications = policy.get("allowedApplications") or ()
    if identities and principal.object_id not in {str(identity).lower() for identity in identities}:
        raise _forbidden(app, principal, f"its object id '{principal.object_id}' is not among the allowed principals")
    if applications and principal.client_id not in {str(application).lower() for application in applications}:
        raise _forbidden(app, principal, f"its client id '{principal.client_id}' is not among the allowed applications")


def check_key(history: History, app: App, function: HttpFunction, request: Request) -> None:
    """Check the key that a function's level asks for.

    Raises:
        AzureError: 401 without the right key.
    """
    if function.auth_level == "anonymous":
        return
    allowed = [history.key(app.key, MASTER_KEY)]
    if function.auth_level != "admin":
        allowed += host_keys(history, app.key).values()
        allowed += function_keys(history, app.key, function.name).values()
    if not _has_key(allowed, request):
        text = (
            f"The function '{function.name}' of '{app.name}' takes calls with a key of the level {function.auth_level}."
        )
        raise AzureError(401, "Unauthorized", text)


def check_system_key(history: History, app: App, name: str, request: Request) -> None:
    """Check the key that an extension's own URLs carry.

    Raises:
        AzureError: 401 without the right key.
    """
    if not _has_key([history.key(app.key, MASTER_KEY), history.key(app.key, name)], request):
        raise AzureError(401, "Unauthorized", f"This URL of '{app.name}' takes calls with the system key '{name}'.")


def _has_key(allowed: Sequence[str], request: Request) -> bool:
    given = request.headers.get("x-functions-key") or request.query_params.get("code") or ""
    return any(hmac.compare_digest(given.encode(), key.encode()) for key in allowed)


def _of(values: Mapping[str, Any], *path: str) -> Any:
    found: Any = values
    for name in path:
        found = (found or {}).get(name)
    return found


def _unauthorized(app: App, validation: Mapping[str, Any], reason: str) -> AzureError:
    status = 403 if validation.get("unauthenticatedClientAction") == "Return403" else 401
    return AzureError(
        status,
        "Unauthorized" if status == 401 else "Forbidden",
        f"The function app '{app.name}' takes calls of its callers with Microsoft Entra ID only: {reason}",
        headers={"WWW-Authenticate": f'Bearer realm="{app.host}"'},
    )


def _forbidden(app: App, principal: Principal, reason: str) -> AzureError:
    text = f"The function app '{app.name}' does not allow the principal '{principal.display_name}': {reason}."
    return AzureError(403, "Forbidden", text)
