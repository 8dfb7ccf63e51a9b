"""The Data Lake Storage Gen2 host of accounts with a hierarchical namespace, over the same blobs.

What Hadoop's ABFS driver and azure-storage-file-datalake use:
https://learn.microsoft.com/rest/api/storageservices/data-lake-storage-gen2
"""

from adfkit.local_azure.services.storage.dfs.data_plane import DfsDataPlane
from adfkit.local_azure.services.storage.dfs.errors import render_dfs_error

__all__ = ["DfsDataPlane", "render_dfs_error"]
