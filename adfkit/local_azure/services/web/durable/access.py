"""Whether an app may reach its task hub: the storage provider of Durable Functions keeps it in queues and tables.

Local Azure keeps the hub in SQLite; what Azure asks for, it asks for too: the settings of the connection, and the
roles of the app's identity on the account.
https://learn.microsoft.com/azure/azure-functions/durable/durable-functions-configure-managed-identity
"""

from __future__ import annotations

from typing import Final

from adfkit.local_azure import cloud
from adfkit.local_azure.platform import Platform
from adfkit.local_azure.services.web.errors import HostError
from adfkit.local_azure.services.web.models import App

ACCOUNTS: Final = "Microsoft.Storage/storageAccounts"
CONNECTION: Final = "AzureWebJobsStorage"
DATA_ACTIONS: Final = {
    "queue": f"{ACCOUNTS}/queueServices/queues/messages/write",
    "table": f"{ACCOUNTS}/tableServices/tables/entities/write",
}


def check_access(platform: Platform, app: App) -> None:
    """Refuse an app that could not use its hub in Azure.

    Raises:
        HostError: a setting of the connection is missing, or the app's identity lacks a role on the account.
    """
    for service, data_action in DATA_ACTIONS.items():
        account = _account(app, service)
        resource = next((each for each in platform.resources.of_type(ACCOUNTS) if each.name == account), None)
        if resource is None:
            raise HostError(f"The task hub of '{app.name}' can't be reached: there is no storage account '{account}'.")
        if app.principal is None or not platform.identity.can(app.principal, resource.id, data_action=data_action):
            identity = f"object id '{app.principal.object_id}'" if app.principal else "it has none"
            raise HostError(
                f"The task hub of '{app.name}' in https://{cloud.host(account, service)} can't be used with the "
                f"identity of the function app ({identity}): This request is not authorized to perform this operation "
                "using this permission. Status: 403 ErrorCode: AuthorizationPermissionMismatch"
            )


def _account(app: App, service: str) -> str:
    """The account of the connection: by name, or by the service's URL."""
    if name := app.settings.get(f"{CONNECTION}__accountName"):
        return name
    url = app.settings.get(f"{CONNECTION}__{service}ServiceUri", "")
    account = url.removeprefix("https://").partition(".")[0]
    if not account or not url.startswith(f"https://{cloud.host(account, service)}"):
        raise HostError(
            f"Unable to resolve the Azure Storage connection named 'Storage': the setting {CONNECTION}__{service}"
            f"ServiceUri of '{app.name}' must be https://ACCOUNT.{service}.{cloud.SUFFIX}."
        )
    return account
