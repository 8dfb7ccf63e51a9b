"""Unity Catalog, as far as it opens storage: credentials, external locations, and who may read and write files there.

https://docs.databricks.com/api/azure/workspace/storagecredentials
https://docs.databricks.com/api/azure/workspace/externallocations
"""

from __future__ import annotations

import re
from typing import Final
from uuid import uuid4

from starlette.responses import Response

from adfkit.local_azure.errors import AzureError, not_implemented
from adfkit.local_azure.identity.principals import Principal
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.services.databricks import errors
from adfkit.local_azure.services.databricks.data_plane import ApiCall, Json, Route, answer
from adfkit.local_azure.services.databricks.records import Records, milliseconds
from adfkit.local_azure.services.databricks.types import CONNECTORS

CREDENTIAL, LOCATION = "storage_credential", "external_location"
EVERYONE: Final = "account users"
PRIVILEGES: Final = {
    CREDENTIAL: {"ALL_PRIVILEGES", "CREATE_EXTERNAL_LOCATION", "MANAGE", "READ_FILES", "WRITE_FILES"},
    LOCATION: {"ALL_PRIVILEGES", "BROWSE", "MANAGE", "READ_FILES", "WRITE_FILES", "CREATE_EXTERNAL_TABLE"}
    | {"CREATE_EXTERNAL_VOLUME", "CREATE_MANAGED_STORAGE"},
}
_URL: Final = re.compile(
    r"abfss://(?P<container>[a-z0-9-]+)@(?P<account>[a-z0-9]+)\.dfs\.(?P<rest>[^/]+)(?P<path>/.*)?"
)


