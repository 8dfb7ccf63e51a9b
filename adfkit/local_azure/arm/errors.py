"""What Azure Resource Manager itself refuses, each error once, in its own words.

https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
"""

from __future__ import annotations

from collections.abc import Iterable

from adfkit.local_azure.errors import AzureError, not_implemented
from adfkit.local_azure.resource_id import ResourceId


def type_not_supported(name: str) -> AzureError:
    """501: a resource type (or namespace) that local Azure does not have."""
    return not_implemented(f"the resource type '{name}'")


def missing_api_version() -> AzureError:
    """400 `MissingApiVersionParameter`."""
    return AzureError(
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
    )


def api_version_not_registered(version: str, type_name: str, supported: Iterable[str]) -> AzureError:
    """400 `NoRegisteredProviderFound`, with the versions that would do."""
    namespace, _, type = type_name.partition("/")
    return AzureError(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for API version '{version}' for type '{type}' of namespace "
        f"'{namespace}'. The supported api-versions are '{', '.join(sorted(supported))}'.",
    )


def invalid_namespace(namespace: str) -> AzureError:
    """404 `InvalidResourceNamespace`."""
    return AzureError(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")


def invalid_path(path: str) -> AzureError:
    """404 `InvalidRequestUri`: no resource and no operation of ARM."""
    return AzureError(404, "InvalidRequestUri", f"The request path '{path}' names no resource and no operation.")


def method_not_allowed(method: str) -> AzureError:
    """405."""
    return AzureError(405, "MethodNotAllowed", f"The requested resource does not support http method '{method}'.")


def action_not_supported(type_name: str, action: str) -> AzureError:
    """501: an action of a type, by name."""
    return not_implemented(f"the operation '{action}' of '{type_name}'")


def subscription_not_found(subscription_id: str) -> AzureError:
    """404 `SubscriptionNotFound`."""
    return AzureError(404, "SubscriptionNotFound", f"The subscription '{subscription_id}' could not be found.")


def group_not_found(name: str) -> AzureError:
    """404 `ResourceGroupNotFound`."""
    return AzureError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")


def group_being_deleted(name: str) -> AzureError:
    """409 `ResourceGroupBeingDeleted`."""
    return AzureError(
        409,
        "ResourceGroupBeingDeleted",
        f"The resource group '{name}' is in deprovisioning state and cannot perform this operation.",
    )


def not_found(id: ResourceId) -> AzureError:
    """404 `ResourceNotFound`."""
    under = f" under resource group '{id.resource_group}'" if id.resource_group else ""
    return AzureError(404, "ResourceNotFound", f"The Resource '{_typed_name(id)}'{under} was not found.")


def parent_not_found(id: ResourceId) -> AzureError:
    """404 `ParentResourceNotFound`."""
    return AzureError(
        404,
        "ParentResourceNotFound",
        f"Failed to perform 'write' on resource(s) of type '{id.type.partition('/')[2]}', because the parent resource "
        f"'{id.parent}' could not be found.",
    )


def scope_not_supported(id: ResourceId) -> AzureError:
    """400 `InvalidResourceType`: a type at a scope where it does not live."""
    return AzureError(
        400, "InvalidResourceType", f"A resource of type '{id.type}' cannot exist at '{id.scope or '/'}'."
    )


def invalid_name(name: str, id: ResourceId, pattern: str) -> AzureError:
    """400 `InvalidResourceName`."""
    return AzureError(
        400, "InvalidResourceName", f"Resource name '{name}' of type '{id.type}' is invalid. It must match '{pattern}'."
    )


def invalid_body(reason: str) -> AzureError:
    """400 `InvalidRequestContent`."""
    return AzureError(400, "InvalidRequestContent", f"The request content was invalid: {reason}.")


def location_required() -> AzureError:
    """400 `LocationRequired`."""
    return AzureError(400, "LocationRequired", "The location property is required for this definition.")


def location_not_available(location: str, type_name: str, available: Iterable[str]) -> AzureError:
    """400 `LocationNotAvailableForResourceType`."""
    return AzureError(
        400,
        "LocationNotAvailableForResourceType",
        f"The provided location '{location}' is not available for resource type '{type_name}'. "
        f"List of available regions for the resource type is '{','.join(available)}'.",
    )


def location_immutable(id: ResourceId, existing: str, requested: str) -> AzureError:
    """409 `InvalidResourceLocation` (`InvalidResourceGroupLocation` for a group)."""
    if id.type.lower() == "microsoft.resources/resourcegroups":
        return AzureError(
            409,
            "InvalidResourceGroupLocation",
            f"Invalid resource group location '{requested}'. The Resource group already exists in location "
            f"'{existing}'.",
        )
    return AzureError(
        409,
        "InvalidResourceLocation",
        f"The resource '{id.name}' already exists in location '{existing}' in resource group '{id.resource_group}'. "
        f"A resource with the same name cannot be created in location '{requested}'. "
        "Please select a new resource name.",
    )


def property_change_not_allowed(id: ResourceId, path: str) -> AzureError:
    """409 `PropertyChangeNotAllowed`: a property that is set for good at creation."""
    return AzureError(
        409,
        "PropertyChangeNotAllowed",
        f"Changing property '{path}' is not allowed for '{_typed_name(id)}'.",
        target=path,
    )


def already_exists(id: ResourceId) -> AzureError:
    """412 `PreconditionFailed`: `If-None-Match: *` on what exists."""
    return AzureError(412, "PreconditionFailed", f"The resource '{_typed_name(id)}' exists already (If-None-Match: *).")


def operation_in_progress(id: ResourceId) -> AzureError:
    """409 `AnotherOperationInProgress`."""
    return AzureError(
        409,
        "AnotherOperationInProgress",
        f"Another operation on '{_typed_name(id)}' is in progress; try again when it has ended.",
    )


def operation_not_found(name: str) -> AzureError:
    """404 `OperationNotFound`."""
    return AzureError(404, "OperationNotFound", f"The operation '{name}' was not found.")


def identity_not_found(id: ResourceId, identity: str) -> AzureError:
    """400 `FailedIdentityOperation`: a user-assigned identity that does not exist."""
    return AzureError(
        400,
        "FailedIdentityOperation",
        f"Identity operation for resource '{id.text}' failed: the user assigned identity '{identity}' was not found.",
    )


def invalid_identity(id: ResourceId, reason: str) -> AzureError:
    """400 `InvalidIdentityValues`."""
    return AzureError(400, "InvalidIdentityValues", f"Invalid value for the identities of '{id.text}': {reason}.")


def _typed_name(id: ResourceId) -> str:
    return f"{id.type}/{'/'.join(id.names)}"
