"""Microsoft.Storage: https://learn.microsoft.com/rest/api/storagerp/"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final, Protocol

from adfkit.local_azure import cloud
from adfkit.local_azure.arm import values
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resource_id import parse
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import ArmRequest, ArmResponse, Json, ResourceType
from adfkit.local_azure.services.storage import arm_errors as errors

ACCOUNTS: Final = "Microsoft.Storage/storageAccounts"
BLOB_SERVICES: Final = f"{ACCOUNTS}/blobServices"
CONTAINERS: Final = f"{BLOB_SERVICES}/containers"
QUEUE_SERVICES: Final = f"{ACCOUNTS}/queueServices"
QUEUES: Final = f"{QUEUE_SERVICES}/queues"
VERSIONS: Final = frozenset(
    {"2019-06-01", "2021-01-01", "2021-04-01", "2021-09-01", "2022-09-01", "2023-01-01", "2023-04-01", "2023-05-01"}
    | {"2024-01-01", "2025-01-01", "2025-06-01", "2025-08-01", "2026-04-01", "2026-09-01"}
)
SKUS: Final = (
    "Standard_LRS",
    "Standard_GRS",
    "Standard_RAGRS",
    "Standard_ZRS",
    "Premium_LRS",
    "Premium_ZRS",
    "Standard_GZRS",
    "Standard_RAGZRS",
)
KINDS: Final = ("Storage", "StorageV2", "BlobStorage", "FileStorage", "BlockBlobStorage")
SERVICES_OF_KIND: Final = {
    "Storage": ("blob", "queue", "table", "file"),
    "StorageV2": ("dfs", "web", "blob", "queue", "table", "file"),
    "BlobStorage": ("dfs", "blob", "table"),
    "BlockBlobStorage": ("dfs", "web", "blob"),
    "FileStorage": ("file",),
}
ACCOUNT_NAME: Final = re.compile(r"[a-z0-9]{3,24}")
QUEUE_NAME: Final = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")
CONTAINER_NAME: Final = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*|\$root|\$web|\$logs")


class BlobStore(Protocol):
    """Where an account's containers really are."""

    async def create_container(self, account: str, name: str) -> None:
        """Create a container; one that exists already stays as it is."""

    async def delete_container(self, account: str, name: str) -> None:
        """Delete a container and its blobs, if it exists."""

    async def delete_account(self, account: str) -> None:
        """Delete all that an account holds."""


class QueueStore(Protocol):
    """Where an account's queues really are."""

    async def create_queue(self, account: str, name: str) -> None:
        """Create a queue; one that exists already stays as it is."""

    async def delete_queue(self, account: str, name: str) -> None:
        """Delete a queue and its messages, if it exists."""

    async def delete_account(self, account: str) -> None:
        """Delete all that an account holds."""


async def put_account(request: ArmRequest) -> Json:
    """Check as the service does and fill in its defaults."""
    body = request.body
    _check_free(request)
    sku = values.one_of(body, "sku.name", SKUS, errors.invalid_property)
    if sku is None:
        raise errors.invalid_property("'sku.name' is required")
    kind = values.one_of(body, "kind", KINDS, errors.invalid_property) or "StorageV2"
    properties = {**_DEFAULTS, **(body.get("properties") or {})}
    _check_properties({"properties": properties}, kind, sku)
    created = request.existing.properties if request.existing else {}
    now = datetime.now(UTC).isoformat()
    properties |= {
        "provisioningState": "Succeeded",
        "creationTime": created.get("creationTime", now),
        "keyCreationTime": created.get("keyCreationTime", {"key1": now, "key2": now}),
        "primaryLocation": body["location"],
        "statusOfPrimary": "available",
        "privateEndpointConnections": [],
        "encryption": _encryption(properties.get("encryption")),
    }
    if kind != "Storage":
        properties.setdefault("accessTier", "Hot")
    service = f"{request.id.text}/blobServices/default"
    if request.platform.resources.get(service) is None:
        request.platform.resources.put(service, {"sku": _sku(sku), "properties": dict(_BLOB_SERVICE_DEFAULTS)})
    queues = f"{request.id.text}/queueServices/default"
    if "queue" in SERVICES_OF_KIND[kind] and request.platform.resources.get(queues) is None:
        request.platform.resources.put(queues, {"properties": {"cors": {"corsRules": []}}})
    kept = {key: body[key] for key in ("location", "tags", "identity", "extendedLocation") if body.get(key) is not None}
    return {**kept, "sku": _sku(sku), "kind": kind, "properties": properties}