class UnityCatalogApi:
    """One metastore a workspace. Its administrators are the workspace's."""

    def __init__(self, records: Records) -> None:
        self._records = records
        base = "unity-catalog"
        self.routes = (
            Route("POST", f"{base}/storage-credentials", self.create_credential),
            Route("GET", f"{base}/storage-credentials", self.list_credentials),
            Route("GET", f"{base}/storage-credentials/{{}}", self.get_credential),
            Route("PATCH", f"{base}/storage-credentials/{{}}", self.update_credential),
            Route("DELETE", f"{base}/storage-credentials/{{}}", self.delete_credential),
            Route("POST", f"{base}/external-locations", self.create_location),
            Route("GET", f"{base}/external-locations", self.list_locations),
            Route("GET", f"{base}/external-locations/{{}}", self.get_location),
            Route("PATCH", f"{base}/external-locations/{{}}", self.update_location),
            Route("DELETE", f"{base}/external-locations/{{}}", self.delete_location),
            Route("GET", f"{base}/permissions/{{}}/{{}}", self.get_permissions),
            Route("PATCH", f"{base}/permissions/{{}}/{{}}", self.update_permissions),
        )

    async def create_credential(self, call: ApiCall) -> Response:
        """Make a credential of an access connector's identity."""
        name = self._new_name(call, CREDENTIAL)
        document = self._made(call, name, "read_only")
        document["azure_managed_identity"] = _managed_identity(call)
        self._records.put(call.key, CREDENTIAL, name, document)
        return answer(_shown(document))

    async def list_credentials(self, call: ApiCall) -> Response:
        """Every credential."""
        return answer({"storage_credentials": [_shown(each) for each in self._records.all(call.key, CREDENTIAL)]})

    async def get_credential(self, call: ApiCall) -> Response:
        """A credential."""
        return answer(_shown(self._require(call, CREDENTIAL, call.ids[0])))

    async def update_credential(self, call: ApiCall) -> Response:
        """Change a credential."""
        document = self._require(call, CREDENTIAL, call.ids[0])
        if call.get("azure_managed_identity"):
            document["azure_managed_identity"] = _managed_identity(call)
        return answer(self._changed(call, CREDENTIAL, document, "read_only"))

    async def delete_credential(self, call: ApiCall) -> Response:
        """Remove a credential that no location uses."""
        document = self._require(call, CREDENTIAL, call.ids[0])
        used = [
            each["name"] for each in self._records.all(call.key, LOCATION) if each["credential_name"] == call.ids[0]
        ]
        if used and not call.flag("force"):
            raise errors.invalid_state(f"Storage credential '{call.ids[0]}' is used by {', '.join(used)}.")
        self._records.delete(call.key, CREDENTIAL, document["name"])
        return answer()

    async def create_location(self, call: ApiCall) -> Response:
        """Make a location: a URL, and the credential that opens it."""
        name = self._new_name(call, LOCATION)
        document = self._made(call, name, "read_only", "fallback")
        document |= self._opened(call, str(call.required("url")), str(call.required("credential_name")), name)
        self._records.put(call.key, LOCATION, name, document)
        return answer(_shown(document))

    async def list_locations(self, call: ApiCall) -> Response:
        """Every location."""
        return answer({"external_locations": [_shown(each) for each in self._records.all(call.key, LOCATION)]})

    async def get_location(self, call: ApiCall) -> Response:
        """A location."""
        return answer(_shown(self._require(call, LOCATION, call.ids[0])))

    async def update_location(self, call: ApiCall) -> Response:
        """Change a location."""
        document = self._require(call, LOCATION, call.ids[0])
        url, credential = call.get("url", document["url"]), call.get("credential_name", document["credential_name"])
        document |= self._opened(call, str(url), str(credential), document["name"])
        return answer(self._changed(call, LOCATION, document, "read_only", "fallback"))

    async def delete_location(self, call: ApiCall) -> Response:
        """Remove a location."""
        self._require(call, LOCATION, call.ids[0])
        self._records.delete(call.key, LOCATION, call.ids[0])
        return answer()

    async def get_permissions(self, call: ApiCall) -> Response:
        """Who may do what."""
        _, document = self._securable(call)
        grants, wanted = document["grants"], call.get("principal")
        return answer(_grants({name: grants[name] for name in grants if wanted in (None, name)}))

    async def update_permissions(self, call: ApiCall) -> Response:
        """Give and take away."""
        kind, document = self._securable(call)
        for change in call.get("changes", []):
            principal = str(change.get("principal") or "")
            if not principal:
                raise errors.missing_parameter("changes.principal")
            added, removed = set(change.get("add") or []), set(change.get("remove") or [])
            if unknown := (added | removed) - PRIVILEGES[kind]:
                raise errors.invalid_parameter(f"Privilege {', '.join(sorted(unknown))} is not applicable to {kind}.")
            left = (set(document["grants"].get(principal, [])) | added) - removed
            document["grants"][principal] = sorted(left)
            if not left:
                del document["grants"][principal]
        self._records.put(call.key, kind, document["name"], document)
        return answer(_grants(document["grants"]))

    def _securable(self, call: ApiCall) -> tuple[str, Json]:
        kind = call.ids[0].lower()
        if kind not in PRIVILEGES:
            raise not_implemented(f"the permissions of a {call.ids[0]}")
        return kind, self._require(call, kind, call.ids[1])

    def _require(self, call: ApiCall, kind: str, name: str) -> Json:
        found = self._records.get(call.key, kind, name)
        if found is None:
            what = kind.replace("_", " ").capitalize()
            code = "STORAGE_CREDENTIAL_DOES_NOT_EXIST" if kind == CREDENTIAL else "EXTERNAL_LOCATION_DOES_NOT_EXIST"
            raise AzureError(404, code, f"{what} '{name}' does not exist.")
        return found

    def _new_name(self, call: ApiCall, kind: str) -> str:
        name = str(call.required("name"))
        if self._records.get(call.key, kind, name) is not None:
            code = "STORAGE_CREDENTIAL_ALREADY_EXISTS" if kind == CREDENTIAL else "EXTERNAL_LOCATION_ALREADY_EXISTS"
            raise AzureError(409, code, f"{kind.replace('_', ' ').capitalize()} '{name}' already exists.")
        return name

    def _made(self, call: ApiCall, name: str, *copied: str) -> Json:
        now, who = milliseconds(), call.principal.client_id
        return {
            "id": str(uuid4()),
            "name": name,
            "full_name": name,
            "owner": who,
            "comment": str(call.get("comment", "")),
            "isolation_mode": "ISOLATION_MODE_OPEN",
            "metastore_id": str(call.workspace.properties["workspaceId"]),
            **{each: call.flag(each) for each in copied},
            "created_at": now,
            "created_by": who,
            "updated_at": now,
            "updated_by": who,
            "grants": {},
        }

    def _changed(self, call: ApiCall, kind: str, document: Json, *flags: str) -> Json:
        """Keep a document with what the call changes in it; a new name moves it."""
        before = document["name"]
        document |= {each: call.flag(each) for each in flags if call.get(each) is not None}
        for each in ("comment", "owner", "isolation_mode"):
            document[each] = call.get(each, document.get(each))
        if name := call.get("new_name"):
            document["name"] = self._new_name(call.with_parameters({"name": name}), kind)
            self._records.delete(call.key, kind, before)
        document |= {"updated_at": milliseconds(), "updated_by": call.principal.client_id}
        self._records.put(call.key, kind, document["name"], document)
        return _shown(document)

    def _opened(self, call: ApiCall, url: str, credential: str, name: str) -> Json:
        if _URL.fullmatch(url) is None:
            raise errors.invalid_parameter(
                f"'{url}' is no URL of a folder: abfss://<container>@<account>.dfs.<suffix>/"
            )
        found = self._require(call, CREDENTIAL, credential)
        for other in self._records.all(call.key, LOCATION):
            if other["name"] != name and _overlap(other["url"], url):
                raise AzureError(
                    409,
                    "LOCATION_OVERLAP",
                    f"Input path url '{url}' overlaps with external location '{other['name']}'.",
                )
        return {"url": url, "credential_name": credential, "credential_id": found["id"]}


