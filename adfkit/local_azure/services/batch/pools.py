"""Batch pools: https://learn.microsoft.com/rest/api/batchmanagement/pool/create"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from adfkit.local_azure.arm import values
from adfkit.local_azure.service import ArmRequest, Json
from adfkit.local_azure.services.batch import errors

_DURATION: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
MINIMUM_EVALUATION: Final = 5 * 60
MAXIMUM_EVALUATION: Final = 168 * 3600
MAXIMUM_NODES: Final = 16
"""Nodes that a pool may have on this machine."""


async def put_pool(request: ArmRequest) -> Json:
    """Check what nodes are made of and how the pool scales; the scheduler gives it its nodes."""
    body, refuse = request.body, errors.invalid_property
    values.required(body, "properties.vmSize", refuse)
    configuration = "properties.deploymentConfiguration.virtualMachineConfiguration"
    values.required(body, f"{configuration}.imageReference", refuse)
    values.required(body, f"{configuration}.nodeAgentSkuId", refuse)
    values.between(body, "properties.taskSlotsPerNode", 1, 256, refuse)
    _check_identity(body)
    _check_start_task(body)
    now = datetime.now(UTC).isoformat()
    created = request.existing.properties if request.existing else {}
    stored = {
        "taskSlotsPerNode": 1,
        "taskSchedulingPolicy": {"nodeFillType": "Spread"},
        "interNodeCommunication": "Disabled",
        **body["properties"],
        "scaleSettings": _scale_settings(body),
        "provisioningState": "Succeeded",
        "creationTime": created.get("creationTime", now),
        "provisioningStateTransitionTime": created.get("provisioningStateTransitionTime", now),
        "lastModified": now,
    }
    return {**body, "properties": stored}


def _scale_settings(body: Json) -> Json:
    refuse = errors.invalid_property
    fixed = values.optional(body, "properties.scaleSettings.fixedScale")
    auto = values.optional(body, "properties.scaleSettings.autoScale")
    if fixed is not None and auto is not None:
        raise refuse("'properties.scaleSettings' has both 'fixedScale' and 'autoScale'; a pool has one of them")
    if auto is not None:
        values.required(body, "properties.scaleSettings.autoScale.formula", refuse)
        interval = auto.get("evaluationInterval", "PT15M")
        check_interval(interval)
        return {"autoScale": {**auto, "evaluationInterval": interval}}
    scale = fixed or {}
    for name in ("targetDedicatedNodes", "targetLowPriorityNodes"):
        values.between(body, f"properties.scaleSettings.fixedScale.{name}", 0, MAXIMUM_NODES, refuse)
    return {"fixedScale": {"targetDedicatedNodes": 0, "targetLowPriorityNodes": 0, "resizeTimeout": "PT15M", **scale}}


def _check_identity(body: Json) -> None:
    identity = body.get("identity") or {}
    if "systemassigned" in str(identity.get("type", "")).lower():
        raise errors.invalid_property("'identity.type' of a pool is UserAssigned or None")


def _check_start_task(body: Json) -> None:
    if values.optional(body, "properties.startTask") is None:
        return
    values.required(body, "properties.startTask.commandLine", errors.invalid_property)


def check_interval(interval: object) -> None:
    """Refuse an evaluation interval that is none.

    Raises:
        AzureError: 400 `InvalidPropertyValue`.
    """
    seconds = _seconds(interval)
    if seconds is None or not MINIMUM_EVALUATION <= seconds <= MAXIMUM_EVALUATION:
        raise errors.invalid_property(
            f"'evaluationInterval' is '{interval}'; it must be an ISO 8601 duration from PT5M to PT168H"
        )


def _seconds(duration: object) -> int | None:
    match = _DURATION.fullmatch(duration) if isinstance(duration, str) else None
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
