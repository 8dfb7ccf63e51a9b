"""What the storage resource provider refuses.

https://learn.microsoft.com/rest/api/storagerp/srp_error_codes_common
"""

from __future__ import annotations

from adfkit.local_azure.errors import AzureError


def account_name_invalid(name: str) -> AzureError:
    """400 `AccountNameInvalid`."""
    return AzureError(
        400,
        "AccountNameInvalid",
        f"{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in "
        "length and use numbers and lower-case letters only.",
    )


def account_already_taken(name: str) -> AzureError:
    """409 `StorageAccountAlreadyTaken`."""
    return AzureError(409, "StorageAccountAlreadyTaken", f"The storage account named {name} is already taken.")


def invalid_property(reason: str) -> AzureError:
    """400 `InvalidRequestPropertyValue`."""
    return AzureError(400, "InvalidRequestPropertyValue", f"The request is invalid: {reason}.")


def container_name_invalid(name: str) -> AzureError:
    """400 `InvalidResourceName`."""
    return AzureError(
        400,
        "InvalidResourceName",
        f"The container name '{name}' is invalid: 3 to 63 lower-case letters, digits and single hyphens, beginning "
        "and ending with a letter or a digit.",
    )


def public_access_not_permitted() -> AzureError:
    """409 `PublicAccessNotPermitted`."""
    return AzureError(409, "PublicAccessNotPermitted", "Public access is not permitted on this storage account.")
