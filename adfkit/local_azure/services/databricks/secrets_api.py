"""The Secrets API: scopes, their secrets and who may read them. https://docs.databricks.com/api/azure/workspace/secrets"""

from __future__ import annotations

import base64
import re
from typing import Final

from starlette.responses import Response

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.services.databricks import errors
from adfkit.local_azure.services.databricks.data_plane import ApiCall, Json, Route, answer
from adfkit.local_azure.services.databricks.records import Records, milliseconds

SCOPE: Final = re.compile(r"[A-Za-z0-9_.@-]{1,128}")
LIMIT: Final = 128 * 1024
PERMISSIONS: Final = ("READ", "WRITE", "MANAGE")
_REFERENCE: Final = re.compile(r"\{\{secrets/([^/}]+)/([^/}]+)\}\}")


class SecretsApi:
    """Scopes that Databricks itself keeps; every caller is an administrator, so that access lists bind nobody."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.routes = (
            Route("POST", "secrets/scopes/create", self.create_scope),
            Route("POST", "secrets/scopes/delete", self.delete_scope),
            Route("GET", "secrets/scopes/list", self.list_scopes),
            Route("POST", "secrets/put", self.put),
            Route("POST", "secrets/delete", self.delete),
            Route("GET", "secrets/get", self.get),
            Route("GET", "secrets/list", self.list),
            Route("POST", "secrets/acls/put", self.put_acl),
            Route("POST", "secrets/acls/delete", self.delete_acl),
            Route("GET", "secrets/acls/get", self.get_acl),
            Route("GET", "secrets/acls/list", self.list_acls),
        )

    async def create_scope(self, call: ApiCall) -> Response:
        """Make a scope."""
        name = str(call.required("scope"))
        if not SCOPE.fullmatch(name):
            raise errors.invalid_parameter(f"'{name}' is no scope name: letters, digits, _ . @ - and 128 at most.")
        kind = str(call.get("scope_backend_type", "DATABRICKS"))
        if kind != "DATABRICKS":
            raise not_implemented(f"secret scopes of the kind {kind}")
        if self._records.get(call.key, "scope", name) is not None:
            raise errors.already_exists(f"Scope {name} already exists!")
        acls = {call.principal.client_id: "MANAGE"}
        if manager := call.get("initial_manage_principal"):
            acls[str(manager)] = "MANAGE"
        self._records.put(call.key, "scope", name, {"name": name, "secrets": {}, "acls": acls})
        return answer()

    async def delete_scope(self, call: ApiCall) -> Response:
        """Remove a scope with its secrets."""
        scope = self._scope(call)
        self._records.delete(call.key, "scope", scope["name"])
        return answer()

    async def list_scopes(self, call: ApiCall) -> Response:
        """Every scope."""
        found = self._records.all(call.key, "scope")
        return answer({"scopes": [{"name": each["name"], "backend_type": "DATABRICKS"} for each in found]})

    async def put(self, call: ApiCall) -> Response:
        """Write a secret."""
        scope, key = self._scope(call), str(call.required("key"))
        if not SCOPE.fullmatch(key):
            raise errors.invalid_parameter(f"'{key}' is no secret key.")
        if call.get("bytes_value") is not None:
            value = str(call.get("bytes_value"))
        else:
            value = base64.b64encode(str(call.required("string_value")).encode()).decode()
        if len(value) * 3 // 4 > LIMIT:
            raise errors.refused("RESOURCE_LIMIT_EXCEEDED", "A secret may have 128 KB at most.")
        scope["secrets"][key] = {"value": value, "changed": milliseconds()}
        self._records.put(call.key, "scope", scope["name"], scope)
        return answer()

    async def delete(self, call: ApiCall) -> Response:
        """Remove a secret."""
        scope = self._scope(call)
        del scope["secrets"][_key(call, scope)]
        self._records.put(call.key, "scope", scope["name"], scope)
        return answer()

    async def get(self, call: ApiCall) -> Response:
        """A secret, in base64."""
        scope = self._scope(call)
        key = _key(call, scope)
        return answer({"key": key, "value": scope["secrets"][key]["value"]})

    async def list(self, call: ApiCall) -> Response:
        """The names of a scope's secrets."""
        secrets = self._scope(call)["secrets"]
        shown = [{"key": key, "last_updated_timestamp": secrets[key]["changed"]} for key in sorted(secrets)]
        return answer({"secrets": shown})

    async def put_acl(self, call: ApiCall) -> Response:
        """Say what a principal may do with a scope."""
        scope, permission = self._scope(call), str(call.required("permission"))
        if permission not in PERMISSIONS:
            raise errors.invalid_parameter(f"'permission' must be one of {', '.join(PERMISSIONS)}.")
        scope["acls"][str(call.required("principal"))] = permission
        self._records.put(call.key, "scope", scope["name"], scope)
        return answer()

    async def delete_acl(self, call: ApiCall) -> Response:
        """Take that away."""
        scope = self._scope(call)
        del scope["acls"][_principal(call, scope)]
        self._records.put(call.key, "scope", scope["name"], scope)
        return answer()

    async def get_acl(self, call: ApiCall) -> Response:
        """What a principal may do."""
        scope = self._scope(call)
        principal = _principal(call, scope)
        return answer({"principal": principal, "permission": scope["acls"][principal]})

    async def list_acls(self, call: ApiCall) -> Response:
        """What every principal may do."""
        acls = self._scope(call)["acls"]
        return answer({"items": [{"principal": name, "permission": value} for name, value in acls.items()]})

    def _scope(self, call: ApiCall) -> Json:
        name = str(call.required("scope"))
        found = self._records.get(call.key, "scope", name)
        if found is None:
            raise errors.not_found(f"Scope {name} does not exist!")
        return found


def resolve_references(records: Records, workspace: str, text: str) -> str:
    """A text of a cluster's configuration with `{{secrets/<scope>/<key>}}` replaced.

    Raises:
        AzureError: 404 where there is no such secret.
    """

    def value(match: re.Match[str]) -> str:
        scope = records.get(workspace, "scope", match[1]) or {"secrets": {}}
        secret = scope["secrets"].get(match[2])
        if secret is None:
            raise errors.not_found(f"Secret does not exist with scope: {match[1]} and key: {match[2]}")
        return base64.b64decode(secret["value"]).decode()

    return _REFERENCE.sub(value, text)


def _key(call: ApiCall, scope: Json) -> str:
    key = str(call.required("key"))
    if key not in scope["secrets"]:
        raise errors.not_found(f"Secret does not exist with scope: {scope['name']} and key: {key}")
    return key


def _principal(call: ApiCall, scope: Json) -> str:
    principal = str(call.required("principal"))
    if principal not in scope["acls"]:
        raise errors.not_found(f"No ACL of {principal} on scope {scope['name']}.")
    return principal
