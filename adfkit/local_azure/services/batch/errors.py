"""What the Batch resource provider refuses."""

from __future__ import annotations

from adfkit.local_azure.errors import AzureError


def invalid_account_name(name: str) -> AzureError:
    """400 `InvalidBatchAccountName`."""
    return AzureError(
        400,
        "InvalidBatchAccountName",
        f"The Batch account name '{name}' is invalid: 3 to 24 lower-case letters and digits.",
    )


def account_name_in_use(name: str) -> AzureError:
    """409 `AccountNameInUse`."""
    return AzureError(409, "AccountNameInUse", f"The Batch account name '{name}' is already in use in this region.")


def invalid_property(reason: str) -> AzureError:
    """400 `InvalidPropertyValue`."""
    return AzureError(400, "InvalidPropertyValue", f"The request is invalid: {reason}.")


def invalid_auto_storage(id: str) -> AzureError:
    """400 `InvalidAutoStorageAccount`."""
    return AzureError(
        400, "InvalidAutoStorageAccount", f"The auto storage account '{id}' does not exist or cannot be used."
    )
