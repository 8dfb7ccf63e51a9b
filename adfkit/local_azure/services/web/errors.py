"""What App Service and Azure Functions answer when they refuse, one constructor an error."""

from __future__ import annotations

from adfkit.local_azure.errors import AzureError, LocalAzureError


class HostError(LocalAzureError):
    """A function host that can't run; its text is the reason that the site's 503 and the log give."""


class DeploymentError(HostError):
    """A package that is no function app for Python."""


def bad_request(message: str) -> AzureError:
    """400, with App Service's general code."""
    return AzureError(400, "BadRequest", message)


def invalid_config(path: str, rule: str) -> AzureError:
    """400: a part of `functionAppConfig` that is missing or not allowed; `path` as in `Deployment.Storage.Value`."""
    suffix = f".{path}" if path else ""
    return bad_request(f"Site.FunctionAppConfig{suffix} is invalid. {rule}")


def invalid_app_setting(name: str) -> AzureError:
    """400: an app setting that Flex Consumption has no use for."""
    return bad_request(
        f"The following app setting (Site.SiteConfig.AppSettings.{name}) for Flex Consumption sites is invalid. "
        "Please remove or rename it before retrying."
    )


def plan_not_found(name: str) -> AzureError:
    """404: the site's plan."""
    return AzureError(404, "NotFound", f"Cannot find ServerFarm with name {name}.")


def name_taken(name: str) -> AzureError:
    """409: site names are unique in the whole cloud, since they are host names."""
    return AzureError(409, "Conflict", f"Website with given name {name} already exists.")


def plan_in_use(name: str, sites: str) -> AzureError:
    """409: a plan is deleted after its sites."""
    return AzureError(
        409, "Conflict", f"Server farm '{name}' cannot be deleted because it has web app(s) {sites} assigned to it."
    )


def not_zip(content_type: str) -> AzureError:
    """415: the publish API takes zip archives only."""
    return AzureError(
        415, "UnsupportedMediaType", f"Content type '{content_type}' is not supported. Send application/zip."
    )


def deployment_in_progress() -> AzureError:
    """409: one deployment a site at a time."""
    return AzureError(
        409, "Conflict", "There is a deployment currently in progress. Please try again when it completes."
    )


def deployment_not_found(id: str) -> AzureError:
    """404: a deployment's id."""
    return AzureError(404, "NotFound", f"Deployment {id} not found.")
