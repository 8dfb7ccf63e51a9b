"""The keys of an app: of its host (master, function and system keys), and of each function.

https://learn.microsoft.com/azure/azure-functions/function-keys-how-to
They lie in SQLite under names of their scope: `_master`, `functionkeys/<name>`, `functions/<function>/<name>`; a
system key under its own name.
"""

from __future__ import annotations

import re
import secrets
from typing import Final

from adfkit.local_azure.errors import AzureError
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import (
    ArmRequest,
    ArmResponse,
    DeleteHook,
    Handler,
    Json,
    PutHook,
    ResourceType,
    ShowHook,
)
from adfkit.local_azure.services.web.durable import SYSTEM_KEY
from adfkit.local_azure.services.web.history import MASTER_KEY, History

KEY_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
HOST_KEYS: Final = "functionkeys"
DEFAULT: Final = "default"


def host_keys(history: History, site: str) -> dict[str, str]:
    """The function keys of the host, which open every function; `default` is made when first asked for."""
    return _keys(history, site, HOST_KEYS)


def function_keys(history: History, site: str, function: str) -> dict[str, str]:
    """The keys that open one function."""
    return _keys(history, site, f"functions/{function.lower()}")


def _keys(history: History, site: str, scope: str) -> dict[str, str]:
    history.key(site, f"{scope}/{DEFAULT}")
    return history.keys(site, f"{scope}/")


def resource_types(history: History, api_versions: frozenset[str]) -> tuple[ResourceType, ...]:
    """How Resource Manager lists, sets and deletes them; the keys of a function are listed by an action of its own."""

    def of_key(name: str) -> ResourceType:
        return ResourceType(
            name=name,
            api_versions=api_versions,
            name_pattern=KEY_NAME,
            put=_put(history),
            show=_show(history),
            get=_refuse_get,
            delete=_delete(history),
        )

    return (
        ResourceType(
            name="Microsoft.Web/sites/host",
            api_versions=api_versions,
            put=None,
            actions={"listkeys": _list_host_keys(history)},
        ),
        of_key("Microsoft.Web/sites/host/functionkeys"),
        of_key("Microsoft.Web/sites/functions/keys"),
    )


def list_function_keys(history: History) -> Handler:
    """POST sites/{site}/functions/{function}/listkeys."""

    async def list_keys(request: ArmRequest) -> ArmResponse:
        site, function = request.id.text.lower().split("/functions/")
        _check_function(history, site, function)
        return ArmResponse(function_keys(history, site, function))

    return list_keys


def _list_host_keys(history: History) -> Handler:
    async def list_keys(request: ArmRequest) -> ArmResponse:
        site = request.id.text.lower().split("/host/")[0]
        request.platform.resources.require(site)
        durable = any(
            binding["type"] == "orchestrationTrigger"
            for function in history.functions(site).values()
            for binding in function["bindings"]
        )
        return ArmResponse(
            {
                "masterKey": history.key(site, MASTER_KEY),
                "functionKeys": host_keys(history, site),
                "systemKeys": {SYSTEM_KEY: history.key(site, SYSTEM_KEY)} if durable else {},
            }
        )

    return list_keys


def _place(id: str) -> tuple[str, str]:
    """The site of a key's id, in lower case, and the name under which the key lies."""
    parent, _, name = id.rpartition("/")
    lowered = parent.lower()
    if "/host/" in lowered:
        return lowered.split("/host/")[0], f"{HOST_KEYS}/{name}"
    site, function = lowered.removesuffix("/keys").split("/functions/")
    return site, f"functions/{function}/{name}"


def _put(history: History) -> PutHook:
    """Sets a key, to a value of its own making where none is given; Resource Manager's store gets no secret."""

    async def put(request: ArmRequest) -> Json:
        site, name = _place(request.id.text)
        request.platform.resources.require(site)
        if name.startswith("functions/"):
            _check_function(history, site, name.split("/")[1])
        value = str((request.body.get("properties") or {}).get("value") or secrets.token_urlsafe(40))
        history.set_key(site, name, value)
        return {"properties": {"name": request.id.name}}

    return put


def _show(history: History) -> ShowHook:
    def show(_: Platform, resource: Resource) -> Json:
        return {"properties": {"name": resource.name, "value": history.key(*_place(resource.id))}}

    return show


def _delete(history: History) -> DeleteHook:
    async def delete(request: ArmRequest) -> None:
        history.delete_key(*_place(request.id.text))

    return delete


def _check_function(history: History, site: str, function: str) -> None:
    if function not in {name.lower() for name in history.functions(site)}:
        raise AzureError(404, "NotFound", f"The function '{function}' was not found.")


async def _refuse_get(_: ArmRequest) -> ArmResponse:
    raise AzureError(405, "MethodNotAllowed", "Keys are read by POST .../listkeys.")
