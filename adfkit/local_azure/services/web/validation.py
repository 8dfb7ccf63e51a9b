"""What App Service checks of plans, sites and their settings; what local Azure does not have is refused by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.services.web import errors

MEMORY_SIZES: Final = (512, 2048, 4096)
PYTHON_VERSIONS: Final = ("3.10", "3.11", "3.12", "3.13")
REFUSED_SETTINGS: Final = frozenset(
    {
        "ENABLE_ORYX_BUILD",
        "FUNCTIONS_EXTENSION_VERSION",
        "FUNCTIONS_WORKER_RUNTIME",
        "FUNCTIONS_WORKER_RUNTIME_VERSION",
        "SCM_DO_BUILD_DURING_DEPLOYMENT",
        "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
        "WEBSITE_CONTENTSHARE",
        "WEBSITE_NODE_DEFAULT_VERSION",
        "WEBSITE_RUN_FROM_PACKAGE",
    }
)
"""https://learn.microsoft.com/azure/azure-functions/functions-app-settings#flex-consumption-plan-deprecations"""


def check_plan(body: Mapping[str, Any]) -> None:
    """Raises AzureError for a plan other than Flex Consumption on Linux."""
    sku = str((body.get("sku") or {}).get("name", ""))
    if sku.upper() != "FC1":
        raise not_implemented(f"the App Service plan SKU '{sku}' (only FC1, Flex Consumption)")
    if not (body.get("properties") or {}).get("reserved"):
        raise errors.bad_request("Flex Consumption plans are Linux only: properties.reserved must be true.")


def check_site(body: Mapping[str, Any], properties: Mapping[str, Any]) -> None:
    """Raises AzureError for a site that is no function app, or whose `functionAppConfig` Azure would refuse."""
    kind = str(body.get("kind") or "")
    if "functionapp" not in kind.lower():
        raise not_implemented(f"a site of the kind '{kind}' (only functionapp)")
    config = properties.get("functionAppConfig")
    if not isinstance(config, Mapping):
        raise errors.invalid_config(
            "",
            "The FunctionAppConfig section was not specified in the request, which is required for Flex Consumption "
            "sites. To proceed, please add the FunctionAppConfig section in your request.",
        )
    _check_storage(_section(config, "deployment", "storage"))
    _check_runtime(_section(config, "runtime"))
    _check_scale(_section(config, "scaleAndConcurrency"))


def _section(config: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    found: Any = config
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        raise errors.invalid_config(_dotted(*path), "It is required for Flex Consumption sites.")
    return found


def _check_storage(storage: Mapping[str, Any]) -> None:
    if str(storage.get("type", "")).lower() != "blobcontainer":
        raise errors.invalid_config("Deployment.Storage.Type", "It must be blobContainer.")
    url = urlsplit(str(storage.get("value") or ""))
    if url.scheme != "https" or not url.netloc or url.path.strip("/").count("/") or not url.path.strip("/"):
        raise errors.invalid_config(
            "Deployment.Storage.Value", "It must be the address of a blob container: https://<account>/<container>."
        )
    kind = str((storage.get("authentication") or {}).get("type") or "")
    if kind.lower() in ("userassignedidentity", "storageaccountconnectionstring"):
        raise not_implemented(f"the deployment storage authentication '{kind}' (only SystemAssignedIdentity)")
    if kind.lower() != "systemassignedidentity":
        raise errors.invalid_config(
            "Deployment.Storage.Authentication.Type",
            "It must be SystemAssignedIdentity, UserAssignedIdentity or StorageAccountConnectionString.",
        )


def _check_runtime(runtime: Mapping[str, Any]) -> None:
    name, version = str(runtime.get("name") or ""), str(runtime.get("version") or "")
    if name.lower() != "python":
        raise not_implemented(f"the function app runtime '{name}' (only python)")
    if version not in PYTHON_VERSIONS:
        raise errors.invalid_config("Runtime.Version", f"'{version}' must be one of {', '.join(PYTHON_VERSIONS)}.")


def _check_scale(scale: Mapping[str, Any]) -> None:
    if scale.get("instanceMemoryMB") not in MEMORY_SIZES:
        sizes = ", ".join(map(str, MEMORY_SIZES))
        raise errors.invalid_config("ScaleAndConcurrency.InstanceMemoryMB", f"It must be one of {sizes}.")
    count = scale.get("maximumInstanceCount")
    if not isinstance(count, int) or not 1 <= count <= 1000:
        raise errors.invalid_config("ScaleAndConcurrency.MaximumInstanceCount", "It must be between 1 and 1000.")


def app_settings(pairs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The settings of `siteConfig.appSettings` by name, checked."""
    values = {str(pair.get("name") or ""): str(pair.get("value") or "") for pair in pairs}
    check_app_settings(values)
    return values


def check_app_settings(values: Mapping[str, Any]) -> None:
    """Raises AzureError for a setting that Flex Consumption refuses, or that refers to a key vault."""
    for name, value in values.items():
        if not name or name.upper() in REFUSED_SETTINGS:
            raise errors.invalid_app_setting(name)
        if str(value).startswith("@Microsoft."):
            raise not_implemented(f"the reference in the app setting '{name}' (Key Vault and App Configuration)")


def check_authentication(properties: Mapping[str, Any]) -> None:
    """Raises AzureError for an identity provider or action other than Microsoft Entra ID refusing the stranger."""
    for name, provider in (properties.get("identityProviders") or {}).items():
        if name != "azureActiveDirectory" and (provider or {}).get("enabled"):
            raise not_implemented(f"the identity provider '{name}' of a web app (only azureActiveDirectory)")
    action = (properties.get("globalValidation") or {}).get("unauthenticatedClientAction")
    if action not in (None, "Return401", "Return403", "AllowAnonymous"):
        raise not_implemented(f"the unauthenticated client action '{action}' of a web app (only Return401, Return403)")


def _dotted(*path: str) -> str:
    return ".".join(name[0].upper() + name[1:] for name in path)
