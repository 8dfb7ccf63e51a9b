"""Code snapshots: a container each, into which the client uploads by a SAS that stands for the workspace's identity."""

from __future__ import annotations

from uuid import uuid4

from adfkit.local_azure.cloud import host
from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.service import ArmRequest, ArmResponse
from adfkit.local_azure.services.machine_learning.api import workspace_of
from adfkit.local_azure.services.machine_learning.workspaces import (
    BLOB_STORE,
    create_container,
    datastore,
    workspace_principal,
)
from adfkit.local_azure.services.storage.user_delegation import container_sas


async def start_pending_upload(request: ArmRequest) -> ArmResponse:
    """A new container, and the right to write to it for an hour; the version itself is put once its files are there."""
    kind = request.body.get("pendingUploadType", "TemporaryBlobReference")
    if kind != "TemporaryBlobReference":
        raise not_implemented(f"pending uploads of type '{kind}'")
    workspace = workspace_of(request.platform, request.id.text)
    principal = workspace_principal(request.platform, workspace)
    account, _ = datastore(request.platform, workspace.id, BLOB_STORE)
    upload = str(uuid4())
    await create_container(request.platform, principal, account, upload)
    uri = f"https://{host(account, 'blob')}/{upload}"
    return ArmResponse(
        {
            "pendingUploadId": upload,
            "pendingUploadType": kind,
            "blobReferenceForConsumption": {
                "blobUri": uri,
                "storageAccountArmId": workspace.properties["storageAccount"],
                "credential": {
                    "credentialType": "SAS",
                    "sasUri": f"{uri}?{container_sas(principal, account, upload)}",
                },
            },
        }
    )
