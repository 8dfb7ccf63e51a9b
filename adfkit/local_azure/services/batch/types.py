"""Microsoft.Batch: https://learn.microsoft.com/rest/api/batchmanagement/"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from adfkit.local_azure import cloud
from adfkit.local_azure.arm import values
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resource_id import parse
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.service import ArmRequest, DeleteHook, Json, ResourceType, ShowHook
from adfkit.local_azure.services.batch import errors
from adfkit.local_azure.services.batch.pools import MAXIMUM_NODES, put_pool

ACCOUNTS: Final = "Microsoft.Batch/batchAccounts"
VERSIONS: Final = frozenset({"2022-10-01", "2023-05-01", "2023-11-01", "2024-02-01", "2024-07-01", "2025-06-01"})
MODES: Final = ("SharedKey", "AAD", "TaskAuthenticationToken")


async def put_account(request: ArmRequest) -> Json:
    """Check storage, allocation and authentication modes; the name is unique in its region."""
    body, refuse = request.body, errors.invalid_property
    for other in request.platform.resources.of_type(ACCOUNTS):
        same = other.name == request.id.name and other.body.get("location") == body["location"]
        if same and parse(other.id).key != request.id.key:
            raise errors.account_name_in_use(request.id.name)
    mode = values.one_of(body, "properties.poolAllocationMode", ("BatchService", "UserSubscription"), refuse)
    properties = body.get("properties") or {}
    if mode == "UserSubscription":
        values.required(body, "properties.keyVaultReference.id", refuse)
    for given in properties.get("allowedAuthenticationModes") or []:
        if given not in MODES:
            raise refuse(f"'properties.allowedAuthenticationModes' has '{given}'; allowed are {', '.join(MODES)}")
    if "autoStorage" in properties:
        properties = {**properties, "autoStorage": _auto_storage(request)}
    stored = {
        "publicNetworkAccess": "Enabled",
        "poolAllocationMode": mode or "BatchService",
        "allowedAuthenticationModes": list(MODES),
        "encryption": {"keySource": "Microsoft.Batch"},
        "dedicatedCoreQuota": MAXIMUM_NODES,
        "dedicatedCoreQuotaPerVMFamily": [],
        "dedicatedCoreQuotaPerVMFamilyEnforced": True,
        "lowPriorityCoreQuota": 0,
        "poolQuota": 100,
        "activeJobAndJobScheduleQuota": 300,
        "privateEndpointConnections": [],
        **properties,
    }
    return {**body, "properties": stored}


def _auto_storage(request: ArmRequest) -> Json:
    given: Json = request.body["properties"]["autoStorage"]
    id = str(values.required(request.body, "properties.autoStorage.storageAccountId", errors.invalid_property))
    account = request.platform.resources.get(id)
    if account is None or account.type.lower() != "microsoft.storage/storageaccounts":
        raise errors.invalid_auto_storage(id)
    mode = values.one_of(
        request.body,
        "properties.autoStorage.authenticationMode",
        ("StorageKeys", "BatchAccountManagedIdentity"),
        errors.invalid_property,
    )
    if mode == "BatchAccountManagedIdentity" and not (request.body.get("identity") or {}):
        raise errors.invalid_property("'autoStorage' with BatchAccountManagedIdentity needs the account's 'identity'")
    if mode != "BatchAccountManagedIdentity" and account.properties.get("allowSharedKeyAccess") is False:
        raise errors.invalid_property(f"'autoStorage' with StorageKeys: '{account.name}' does not permit shared keys")
    return {**given, "authenticationMode": mode or "StorageKeys", "lastKeySync": datetime.now(UTC).isoformat()}


def show_account(_: Platform, account: Resource) -> Json:
    """The body with the account's endpoints."""
    region = account.body["location"]
    node = str(uuid5(NAMESPACE_URL, account.id.lower()))
    endpoints = {
        "accountEndpoint": cloud.host(account.name, region, "batch"),
        "nodeManagementEndpoint": cloud.host(node, region, "service", "batch"),
    }
    return {**account.body, "properties": {**account.properties, **endpoints}}


def resource_types(show_pool: ShowHook, delete_account: DeleteHook) -> tuple[ResourceType, ...]:
    """The types; `show_pool` tells of a pool's nodes, `delete_account` forgets an account's jobs."""
    return (
        ResourceType(
            name=ACCOUNTS,
            api_versions=VERSIONS,
            name_pattern=re.compile(r"[a-z0-9]{3,24}"),
            invalid_name=errors.invalid_account_name,
            put=put_account,
            show=show_account,
            long_running=True,
            delete=delete_account,
            created_status=200,
            create_only=("properties.poolAllocationMode",),
        ),
        ResourceType(
            name=f"{ACCOUNTS}/pools",
            api_versions=VERSIONS,
            name_pattern=re.compile(r"[A-Za-z0-9_-]{1,64}"),
            put=put_pool,
            show=show_pool,
            created_status=200,
            create_only=("properties.vmSize", "properties.deploymentConfiguration"),
        ),
    )
