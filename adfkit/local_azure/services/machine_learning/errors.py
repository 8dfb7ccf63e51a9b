"""What Azure Machine Learning answers when it refuses, each error once."""

from __future__ import annotations

from adfkit.local_azure.errors import AzureError


def validation(message: str, target: str | None = None) -> AzureError:
    """400: the body of a request does not hold together."""
    return AzureError(400, "ValidationError", message, target=target)


def asset_not_found(kind: str, name: str, version: str | None = None) -> AzureError:
    """404: no such asset, or no such version of it."""
    named = f"{name}, version: {version}" if version is not None else name
    return AzureError(404, "UserError", f"Not found: no {kind} with this name exists: {named}.")


def asset_immutable(kind: str, name: str, version: str, what: str) -> AzureError:
    """409: a version that exists is sent again with other content."""
    return AzureError(
        409,
        "UserError",
        f"A {kind} version with this name and version already exists ({name}:{version}). If you are trying to create "
        f"a new {kind} version, use a different name or version. If you are trying to update an existing {kind} "
        f"version, the existing asset's {what} cannot be changed. Only tags, description, and isArchived can be "
        "updated.",
    )


def job_not_found(name: str) -> AzureError:
    """404: no job of this name in the workspace."""
    return AzureError(404, "UserError", f"Run {name} was not found.")


def endpoint_not_found(name: str) -> AzureError:
    """404 at the host of an endpoint that does not exist."""
    return AzureError(404, "NotFound", f"There is no batch endpoint '{name}' in this region.")


def deployment_not_found(endpoint: str, deployment: str | None) -> AzureError:
    """404: an invocation that names no deployment there is, or an endpoint without a default one."""
    if deployment is None:
        message = f"Batch endpoint '{endpoint}' has no default deployment. Set one, or name one in the header."
    else:
        message = f"Deployment '{deployment}' does not exist in batch endpoint '{endpoint}'."
    return AzureError(404, "DeploymentNotFound", message)


def invalid_input(message: str) -> AzureError:
    """400: the inputs of an invocation do not fit the deployment's component."""
    return AzureError(400, "BadArgument", message)
