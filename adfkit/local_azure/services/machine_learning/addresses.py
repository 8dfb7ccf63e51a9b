"""What an input's address names: a blob, a place in a datastore, or a version of a data asset."""

from __future__ import annotations

import re
from typing import Final

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.resources import Resource
from adfkit.local_azure.services.machine_learning.assets import DATA, require_version
from adfkit.local_azure.services.machine_learning.blobs import BlobFolder, parse_url
from adfkit.local_azure.services.machine_learning.workspaces import datastore

IN_DATASTORE: Final = re.compile(
    r"azureml://(?:subscriptions/[^/]+/resourcegroups/[^/]+/(?:providers/[^/]+/)?workspaces/[^/]+/)?"
    r"datastores/(?P<name>[^/]+)/paths/(?P<path>.*)",
    re.IGNORECASE,
)


def resolve(platform: Platform, workspace: Resource, address: str) -> BlobFolder:
    """The place in blob storage.

    Raises:
        AzureError: 404 for a datastore or asset that is not there, 501 for another kind of address.
    """
    if address.startswith("https://"):
        return parse_url(address)
    if match := IN_DATASTORE.fullmatch(address):
        account, container = datastore(platform, workspace.id, match["name"])
        return BlobFolder(account, container, match["path"])
    if address.removeprefix("azureml:").lower().startswith("/subscriptions/"):
        version = require_version(platform, DATA, address)
        return resolve(platform, workspace, str(version.properties["dataUri"]))
    raise not_implemented(f"the address '{address}'; https, azureml://datastores/ and ids of data assets are")
