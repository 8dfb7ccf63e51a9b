"""What keeps a pipeline of a folder from being run at all."""

from __future__ import annotations

from adfkit.local_azure.errors import LocalAzureError


class FolderRunError(LocalAzureError):
    """A folder, a pipeline, parameters or stubs that cannot be used; the text names the file and what is wrong."""