_DEFAULTS: Final[Json] = {
    "supportsHttpsTrafficOnly": True,
    "minimumTlsVersion": "TLS1_0",
    "allowBlobPublicAccess": False,
    "networkAcls": {"bypass": "AzureServices", "virtualNetworkRules": [], "ipRules": [], "defaultAction": "Allow"},
}
_BLOB_SERVICE_DEFAULTS: Final[Json] = {
    "cors": {"corsRules": []},
    "deleteRetentionPolicy": {"allowPermanentDelete": False, "enabled": False},
}


def _encryption(given: Json | None) -> Json:
    service = {"keyType": "Account", "enabled": True}
    return {"keySource": "Microsoft.Storage", **(given or {}), "services": {"blob": service, "file": service}}


def _sku(name: str) -> Json:
    return {"name": name, "tier": name.split("_", 1)[0]}


def _check_free(request: ArmRequest) -> None:
    """An account's name is unique in all of the cloud, since it is a host name."""
    for account in request.platform.resources.of_type(ACCOUNTS):
        if account.name == request.id.name and parse(account.id).key != request.id.key:
            raise errors.account_already_taken(request.id.name)


def _check_properties(body: Json, kind: str, sku: str) -> None:
    refuse = errors.invalid_property
    values.one_of(body, "properties.minimumTlsVersion", ("TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3"), refuse)
    values.one_of(body, "properties.accessTier", ("Hot", "Cool", "Cold", "Premium"), refuse)
    values.one_of(body, "properties.publicNetworkAccess", ("Enabled", "Disabled", "SecuredByPerimeter"), refuse)
    values.one_of(body, "properties.networkAcls.defaultAction", ("Allow", "Deny"), refuse)
    values.one_of(body, "properties.allowedCopyScope", ("AAD", "PrivateLink"), refuse)
    properties = body["properties"]
    if kind == "BlobStorage" and "accessTier" not in properties:
        raise refuse("'properties.accessTier' is required for kind BlobStorage")
    if kind in ("FileStorage", "BlockBlobStorage") and not sku.startswith("Premium"):
        raise refuse(f"kind '{kind}' needs a Premium SKU, not '{sku}'")
    if properties.get("isHnsEnabled") and kind not in ("StorageV2", "BlockBlobStorage"):
        raise refuse(f"'properties.isHnsEnabled' is not supported for kind '{kind}'")
    if properties.get("isSftpEnabled") and not properties.get("isHnsEnabled"):
        raise refuse("'properties.isSftpEnabled' needs 'properties.isHnsEnabled'")


def show_account(_: Platform, account: Resource) -> Json:
    """The body with the endpoints that its kind has."""
    services = SERVICES_OF_KIND[account.body["kind"]]
    endpoints = {service: f"https://{cloud.host(account.name, service)}/" for service in services}
    return {**account.body, "properties": {**account.properties, "primaryEndpoints": endpoints}}


async def check_name(request: ArmRequest) -> ArmResponse:
    """POST checkNameAvailability."""
    name = str(values.required(request.body, "name", errors.invalid_property))
    if not ACCOUNT_NAME.fullmatch(name):
        error = errors.account_name_invalid(name)
    elif any(account.name == name for account in request.platform.resources.of_type(ACCOUNTS)):
        error = errors.account_already_taken(name)
    else:
        return ArmResponse({"nameAvailable": True})
    reason = "AccountNameInvalid" if error.status == 400 else "AlreadyExists"
    return ArmResponse({"nameAvailable": False, "reason": reason, "message": error.message})


