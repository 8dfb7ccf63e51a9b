"""Durable Functions: the extension of the Functions host that replays orchestrations from their history.

https://learn.microsoft.com/azure/azure-functions/durable/durable-functions-orchestrations
History events, the actions that an orchestrator answers, and the HTTP API are those of the official extension.
"""

from adfkit.local_azure.services.web.durable.extension import DurableExtension
from adfkit.local_azure.services.web.durable.links import PATH, SYSTEM_KEY

__all__ = ["PATH", "SYSTEM_KEY", "DurableExtension"]