def identities(platform: Platform, records: Records, workspace: str, principal: Principal) -> dict[str, Principal]:
    """Storage account -> the identity with which a principal's runs reach the locations that it may read there.

    Hadoop's driver takes one identity an account, so what a location lets be done holds for its account: the identity's
    own roles bind, and neither `read_only` nor the difference between reading and writing does.
    """
    found: dict[str, Principal] = {}
    for location in records.all(workspace, LOCATION):
        match = _URL.fullmatch(location["url"])
        credential = records.get(workspace, CREDENTIAL, location["credential_name"])
        if match is None or credential is None or not _may_read(location, principal):
            continue
        identity = _identity(platform, credential["azure_managed_identity"])
        if identity is not None:
            found.setdefault(match["account"], identity)
    return found


def _may_read(location: Json, principal: Principal) -> bool:
    if location["owner"] == principal.client_id:
        return True
    given = {each for name in (EVERYONE, principal.client_id) for each in location["grants"].get(name, [])}
    return bool(given & {"READ_FILES", "WRITE_FILES", "ALL_PRIVILEGES"})


def _identity(platform: Platform, managed: Json) -> Principal | None:
    """The identity of a credential; None where its connector is gone."""
    connector = platform.resources.get(str(managed["access_connector_id"]))
    if connector is None:
        return None
    identity = connector.body.get("identity") or {}
    if wanted := managed.get("managed_identity_id"):
        users = {id.lower(): value for id, value in (identity.get("userAssignedIdentities") or {}).items()}
        object_id = (users.get(str(wanted).lower()) or {}).get("principalId")
    else:
        object_id = identity.get("principalId")
    return platform.identity.principal(str(object_id)) if object_id else None


def _managed_identity(call: ApiCall) -> Json:
    managed = call.get("azure_managed_identity")
    if not managed:
        raise not_implemented("storage credentials of another kind than 'azure_managed_identity'")
    id = str(managed.get("access_connector_id") or "")
    if f"/{CONNECTORS}/".lower() not in id.lower() or _identity(call.platform, managed) is None:
        raise errors.invalid_parameter(f"There is no access connector '{id}' with such an identity.")
    return {**managed, "credential_id": str(uuid4())}


def _overlap(one: str, other: str) -> bool:
    first, second = one.rstrip("/") + "/", other.rstrip("/") + "/"
    return first.startswith(second) or second.startswith(first)


def _grants(grants: Json) -> Json:
    return {"privilege_assignments": [{"principal": name, "privileges": given} for name, given in grants.items()]}


def _shown(document: Json) -> Json:
    return {name: value for name, value in document.items() if name != "grants"}