async def put_blob_service(request: ArmRequest) -> Json:
    """Check retention, and what a hierarchical namespace does not have."""
    body, refuse = request.body, errors.invalid_property
    for policy in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy"):
        values.between(body, f"properties.{policy}.days", 1, 365, refuse)
        if values.optional(body, f"properties.{policy}.enabled") and not values.optional(
            body, f"properties.{policy}.days"
        ):
            raise refuse(f"'properties.{policy}.days' is required where the policy is enabled")
    account = request.platform.resources.require(request.id.parent)
    if account.properties.get("isHnsEnabled") and values.optional(body, "properties.isVersioningEnabled"):
        raise refuse("'properties.isVersioningEnabled' is not supported with a hierarchical namespace")
    properties = {**_BLOB_SERVICE_DEFAULTS, **(body.get("properties") or {})}
    return {"sku": account.body["sku"], "properties": properties}


def show_container(_: Platform, container: Resource) -> Json:
    """The body with what the service adds to every container."""
    properties = {
        "publicAccess": "None",
        "leaseStatus": "Unlocked",
        "leaseState": "Available",
        "defaultEncryptionScope": "$account-encryption-key",
        "denyEncryptionScopeOverride": False,
        "hasImmutabilityPolicy": False,
        "hasLegalHold": False,
        "deleted": False,
        "remainingRetentionDays": 0,
        "lastModifiedTime": container.updated_at,
        **container.properties,
    }
    return {"etag": f'"{container.etag}"', "properties": properties}


def resource_types(blobs: BlobStore, queues: QueueStore) -> tuple[ResourceType, ...]:
    """Accounts, their blob and queue services, and containers and queues that are really made in the stores."""

    async def put_container(request: ArmRequest) -> Json:
        account = parse(parse(request.id.parent).parent)
        access = values.one_of(
            request.body, "properties.publicAccess", ("None", "Blob", "Container"), errors.invalid_property
        )
        stored = request.platform.resources.require(account.text)
        if access in ("Blob", "Container") and not stored.properties.get("allowBlobPublicAccess"):
            raise errors.public_access_not_permitted()
        await blobs.create_container(account.name, request.id.name)
        return {"properties": request.body.get("properties") or {}}

    async def delete_container(request: ArmRequest) -> None:
        await blobs.delete_container(parse(parse(request.id.parent).parent).name, request.id.name)

    async def delete_account(request: ArmRequest) -> None:
        await blobs.delete_account(request.id.name)
        await queues.delete_account(request.id.name)

    async def put_queue(request: ArmRequest) -> Json:
        await queues.create_queue(parse(parse(request.id.parent).parent).name, request.id.name)
        return {"properties": request.body.get("properties") or {}}

    async def delete_queue(request: ArmRequest) -> None:
        await queues.delete_queue(parse(parse(request.id.parent).parent).name, request.id.name)

    return (
        ResourceType(
            name=ACCOUNTS,
            api_versions=VERSIONS,
            name_pattern=ACCOUNT_NAME,
            invalid_name=errors.account_name_invalid,
            put=put_account,
            show=show_account,
            delete=delete_account,
            list_actions={"checkNameAvailability": check_name},
            create_only=("kind", "properties.isHnsEnabled", "properties.isNfsV3Enabled"),
            created_status=200,
        ),
        ResourceType(
            name=BLOB_SERVICES,
            api_versions=VERSIONS,
            name_pattern=re.compile("default"),
            put=put_blob_service,
            delete=None,
            created_status=200,
        ),
        ResourceType(
            name=CONTAINERS,
            api_versions=VERSIONS,
            name_pattern=CONTAINER_NAME,
            invalid_name=errors.container_name_invalid,
            put=put_container,
            show=show_container,
            delete=delete_container,
        ),
        ResourceType(
            name=QUEUE_SERVICES,
            api_versions=VERSIONS,
            name_pattern=re.compile("default"),
            delete=None,
            created_status=200,
        ),
        ResourceType(
            name=QUEUES,
            api_versions=VERSIONS,
            name_pattern=QUEUE_NAME,
            put=put_queue,
            delete=delete_queue,
            created_status=200,
        ),
    )
