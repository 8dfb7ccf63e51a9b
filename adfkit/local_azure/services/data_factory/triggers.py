"""Triggers: stored, listed and stopped. None can be started yet, and none has ever run."""

from __future__ import annotations

from adfkit.local_azure.errors import not_implemented
from adfkit.local_azure.service import ArmRequest, ArmResponse
from adfkit.local_azure.services.data_factory import queries
from adfkit.local_azure.services.data_factory.documents import NAMESPACE, Documents


async def start(request: ArmRequest) -> ArmResponse:
    """`start`.

    Raises:
        AzureError: 501 names the type of trigger.
    """
    raise not_implemented(f"starting triggers of type '{request.require().properties.get('type')}'")


async def stop(request: ArmRequest) -> ArmResponse:
    """`stop`: nothing to do, since every trigger is stopped."""
    request.require()
    return ArmResponse()


async def query(request: ArmRequest) -> ArmResponse:
    """`querytriggers` of a factory.

    Raises:
        AzureError: 501 for the triggers that depend on another.
    """
    if request.body.get("parentTriggerName"):
        raise not_implemented("querying triggers by 'parentTriggerName'")
    triggers = request.platform.resources.children(request.id.text, f"{NAMESPACE}/triggers")
    shown = [
        {"id": trigger.id, "name": trigger.name, "type": trigger.type, **Documents.show(request.platform, trigger)}
        for trigger in triggers
    ]
    return ArmResponse({"value": shown})


async def query_runs(request: ArmRequest) -> ArmResponse:
    """`queryTriggerRuns` of a factory: none, since no trigger has run."""
    queries.Query.read(request.body)
    return ArmResponse({"value": []})
